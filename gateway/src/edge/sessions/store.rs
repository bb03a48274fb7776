//! All SQL of sessions.

use quanzi_openapi::Time;
use quanzi_openapi::id::PersonId;
use sqlx::FromRow;

use crate::platform::db::{As, Fault, Reader, Sql, Tx};
use crate::sql;

const ADD: Sql =
    sql!("insert into fan_session (id_hash, person_id, authenticated_at, expires_at) values ($1, $2, $3, $4)");
const FIND: Sql = sql!("select person_id, authenticated_at, expires_at from fan_session where id_hash = $1");
const END: Sql = sql!("delete from fan_session where id_hash = $1");
const SWEEP: Sql = sql!(
    "delete from fan_session where id_hash in ",
    "(select id_hash from fan_session where expires_at < $1 order by expires_at limit $2)"
);

/// A session as it is kept.
#[derive(Debug, FromRow)]
pub(super) struct SessionRow {
    #[sqlx(try_from = "As<PersonId>")]
    pub person_id: PersonId,
    #[sqlx(try_from = "As<Time>")]
    pub authenticated_at: Time,
    #[sqlx(try_from = "As<Time>")]
    pub expires_at: Time,
}

pub(super) async fn add(tx: &mut Tx, hash: [u8; 32], row: &SessionRow) -> Result<(), Fault> {
    tx.query(ADD).bind(hash).bind(row.person_id).bind(row.authenticated_at).bind(row.expires_at).run().await?;
    Ok(())
}

pub(super) async fn find(tx: &mut Reader, hash: [u8; 32]) -> Result<Option<SessionRow>, Fault> {
    tx.query(FIND).bind(hash).optional().await
}

pub(super) async fn end(tx: &mut Tx, hash: [u8; 32]) -> Result<(), Fault> {
    tx.query(END).bind(hash).run().await?;
    Ok(())
}

/// Deletes up to `limit` sessions that are over; how many went.
pub async fn sweep(tx: &mut Tx, now: Time, limit: i64) -> Result<u64, Fault> {
    tx.query(SWEEP).bind(now).bind(limit).run().await
}
