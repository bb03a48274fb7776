//! The database: SQLite or PostgreSQL behind one SQL text. Invariant: no capability can tell which engine it runs on.
//!
//! - [`Sql`] and [`sql!`](crate::sql): a statement, counted and checked while compiling.
//! - [`Db`]: two pools; [`Db::begin`] writes, [`Db::reading`] reads; both give a [`Tx`], which is all a store function takes.
//! - [`Query`]: a closed list of bindable types ([`Bind`]), rows by `derive(sqlx::FromRow)` ([`Record`]).
//! - [`Fault`]: the same faults and constraint names on both engines.
//! - `migrations/`: one folder in PostgreSQL words, translated for SQLite.

mod again;
mod bind;
mod column;
mod contract;
mod dialect;
mod fault;
mod migrate;
mod order;
mod outbox;
mod pool;
pub mod scratch;
mod sql;
mod together;
mod tx;
mod words;

#[cfg(test)]
mod schema_tests;
#[cfg(test)]
mod statement_tests;
#[cfg(test)]
mod tests;

pub use again::{Attempts, Repeatable, again};
pub use bind::{Bind, List, Value};
pub use column::{As, Column};
pub use fault::{Cause, Fault, OnFault};
pub use migrate::{MigrationFault, latest_version};
pub use order::{END, id_or_end};
pub use outbox::Fact;
pub use pool::{Connections, Db, Engine, Settings};
pub use sql::Sql;
pub use sqlx::types::Json;
pub use together::Together;
pub use tx::{Query, Record, Tx};
pub use words::word;
