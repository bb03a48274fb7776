//! The gateway's own keys: made at the first start, loaded at every other.
//!
//! Invariants: processes that start at once on one database end with one key; a live gateway stores no private key unsealed;
//! a new key signs only after it was published for as long as caches may keep the set before it.

use quanzi_openapi::Time;
use quanzi_openapi::jose::Jwk;
use secrecy::zeroize::Zeroizing;

use crate::clock::Clock;
use crate::crypto::{self, SigningKey};
use crate::db::{self, Db, Tx};

use super::store::{self, KeyRow};

/// `max-age` of the key set.
const PUBLISHED_SECONDS: i64 = 300;

/// The gateway's keys.
#[derive(Debug)]
pub struct GatewayKeys {
    /// The one that signs.
    pub active: SigningKey,
    /// All that are published, the newest first.
    pub published: Vec<Jwk>,
}

/// Why the gateway has no key to start with.
#[derive(Debug, thiserror::Error)]
pub enum KeysFault {
    /// Live mode, and nothing to seal with.
    #[error("a live gateway needs a sealing key: its private keys are not stored in the clear")]
    SealingKeyMissing,
    /// The stored key does not open.
    #[error("the stored key {kid} does not open with the configured sealing key")]
    Sealed {
        /// Which.
        kid: String,
    },
    /// The stored key is sealed and nothing is configured to open it.
    #[error("the stored key {kid} is sealed: configure the sealing key it was sealed with")]
    SealedWithoutKey {
        /// Which.
        kid: String,
    },
    /// The stored bytes are not a key, or not this one.
    #[error("the stored key {kid} is damaged")]
    Damaged {
        /// Which.
        kid: String,
    },
    /// No key could be made.
    #[error("no key could be made")]
    NotMade,
    /// The database failed.
    #[error(transparent)]
    Db(#[from] db::Fault),
}

/// Loads the keys, and makes the first one when there is none.
pub async fn load_or_create(
    db: &Db,
    clock: &Clock,
    sealing: Option<&[u8; 32]>,
    is_live: bool,
) -> Result<GatewayKeys, KeysFault> {
    if is_live && sealing.is_none() {
        return Err(KeysFault::SealingKeyMissing);
    }
    let now = clock.now();
    let mut tx = db.begin().await?;
    let mut rows = store::gateway_keys(&mut tx).await?;
    if rows.is_empty() {
        create(&mut tx, clock, sealing, now).await?;
        // Ours, or that of the process that was faster.
        rows = store::gateway_keys(&mut tx).await?;
    }
    let published: Vec<Jwk> = rows.iter().map(|row| row.jwk.0.clone()).collect();
    let row = choose(&rows, now).ok_or(KeysFault::NotMade)?;
    let active = open(row, sealing)?;
    if let Some(sealing) = sealing.filter(|_| !row.sealed) {
        let sealed = seal(clock, sealing, &active)?;
        store::seal_gateway_key(&mut tx, &row.kid, &sealed).await?;
    }
    tx.commit().await?;
    Ok(GatewayKeys { active, published })
}

async fn create(tx: &mut Tx, clock: &Clock, sealing: Option<&[u8; 32]>, now: Time) -> Result<(), KeysFault> {
    let key = SigningKey::generate(clock).map_err(|_| KeysFault::NotMade)?;
    let stored = match sealing {
        Some(sealing) => seal(clock, sealing, &key)?,
        None => key.seed().to_vec(),
    };
    store::insert_gateway_key(tx, &key.jwk(), key.kid(), &Zeroizing::new(stored), sealing.is_some(), now).await?;
    Ok(())
}

/// The newest that everybody can know by now; the oldest when all are new.
fn choose(rows: &[KeyRow], now: Time) -> Option<&KeyRow> {
    rows.iter().find(|row| row.created_at <= now.plus_seconds(-PUBLISHED_SECONDS)).or(rows.last())
}

fn seal(clock: &Clock, sealing: &[u8; 32], key: &SigningKey) -> Result<Vec<u8>, KeysFault> {
    crypto::seal(clock, sealing, key.kid(), key.seed()).map_err(|_| KeysFault::NotMade)
}

fn open(row: &KeyRow, sealing: Option<&[u8; 32]>) -> Result<SigningKey, KeysFault> {
    let kid = || row.kid.clone();
    let seed = match (row.sealed, sealing) {
        (false, _) => Zeroizing::new(row.private_key.clone()),
        (true, Some(sealing)) => {
            crypto::open(sealing, &row.kid, &row.private_key).map_err(|_| KeysFault::Sealed { kid: kid() })?
        }
        (true, None) => return Err(KeysFault::SealedWithoutKey { kid: kid() }),
    };
    let seed = <&[u8; 32]>::try_from(seed.as_slice()).map_err(|_| KeysFault::Damaged { kid: kid() })?;
    let key = SigningKey::from_seed(seed).map_err(|_| KeysFault::Damaged { kid: kid() })?;
    if key.kid() == row.kid { Ok(key) } else { Err(KeysFault::Damaged { kid: kid() }) }
}
