//! Reads which migrations have been applied.

use crate::platform::db::{Fault, Reader, Sql};
use crate::sql;

const MIGRATION: Sql = sql!("select coalesce(max(version), 0) from _sqlx_migrations where success");

/// The last migration that was run.
pub(super) async fn migration(tx: &mut Reader) -> Result<i64, Fault> {
    let (version,): (i64,) = tx.query(MIGRATION).one().await?;
    Ok(version)
}
