//! The ledger as partners read it: balances, accounts and their entries.

mod http;
mod service;

pub use http::{routes, sandbox_routes};
pub use service::report;
