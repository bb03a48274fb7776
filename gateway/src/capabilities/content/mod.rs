//! Content: posts of a circle.
//!
//! Invariants: a post is visible from `publish_at` on, which never changes once it has passed; a circle has at most three
//! pinned posts; an author publishes in any 24 hours no more than the circle allows; a deleted post is kept and never shown.

mod http;
mod jobs;
mod model;
mod row;
pub mod service;
mod store;

pub use http::routes;
pub use jobs::jobs;

#[cfg(test)]
pub(crate) use model::PUBLISH_POST;

#[cfg(test)]
mod plan_tests;
#[cfg(test)]
mod tests;
