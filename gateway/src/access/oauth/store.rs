//! All SQL of the authorization server.

use std::collections::HashSet;

use quanzi_openapi::Time;
use quanzi_openapi::id::{AppId, FanId, PartnerId, PersonId};
use sqlx::FromRow;

use crate::platform::db::{As, Batcher, Fault, List, Reader, Sql, Tx};
use crate::sql;

use super::revocation_window::KEPT_SECONDS;

const PERSON_OF: Sql = sql!("select person_id from fan where partner_id = $1 and id = $2");
/// Clocks of processes differ: what is swept expired this long ago by ours.
const SWEEP_AFTER_SECONDS: i64 = 300;

const USE_ASSERTION: Sql = sql!(
    "insert into used_assertion (partner_id, app_id, jti_hash, expires_at) values ($1, $2, $3, $4) \
     on conflict (partner_id, app_id, jti_hash) do nothing"
);
// In one order: of two processes that use up the same ones the second waits, instead of both dying.
const USE_ASSERTIONS: Sql = sql!(
    "insert into used_assertion (partner_id, app_id, jti_hash, expires_at) select $1, value ->> 0, ",
    { postgres: "decode(value ->> 1, 'hex')", sqlite: "unhex(value ->> 1)" },
    ", cast(value ->> 2 as bigint) from json_each($2) where true order by value ->> 0, value ->> 1 \
     on conflict (partner_id, app_id, jti_hash) do nothing returning app_id, ",
    { postgres: "encode(jti_hash, 'hex')", sqlite: "lower(hex(jti_hash))" },
);
const SWEEP_ASSERTIONS: Sql = sql!(
    "delete from used_assertion where (partner_id, app_id, jti_hash) in ",
    "(select partner_id, app_id, jti_hash from used_assertion where expires_at < $1 order by expires_at limit $2)"
);

const REVOKE: Sql = sql!("insert into revocation (id, subject, expires_at, created_at) values ($1, $2, $3, $4)");
const REVOCATIONS: Sql = sql!(
    "select id, subject, expires_at, created_at from revocation where (created_at, id) > ($1, $2) order by created_at, id limit $3"
);
const SWEEP_REVOCATIONS: Sql = sql!(
    "delete from revocation where id in ",
    "(select id from revocation where created_at < $1 and expires_at < $2 order by created_at limit $3)"
);

/// An assertion that is to be used up.
#[derive(Debug, Clone)]
pub struct UsedAssertion {
    /// Whose client it is.
    pub partner: PartnerId,
    /// The client that made it.
    pub app: AppId,
    /// SHA-256 of its `jti`.
    pub jti_hash: [u8; 32],
    /// When it is no longer accepted.
    pub expires_at: Time,
}

/// Gathers assertions that are used up at the same time.
pub type Assertions = Batcher<UsedAssertion, bool>;

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
pub(super) async fn use_assertion(tx: &mut Tx, assertion: &UsedAssertion) -> Result<bool, Fault> {
    let UsedAssertion { partner, app, jti_hash, expires_at } = *assertion;
    Ok(tx.query(USE_ASSERTION).bind(partner).bind(app).bind(jti_hash).bind(expires_at).run().await? == 1)
}

/// The same for many clients of one partner at once: whether each is the first, in their order. Of two that are the same the
/// earlier is.
pub(super) async fn use_assertions(
    tx: &mut Tx,
    partner: PartnerId,
    assertions: &[&UsedAssertion],
) -> Result<Vec<bool>, Fault> {
    let rows = assertions.iter().map(|one| (one.app, hex::encode(one.jti_hash), one.expires_at.micros()));
    let used: Vec<(String, String)> = tx.query(USE_ASSERTIONS).bind(partner).bind(List::rows(rows)).all().await?;
    let mut firsts: HashSet<(String, String)> = used.into_iter().collect();
    Ok(assertions.iter().map(|one| firsts.remove(&(one.app.to_string(), hex::encode(one.jti_hash)))).collect())
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
pub(super) async fn revocations(
    tx: &mut Reader,
    after: Time,
    after_id: &str,
    rows: i64,
) -> Result<Vec<Revocation>, Fault> {
    tx.query(REVOCATIONS).bind(after).bind(after_id).bind(rows).all().await
}

/// Deletes up to `limit` rows of each kind that are no longer needed; returns how many.
pub async fn sweep(tx: &mut Tx, now: Time, limit: i64) -> Result<u64, Fault> {
    let expired = now.plus_seconds(-SWEEP_AFTER_SECONDS);
    let assertions = tx.query(SWEEP_ASSERTIONS).bind(expired).bind(limit).run().await?;
    let announced = now.plus_seconds(-KEPT_SECONDS);
    let revocations = tx.query(SWEEP_REVOCATIONS).bind(announced).bind(expired).bind(limit).run().await?;
    Ok(assertions + revocations)
}

/// The person behind a fan. Their writing store is that of the capability `fans`; the edge asks for each call of a fan.
pub(super) async fn person_of(tx: &mut Reader, partner: PartnerId, fan: FanId) -> Result<Option<PersonId>, Fault> {
    let row: Option<(As<PersonId>,)> = tx.query(PERSON_OF).bind(partner).bind(fan).optional().await?;
    Ok(row.map(|(As(person),)| person))
}
