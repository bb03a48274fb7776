//! All SQL of the authorization server.

use quanzi_openapi::Time;
use quanzi_openapi::id::AppId;
use sqlx::FromRow;

use crate::db::{As, Fault, Sql, Tx};
use crate::sql;

use super::revocation::KEPT_SECONDS;

/// Clocks of processes differ: what is swept expired this long ago by ours.
const SWEEP_AFTER_SECONDS: i64 = 300;

const USE_ASSERTION: Sql = sql!(
    "insert into used_assertion (app_id, jti_hash, expires_at) values ($1, $2, $3) on conflict (app_id, jti_hash) do nothing"
);
const SWEEP_ASSERTIONS: Sql = sql!(
    "delete from used_assertion where (app_id, jti_hash) in ",
    "(select app_id, jti_hash from used_assertion where expires_at < $1 order by expires_at limit $2)"
);

const REVOKE: Sql = sql!("insert into revocation (id, subject, expires_at, created_at) values ($1, $2, $3, $4)");
const REVOCATIONS: Sql = sql!(
    "select id, subject, expires_at, created_at from revocation where (created_at, id) > ($1, $2) order by created_at, id limit $3"
);
const SWEEP_REVOCATIONS: Sql = sql!(
    "delete from revocation where id in ",
    "(select id from revocation where created_at < $1 and expires_at < $2 order by created_at limit $3)"
);

/// A row of `revocation`.
#[derive(Debug, FromRow)]
pub(super) struct Revocation {
    pub id: String,
    pub subject: String,
    #[sqlx(try_from = "As<Time>")]
    pub expires_at: Time,
    #[sqlx(try_from = "As<Time>")]
    pub created_at: Time,
}

/// Uses an assertion up; false when it was used before. A second user waits for the first to commit or roll back.
pub(super) async fn use_assertion(
    tx: &mut Tx,
    app: AppId,
    jti_hash: &[u8; 32],
    expires_at: Time,
) -> Result<bool, Fault> {
    Ok(tx.query(USE_ASSERTION).bind(app).bind(*jti_hash).bind(expires_at).run().await? == 1)
}

/// Announces a revocation.
pub(super) async fn insert_revocation(
    tx: &mut Tx,
    id: &str,
    subject: &str,
    expires_at: Time,
    now: Time,
) -> Result<(), Fault> {
    tx.query(REVOKE).bind(id).bind(subject).bind(expires_at).bind(now).run().await?;
    Ok(())
}

/// Revocations after this place, in order.
pub(super) async fn revocations(tx: &mut Tx, after: Time, after_id: &str, rows: i64) -> Result<Vec<Revocation>, Fault> {
    tx.query(REVOCATIONS).bind(after).bind(after_id).bind(rows).all().await
}

/// Deletes up to `limit` rows of each kind that nobody needs any more; how many went.
pub async fn sweep(tx: &mut Tx, now: Time, limit: i64) -> Result<u64, Fault> {
    let expired = now.plus_seconds(-SWEEP_AFTER_SECONDS);
    let assertions = tx.query(SWEEP_ASSERTIONS).bind(expired).bind(limit).run().await?;
    let announced = now.plus_seconds(-KEPT_SECONDS);
    let revocations = tx.query(SWEEP_REVOCATIONS).bind(announced).bind(expired).bind(limit).run().await?;
    Ok(assertions + revocations)
}
