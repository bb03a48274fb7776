//! Events: the numbered log of each partner.
//!
//! Invariants: an event is committed with its change or not at all; sequence numbers have no gaps and become visible in
//! order; events of one object are in the order of its versions.

mod check;
mod notifier;
pub mod service;
pub(crate) mod store;

pub use check::LEDGER_CHECKS;
pub use notifier::{LOOK_AGAIN, Notifier, Subscription};
pub use store::Stored;
