//! What happens to a circle together with its gate and its posts.
//!
//! Invariants: a circle is never without a gate; its rights ask for no other credit band than its gate does; in a closed circle
//! nothing is scheduled.

mod http;
pub mod service;

pub use http::routes;
