//! SQL of the gateway's keys.

use quanzi_openapi::Time;
use quanzi_openapi::jose::Jwk;
use sqlx::FromRow;
use sqlx::types::Json;

use crate::platform::db::{As, Fault, Reader, Sql, Tx};
use crate::sql;

const KEYS: Sql = sql!(
    "select kid, jwk, private_key, sealed, created_at from gateway_key where purpose = $1 and retired_at is null ",
    "order by generation desc limit 100"
);
const GENERATION: Sql = sql!("select coalesce(max(generation), 0) from gateway_key where purpose = $1");
const INSERT: Sql = sql!(
    "insert into gateway_key (kid, purpose, generation, jwk, private_key, sealed, created_at) ",
    "values ($1, $6, $7, $2, $3, $4, $5) on conflict (purpose, generation) do nothing"
);
const SEAL: Sql = sql!("update gateway_key set private_key = $2, sealed = true where kid = $1 and not sealed");
const RETIRE: Sql =
    sql!("update gateway_key set retired_at = $2, private_key = $3 where kid = $1 and retired_at is null");
/// Those that a later one has followed for long.
const FOLLOWED: Sql = sql!(
    "update gateway_key set retired_at = $1, private_key = $4 where kid in (",
    "select earlier.kid from gateway_key earlier where earlier.retired_at is null and exists (",
    "select 1 from gateway_key later where later.purpose = earlier.purpose and later.generation > earlier.generation ",
    "and later.retired_at is null and later.created_at < $2) limit $3)"
);

/// A row of `gateway_key`. Not `Debug`: it may hold a private key.
#[derive(FromRow)]
pub(super) struct KeyRow {
    pub kid: String,
    pub jwk: Json<Jwk>,
    pub private_key: Vec<u8>,
    pub sealed: bool,
    #[sqlx(try_from = "As<Time>")]
    pub created_at: Time,
}

/// A key to be stored.
pub(super) struct NewKey<'k> {
    pub purpose: &'k str,
    pub generation: i64,
    pub kid: &'k str,
    pub jwk: &'k Jwk,
    pub private_key: &'k [u8],
    pub sealed: bool,
    pub created_at: Time,
}

/// The keys for this purpose that are not retired, the newest first.
pub(super) async fn keys(tx: &mut Reader, purpose: &str) -> Result<Vec<KeyRow>, Fault> {
    tx.query(KEYS).bind(purpose).all().await
}

/// The newest generation for this purpose, retired or not.
pub(super) async fn generation(tx: &mut Reader, purpose: &str) -> Result<i64, Fault> {
    let (generation,) = tx.query(GENERATION).bind(purpose).one().await?;
    Ok(generation)
}

/// Adds a key; false when somebody else has added one of this generation.
pub(super) async fn insert(tx: &mut Tx, key: &NewKey<'_>) -> Result<bool, Fault> {
    let NewKey { purpose, generation, kid, jwk, private_key, sealed, created_at } = *key;
    let query = tx.query(INSERT).bind(kid).bind(Json(jwk)).bind(private_key).bind(sealed).bind(created_at);
    Ok(query.bind(purpose).bind(generation).run().await? == 1)
}

/// Puts the sealed form in place of the open one.
pub(super) async fn seal(tx: &mut Tx, kid: &str, private_key: &[u8]) -> Result<(), Fault> {
    tx.query(SEAL).bind(kid).bind(private_key).run().await?;
    Ok(())
}

/// What is stored of a key, retired or not.
#[cfg(test)]
pub(super) async fn private_key(tx: &mut crate::platform::db::Reader, kid: &str) -> Result<Vec<u8>, Fault> {
    const PRIVATE: Sql = sql!("select private_key from gateway_key where kid = $1");
    let (stored,) = tx.query(PRIVATE).bind(kid).one().await?;
    Ok(stored)
}

/// Retires a key and forgets its private half.
pub(super) async fn retire(tx: &mut Tx, kid: &str, now: Time) -> Result<(), Fault> {
    tx.query(RETIRE).bind(kid).bind(now).bind([0; 0]).run().await?;
    Ok(())
}

/// Retires up to `limit` keys that one made before `followed_before` follows; how many.
pub(super) async fn retire_followed(tx: &mut Tx, now: Time, followed_before: Time, limit: i64) -> Result<u64, Fault> {
    tx.query(FOLLOWED).bind(now).bind(followed_before).bind(limit).bind([0; 0]).run().await
}
