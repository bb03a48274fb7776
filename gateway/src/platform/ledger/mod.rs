//! The ledger: accounts, immutable transfers, and one writer that posts them in batches.
//!
//! Invariants: in each currency all balances sum to zero; no account with a floor goes below it; a balance is the sum of its
//! account's entries, which are numbered without gaps; a reservation is settled once.

mod batch;
mod check;
#[cfg(test)]
mod commit_tests;
#[cfg(test)]
mod fixture;
pub(crate) mod model;
mod order;
mod poster;
#[cfg(test)]
mod poster_tests;
pub(crate) mod service;
mod settle;
mod store;

pub use check::run as check;
pub(crate) use order::{Allowance, LimitName, Order, Outcome, Refused, Versioned};
pub use poster::{Poster, run};
pub(crate) use settle::{LedgerCommand, settle};
