//! Events: the numbered log of each partner.
//!
//! Invariants: a fact is committed with its change or not at all; numbers have no gaps and become visible in their order;
//! events of one object come in the order of its versions.

mod notifier;
pub mod service;
pub(crate) mod store;

pub use notifier::{LOOK_AGAIN, Notifier, Subscription};
pub use store::Stored;
