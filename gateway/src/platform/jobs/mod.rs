//! Jobs: what is due at a time, in one table, done by one runner in each process.
//!
//! Invariants: a job is enqueued in the transaction that wants it; of one thing (kind, object) there is one job; its effect and
//! its end are committed together, by whoever holds its claim, so it takes effect once; a job that fails is tried again, later
//! each time, is never lost and keeps no other waiting.
//!
//! To add a kind: a constant [`JobKind`] and its handler in its capability, which the app collects ([`Handlers`]).

mod handlers;
mod model;
pub mod runner;
pub mod service;
mod store;
mod wake;

pub use handlers::{Handlers, Jobs};
pub use model::{Claimed, Ending, Job, JobId, JobKind, Outcome};
pub use wake::Wake;

#[cfg(test)]
mod tests;
