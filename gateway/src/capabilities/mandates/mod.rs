//! Mandates: a fan's standing consent to be charged within limits.
//!
//! Invariants: what a fan agreed to never changes; a mandate that is over, or not agreed to, is never charged:
//! the poster holds it while it posts; a fan decides about a consent once.

mod http;
mod model;
mod page;
pub mod service;
mod store;

pub use http::{routes, sandbox_routes};
pub use page::configure;
pub use service::Standing;
