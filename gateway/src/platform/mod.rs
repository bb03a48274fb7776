//! What everything stands on and no capability's noun appears in: configuration, database, time, keys, the event log's outbox,
//! due work, the ledger.

pub mod clock;
pub mod config;
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
pub mod shutdown;
pub(crate) mod tls;
pub(crate) mod window;
