//! The foundation, which knows no capability: configuration, database, time, keys, the event log's outbox, jobs, the ledger.

pub mod clock;
pub mod config;
mod context;
pub mod crypto;
pub mod db;
pub(crate) mod exposure;
pub mod fault;
pub mod jobs;
pub mod keyring;
pub mod ledger;
pub mod logs;
pub mod metrics;
pub mod outbox;
pub mod retention;
pub mod retry;
pub mod shutdown;
mod state;
pub(crate) mod tls;
pub(crate) mod window;

pub use context::Context;
pub use state::Platform;
