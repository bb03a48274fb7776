//! Comments on posts, and replies to comments.
//!
//! Invariants: `comments` of a post is the number of its comments that are not deleted, whoever writes at the same time; a reply
//! is to a comment of the same post that is no reply; a deleted comment is kept and never shown; a nickname is shown only as long
//! as its fan lets an app of the partner read it, and no event carries one.

mod http;
pub mod service;
mod store;

pub use http::routes;
