//! What a fan does through an app (`/v1/me`): joins, reads, posts, tips.
//!
//! Invariant: a fan acts for itself alone: the fan is the one of the token, never one that a request names.

mod api;

pub use api::routes;
