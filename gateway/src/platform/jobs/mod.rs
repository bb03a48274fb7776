//! Jobs: work that is due at a certain time, in one table, run by one runner in each process.
//!
//! Invariants: a job is enqueued in the transaction that needs it; there is one job per kind and object; its effect and its
//! end are committed together, by the holder of its claim, so it takes effect once; a failed job is retried with growing
//! delays, is never lost and does not hold up others.
//!
//! To add a kind: a constant [`JobKind`] and its handler in its capability, which the app collects ([`Handlers`]).

mod handlers;
mod model;
pub mod runner;
pub mod service;
mod store;
mod turns;
mod wake;

pub use handlers::{Handlers, Jobs};
pub use model::{Claimed, Ending, Job, JobId, JobKind, Outcome};
pub use turns::Turns;
pub use wake::Wake;
pub(crate) use wake::is_soon;

#[cfg(test)]
mod tests;
