//! Content: posts of a circle.
//!
//! Invariants: a post is seen from `publish_at` on, and that never moves once it has passed; at most three of a circle are
//! pinned; an author publishes in any 24 hours no more than the circle allows; a deleted post is kept and never shown.

mod http;
mod model;
pub mod service;
mod store;

pub use http::routes;

#[cfg(test)]
mod plan_tests;
#[cfg(test)]
mod tests;
