//! The database: SQLite or PostgreSQL behind one SQL text. Invariant: no capability can tell which engine it runs on.
//!
//! - [`Sql`] and [`sql!`](crate::sql): a statement, checked at compile time.
//! - [`Db`]: two pools; [`Db::begin`] writes, [`Db::reading`] reads; both give a [`Tx`], which is all a store function takes.
//! - [`Query`]: a closed list of bindable types ([`Bind`]), rows by `derive(sqlx::FromRow)` ([`Record`]).
//! - [`Fault`]: the same faults and constraint names on both engines.
//! - `migrations/`: one folder in PostgreSQL words, translated for SQLite.

mod batcher;
mod bind;
mod column;
mod connection;
mod contract;
mod dialect;
mod engine;
mod enum_columns;
mod fault;
mod keyset;
mod migrate;
pub(crate) mod named;
mod outbox;
mod pool;
pub mod scratch;
mod sql;
mod tx;

#[cfg(test)]
mod schema_tests;
#[cfg(test)]
mod statement_tests;
#[cfg(test)]
mod tenant_tests;
#[cfg(test)]
mod tests;

pub use batcher::Batcher;
pub use bind::{Bind, List, Value};
pub use column::{As, Column};
pub use engine::Engine;
pub(crate) use enum_columns::enum_columns;
pub use enum_columns::{enum_text, read_enum};
pub use fault::{Cause, Fault};
pub use keyset::{KEYSET_UPPER_BOUND, id_or_upper_bound};
pub use migrate::{MigrationFault, latest_version};
pub use named::{as_micros, as_optional_micros};
pub use outbox::Fact;
pub use pool::{Connections, Db, Settings};
pub use sql::Sql;
pub use sqlx::error::BoxDynError as ColumnError;
pub use sqlx::types::Json;
pub use tx::{Query, Reader, Record, Tx};
