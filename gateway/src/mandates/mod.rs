//! Mandates: a fan's standing consent to be charged within limits.
//!
//! Invariants: what a fan agreed to never changes; a mandate that is over is never charged again: the poster holds it while it posts.

mod http;
pub mod service;
mod store;

pub use http::{routes, sandbox_routes};
pub use service::Terms;
