//! Rotates and retires keys, for the operator.

use quanzi_openapi::Time;

use super::load::{self, KeysFault, Purpose, SIGNS_AFTER_SECONDS, signs_from};
use super::store;
use crate::platform::clock::Clock;
use crate::platform::crypto::{EcdsaKey, SigningKey};
use crate::platform::db::{self, Db, Tx};

/// How long a key is published after the next one has begun to sign: longer than anybody waits to look at what it signed.
const KEPT_SECONDS: i64 = 30 * 24 * 3_600;
/// Most keys of one purpose at a time, so that the key set stays small.
const KEYS_MAX: usize = 8;

/// A key that was made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rotated {
    /// `signing` or `id_token`.
    pub purpose: &'static str,
    /// Its name in the key set.
    pub kid: String,
    /// From when on it signs.
    pub signs_from: Time,
}

/// Makes the next key of each purpose. It is published at once, as soon as each process has read it, and signs after ten minutes.
pub async fn rotate(
    db: &Db,
    clock: &Clock,
    sealing: Option<&[u8; 32]>,
    is_live: bool,
) -> Result<[Rotated; 2], KeysFault> {
    // On an empty database the first keys are made, and then followed.
    load::load_or_create(db, clock, sealing, is_live).await?;
    let mut tx = db.begin().await?;
    let rotated =
        [next::<SigningKey>(&mut tx, clock, sealing).await?, next::<EcdsaKey>(&mut tx, clock, sealing).await?];
    tx.commit().await?;
    Ok(rotated)
}

async fn next<K: Purpose>(tx: &mut Tx, clock: &Clock, sealing: Option<&[u8; 32]>) -> Result<Rotated, KeysFault> {
    // Read before the rows: if another process creates a key in between, creating ours fails.
    let generation = store::generation(tx, K::NAME).await? + 1;
    let (rows, now) = (store::keys(tx, K::NAME).await?, clock.now());
    if let [newest, _, ..] = rows.as_slice()
        && signs_from(newest.created_at) > now
    {
        return Err(KeysFault::UnderWay { kid: newest.kid.clone(), signs_from: signs_from(newest.created_at) });
    }
    if rows.len() >= KEYS_MAX {
        return Err(KeysFault::TooMany(KEYS_MAX));
    }
    let (kid, made) = load::create::<K>(tx, clock, sealing, generation).await?.ok_or(KeysFault::AnotherRotation)?;
    Ok(Rotated { purpose: K::NAME, kid, signs_from: signs_from(made) })
}

/// Takes a key away before its time: it is believed no longer, and its private half is deleted.
pub async fn retire(db: &Db, clock: &Clock, kid: &str) -> Result<(), KeysFault> {
    let mut tx = db.begin().await?;
    for purpose in [SigningKey::NAME, EcdsaKey::NAME] {
        let rows = store::keys(&mut tx, purpose).await?;
        if rows.iter().any(|row| row.kid == kid) {
            if rows.len() == 1 {
                return Err(KeysFault::TheOnlyOne { kid: kid.to_owned() });
            }
            store::retire(&mut tx, kid, clock.now()).await?;
            tx.commit().await?;
            return Ok(());
        }
    }
    Err(KeysFault::Unknown { kid: kid.to_owned() })
}

/// The keys that are published, one a line.
pub async fn describe(db: &Db, clock: &Clock) -> Result<String, db::Fault> {
    let (mut tx, now) = (db.begin().await?, clock.now());
    let mut text = String::new();
    for purpose in [SigningKey::NAME, EcdsaKey::NAME] {
        let rows = store::keys(&mut tx, purpose).await?;
        let begun = |row: &store::KeyRow| signs_from(row.created_at) <= now;
        let signs = rows.iter().position(begun).unwrap_or(rows.len().saturating_sub(1));
        for (place, row) in rows.iter().enumerate() {
            let state = match place.cmp(&signs) {
                std::cmp::Ordering::Less => format!("signs from {}", signs_from(row.created_at)),
                std::cmp::Ordering::Equal => "signs".to_owned(),
                std::cmp::Ordering::Greater => "no longer signs, still accepted".to_owned(),
            };
            text = format!("{text}{purpose:<8}  {}  made {}  {state}\n", row.kid, row.created_at);
        }
    }
    tx.rollback().await?;
    Ok(text)
}

/// Retires up to `limit` keys that another has followed for thirty days; how many.
pub async fn sweep(tx: &mut Tx, now: Time, limit: i64) -> Result<u64, db::Fault> {
    store::retire_followed(tx, now, now.plus_seconds(-(SIGNS_AFTER_SECONDS + KEPT_SECONDS)), limit).await
}
