//! Events: the numbered log of each partner.
//!
//! Invariants: a fact is committed with its change or not at all; numbers have no gaps and become visible in their order;
//! events of one object come in the order of its versions.

mod bell;
mod http;
pub mod service;
mod store;
mod stream;

pub use bell::{Bell, Ear, LOOK_AGAIN};
pub use http::routes;
pub use store::Stored;
pub use stream::Streams;
