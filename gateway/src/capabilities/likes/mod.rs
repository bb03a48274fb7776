//! Likes of posts and comments.
//!
//! Invariants: a fan likes a post or comment at most once; `likes` is the exact number of fans who do, even under concurrent
//! clicks; there are no events about likes, because a popular post would flood its partner's log.

mod http;
mod model;
pub mod service;
mod store;

pub use http::routes;
