//! The ledger as partners read it: balances, accounts and their entries.

mod http;

pub use http::{routes, sandbox_routes};
