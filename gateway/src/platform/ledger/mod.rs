//! The ledger: accounts, immutable transfers, and one writer that posts them in batches.
//!
//! It knows no capability. What a capability wants checked, locked or written together with its transfers, it hands in as records
//! of a kind of its own (`RecordKind`); what a refusal means to a partner, the capability says.
//!
//! Invariants: in each currency all balances sum to zero; no account with a floor goes below it; a balance is the sum of its
//! account's entries, which are numbered without gaps; a reservation is settled once.

mod allowance;
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
mod queue;
mod record;
#[cfg(test)]
mod record_tests;
mod records;
pub(crate) mod service;
mod settle;
mod store;

pub(crate) use allowance::{Allowance, Allowances, amount_limit};
pub(crate) use check::{CheckReport, CheckSet, LedgerChecks};
pub(crate) use order::{LedgerCommand, LedgerOrder, LedgerOutcome, LedgerRefusal};
pub use poster::run;
pub use queue::Poster;
pub(crate) use record::{RecordKind, Replay, Stage, Verdict};
pub(crate) use settle::settle;
pub(crate) use store::{AccountRow, TransferRow};
