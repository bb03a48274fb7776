//! Payments and refunds: what they say, when they may change, and the transfers that go with each change.
//!
//! Invariants: a payment and what the ledger moved for it are written together; fee and net are the amount; what was given back
//! is never more than what was paid, and the fee part of it is in proportion; a payment is decided once.

pub mod due;
mod http;
mod model;
pub mod service;
mod store;

pub use http::routes;
pub use model::{RecordWrite, Row, TipChange, day_of, per_day, per_payment};
pub use store::{Facts, Question};

/// Gathers what has to be known for new payments.
pub type PaymentFacts = crate::platform::db::Batcher<Question, Facts>;
