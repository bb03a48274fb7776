//! Nonces of signatures and proofs, remembered for as long as a signature could be accepted.
//!
//! In memory and per process for every signed request, and in the database for state-changing calls: their nonce is consumed
//! in the transaction of the change, so no other process and no restart executes the same signature twice. A nonce is
//! remembered only after all other checks passed, so a refused request consumes nothing.

use std::collections::HashSet;
use std::sync::{Mutex, PoisonError};

use quanzi_openapi::Time;
use quanzi_openapi::id::PartnerId;
use sha2::{Digest as _, Sha256};

use crate::platform::db::{self, List, Reader, Sql, Tx};
use crate::sql;

/// A signature is accepted from 90 s behind to 30 s ahead of our clock, and a DPoP nonce for up to 180 s; a bucket is
/// dropped only when it is older than both.
const BUCKET_SECONDS: i64 = 30;
const BUCKETS: u8 = 8;
/// Independent locks; a nonce's hash picks one.
const SHARDS: usize = 16;
/// Most nonces of one shard and bucket: with 16 shards 65,536 requests per second. Past that the edge refuses instead of forgetting.
const BUCKET_ENTRIES_MAX: usize = 131_072;

type Entry = [u8; 16];

const USE_UP: Sql = sql!(
    "insert into used_nonce (partner_id, nonce_hash, expires_at) values ($1, $2, $3) on conflict (partner_id, nonce_hash) do nothing"
);
const FIND: Sql = sql!("select expires_at from used_nonce where partner_id = $1 and nonce_hash = $2");
const SWEEP: Sql = sql!(
    "delete from used_nonce where (partner_id, nonce_hash) in
     (select partner_id, nonce_hash from used_nonce where expires_at < $1 order by expires_at limit $2)"
);
const KNOWN_NONCES: Sql = sql!(
    "select ",
    { postgres: "encode(nonce_hash, 'hex')", sqlite: "lower(hex(nonce_hash))" },
    " from used_nonce where partner_id = $1 and nonce_hash in (select ",
    { postgres: "decode(value ->> 0, 'hex')", sqlite: "unhex(value ->> 0)" },
    " from json_each($2))"
);
const USE_UP_ALL: Sql = sql!(
    "insert into used_nonce (partner_id, nonce_hash, expires_at) select $1, ",
    { postgres: "decode(value ->> 0, 'hex')", sqlite: "unhex(value ->> 0)" },
    ", cast(value ->> 1 as bigint) from json_each($2) where true order by value ->> 0 \
     on conflict (partner_id, nonce_hash) do nothing"
);
/// How long a used nonce is kept: past every window in which its signature could be accepted.
const KEPT_SECONDS: i64 = 300;

/// The nonce of a verified signature, of an app of this partner.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct UsedNonce {
    partner: PartnerId,
    hash: [u8; 32],
}

impl UsedNonce {
    /// Of this key and nonce.
    pub fn new(partner: PartnerId, key: &str, nonce: &str) -> Self {
        Self { partner, hash: hash(key, nonce) }
    }

    /// Whose app signed.
    pub const fn partner(&self) -> PartnerId {
        self.partner
    }

    /// As it stands in the table, in hexadecimal: in a list of rows there are no bytes.
    pub fn hex(&self) -> String {
        hex::encode(self.hash)
    }

    /// When it may be forgotten.
    pub fn expires_at(now: Time) -> Time {
        now.plus_seconds(KEPT_SECONDS)
    }

    /// Whether it was used up, by whatever process.
    pub async fn was_used(&self, tx: &mut Reader) -> Result<bool, db::Fault> {
        Ok(tx.query(FIND).bind(self.partner).bind(self.hash).optional::<(i64,)>().await?.is_some())
    }

    /// Uses it up, in the transaction of the change; false when that has happened before.
    pub async fn consume(&self, tx: &mut Tx, now: Time) -> Result<bool, db::Fault> {
        let rows = tx.query(USE_UP).bind(self.partner).bind(self.hash).bind(Self::expires_at(now)).run().await?;
        Ok(rows == 1)
    }
}

/// Which of these nonces of one partner were used, by whatever process.
pub async fn used(tx: &mut Reader, partner: PartnerId, nonces: &[UsedNonce]) -> Result<Vec<UsedNonce>, db::Fault> {
    let asked = List::of(nonces.iter().map(UsedNonce::hex));
    let rows: Vec<(String,)> = tx.query(KNOWN_NONCES).bind(partner).bind(asked).all().await?;
    let used: HashSet<String> = rows.into_iter().map(|(hash,)| hash).collect();
    Ok(nonces.iter().copied().filter(|nonce| used.contains(&nonce.hex())).collect())
}

