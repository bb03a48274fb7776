//! A fan's own things, by two ways: what an app does for the fan (`/v1/me`), and the page where a person sees it all and takes things
//! back (`/me`).
//!
//! Invariants: through an app a fan acts for itself alone: the fan is the one of the token, never one that a request names. Only
//! who is signed in sees the page; what can be taken back there is the person's own, checked in the transaction that takes it back.

mod api;
mod http;
mod page;
mod service;

pub use api::routes;
pub use http::configure;
