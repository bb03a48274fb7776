//! Comments on posts, and replies to comments.
//!
//! Invariants: a post's `comments` is the exact number of its comments that are not deleted, even under concurrent writes; a
//! reply refers to a comment on the same post that is not a reply; a deleted comment is kept and never shown; a nickname is
//! shown only while the fan lets an app of the partner read it, and is never in an event.

mod http;
pub mod service;
mod store;

pub use http::routes;
