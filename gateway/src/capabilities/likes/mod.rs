//! Likes: a fan likes a post or a comment, or does not.
//!
//! Invariants: a fan likes a thing at most once; `likes` of a thing is the number of its fans who do, whoever clicks at the same
//! time; a like makes no event, or a hot post would flood its partner's log.

mod http;
pub mod service;
mod store;

pub use http::routes;