/// Uses up many nonces of one partner; gives back how many were used for the first time.
pub async fn consume(tx: &mut Tx, partner: PartnerId, nonces: &[UsedNonce], now: Time) -> Result<u64, db::Fault> {
    let expires_at = UsedNonce::expires_at(now).micros();
    let rows = nonces.iter().map(|nonce| (nonce.hex(), expires_at));
    tx.query(USE_UP_ALL).bind(partner).bind(List::rows(rows)).run().await
}

/// Deletes used nonces whose signatures have expired, at most this many; returns how many.
pub async fn sweep(tx: &mut Tx, now: Time, rows_max: i64) -> Result<u64, db::Fault> {
    tx.query(SWEEP).bind(now).bind(rows_max).run().await
}

fn hash(key: &str, nonce: &str) -> [u8; 32] {
    let mut hash = Sha256::new();
    hash.update(key.as_bytes());
    hash.update([0]);
    hash.update(nonce.as_bytes());
    hash.finalize().into()
}

/// Nonces that were used.
#[derive(Debug)]
pub struct Nonces {
    shards: [Mutex<Shard>; SHARDS],
}

#[derive(Debug, Default)]
struct Shard {
    /// Number of the newest bucket; the entry `n % BUCKETS` of `buckets` holds bucket `n`.
    newest: i64,
    buckets: [HashSet<Entry>; BUCKETS as usize],
}

impl Default for Nonces {
    fn default() -> Self {
        Self { shards: std::array::from_fn(|_| Mutex::default()) }
    }
}

impl Nonces {
    /// None yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Whether this is the first use of the nonce with this key; from now on it is used.
    pub fn first_use(&self, key: &str, nonce: &str, now: Time) -> bool {
        let digest = hash(key, nonce);
        let mut entry = Entry::default();
        entry.copy_from_slice(digest.get(..16).unwrap_or(&[0; 16]));
        let shard = usize::from(digest.get(16).copied().unwrap_or_default()) % SHARDS;
        let Some(shard) = self.shards.get(shard) else { return false };
        shard.lock().unwrap_or_else(PoisonError::into_inner).first_use(entry, now.seconds() / BUCKET_SECONDS)
    }
}

impl Shard {
    fn first_use(&mut self, entry: Entry, bucket: i64) -> bool {
        // The clock may stand still or step back a little; buckets only ever move forward.
        while self.newest < bucket {
            let step = (bucket - self.newest).min(i64::from(BUCKETS));
            self.newest = if step == i64::from(BUCKETS) { bucket - step + 1 } else { self.newest + 1 };
            if let Some(oldest) = self.slot(self.newest) {
                oldest.clear();
            }
        }
        if self.buckets.iter().any(|bucket| bucket.contains(&entry)) {
            return false;
        }
        let newest = self.newest;
        self.slot(newest).is_some_and(|bucket| bucket.len() < BUCKET_ENTRIES_MAX && bucket.insert(entry))
    }

    fn slot(&mut self, bucket: i64) -> Option<&mut HashSet<Entry>> {
        let place = usize::try_from(bucket.rem_euclid(i64::from(BUCKETS))).ok()?;
        self.buckets.get_mut(place)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_nonce_is_used_once_per_key() {
        let nonces = Nonces::new();
        let now = Time::from_seconds(1_795_163_400);

        assert!(nonces.first_use("key", "n", now));
        assert!(!nonces.first_use("key", "n", now));
        assert!(nonces.first_use("other", "n", now));
    }

    #[test]
    fn a_nonce_is_remembered_as_long_as_its_signature_could_pass() {
        let nonces = Nonces::new();
        let now = Time::from_seconds(1_795_163_400);

        assert!(nonces.first_use("key", "n", now));
        for seconds in [1, 29, 30, 60, 90, 119, 120] {
            assert!(!nonces.first_use("key", "n", now.plus_seconds(seconds)), "{seconds}");
        }
        assert!(nonces.first_use("key", "n", now.plus_seconds(3_600)));
    }

    #[test]
    fn of_sixteen_at_once_one_wins() {
        let nonces = Nonces::new();
        let now = Time::from_seconds(1_795_163_400);

        let wins = std::thread::scope(|scope| {
            let tries: Vec<_> = (0..16).map(|_| scope.spawn(|| nonces.first_use("key", "n", now))).collect();
            tries.into_iter().map(|thread| thread.join().unwrap()).filter(|first| *first).count()
        });

        assert_eq!(wins, 1);
    }
}
