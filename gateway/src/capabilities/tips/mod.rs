//! Tips: totals of circles and posts, and leaderboards. The totals are written by the ledger's poster with each payment.

mod change;
mod check;
mod http;
mod record;
mod service;
mod store;

pub use change::TipChange;
pub use check::LEDGER_CHECKS;
pub use http::routes;
pub use record::TipSums;
