//! What happens to a membership together with the member's posts.
//!
//! Invariant: who is no longer a member publishes nothing, also not what was scheduled before.

mod http;
pub mod service;

pub use http::routes;
