//! Payments and refunds: their rules, and the transfers that belong to each change.
//!
//! Invariants: a payment and its transfers are written together; fee and net add up to the amount; refunds never exceed the
//! payment, and their fee is in proportion; a payment is decided once.

pub mod accounts;
mod check;
pub mod due;
mod http;
mod jobs;
mod kinds;
mod lookups;
mod model;
mod record;
pub mod service;
mod store;

pub use check::{COUNTED, LEDGER_CHECKS};
pub use http::routes;
pub use jobs::jobs;
pub use lookups::PaymentLookups;
pub use model::PaymentRow;
#[cfg(test)]
pub use record::{PaymentWrite, PaymentWrites};
