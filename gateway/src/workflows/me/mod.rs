//! A fan's own data, in two forms: what an app does for the fan (`/v1/me`), and the page where fans see everything and
//! revoke permissions (`/me`).
//!
//! Invariants: through an app a fan acts only for themselves: the fan is the one the token belongs to, never one named in a
//! request. Only the signed-in fan sees the page; only the person's own grants and mandates can be revoked, checked in the
//! transaction that revokes them.

mod api;
mod http;
mod page;
mod service;

pub use api::routes;
pub use http::{PATH, configure};
