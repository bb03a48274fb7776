//! The gateway's own keys: made at the first start, loaded at every other.
//!
//! Invariants: processes that start at once on one database end with one key; a live gateway stores no private key unsealed;
//! a new key signs only after it was published for as long as caches may keep the set before it.

use quanzi_openapi::Time;
use quanzi_openapi::jose::Jwk;
use secrecy::zeroize::Zeroizing;

use crate::clock::Clock;
use crate::crypto::{self, EcdsaKey, KeyError, SigningKey};
use crate::db::{self, Db, Tx};

use super::store::{self, KeyRow};

/// `max-age` of the key set.
const PUBLISHED_SECONDS: i64 = 300;

/// The gateway's keys.
#[derive(Debug)]
pub struct GatewayKeys {
    /// The one that signs answers and access tokens.
    pub active: SigningKey,
    /// The one that signs id tokens.
    pub id_token: EcdsaKey,
    /// All that are published, the newest first.
    pub published: Vec<Jwk>,
}

/// What a key is for, and so what kind of key it is.
trait Purpose: Sized {
    /// As it stands in the table.
    const NAME: &'static str;
    fn generate(clock: &Clock) -> Result<Self, KeyError>;
    fn read(stored: &[u8]) -> Result<Self, KeyError>;
    fn stored(&self) -> Result<Zeroizing<Vec<u8>>, KeyError>;
    fn name(&self) -> &str;
    fn published(&self) -> Jwk;
}

impl Purpose for SigningKey {
    const NAME: &'static str = "signing";
    fn generate(clock: &Clock) -> Result<Self, KeyError> {
        Self::generate(clock)
    }
    fn read(stored: &[u8]) -> Result<Self, KeyError> {
        Self::from_seed(<&[u8; 32]>::try_from(stored).map_err(|_| KeyError)?)
    }
    fn stored(&self) -> Result<Zeroizing<Vec<u8>>, KeyError> {
        Ok(Zeroizing::new(self.seed().to_vec()))
    }
    fn name(&self) -> &str {
        self.kid()
    }
    fn published(&self) -> Jwk {
        self.jwk()
    }
}

impl Purpose for EcdsaKey {
    const NAME: &'static str = "id_token";
    fn generate(_: &Clock) -> Result<Self, KeyError> {
        Self::generate()
    }
    fn read(stored: &[u8]) -> Result<Self, KeyError> {
        Self::from_pkcs8(stored)
    }
    fn stored(&self) -> Result<Zeroizing<Vec<u8>>, KeyError> {
        self.to_pkcs8()
    }
    fn name(&self) -> &str {
        self.kid()
    }
    fn published(&self) -> Jwk {
        self.jwk()
    }
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

/// Loads the keys, and makes the first ones when there are none.
pub async fn load_or_create(
    db: &Db,
    clock: &Clock,
    sealing: Option<&[u8; 32]>,
    is_live: bool,
) -> Result<GatewayKeys, KeysFault> {
    if is_live && sealing.is_none() {
        return Err(KeysFault::SealingKeyMissing);
    }
    let mut tx = db.begin().await?;
    let (active, mut published) = load::<SigningKey>(&mut tx, clock, sealing).await?;
    let (id_token, more) = load::<EcdsaKey>(&mut tx, clock, sealing).await?;
    tx.commit().await?;
    published.extend(more);
    Ok(GatewayKeys { active, id_token, published })
}

/// The key of this purpose that signs, and all that are published.
async fn load<K: Purpose>(tx: &mut Tx, clock: &Clock, sealing: Option<&[u8; 32]>) -> Result<(K, Vec<Jwk>), KeysFault> {
    let now = clock.now();
    let mut rows = store::gateway_keys(tx, K::NAME).await?;
    if rows.is_empty() {
        create::<K>(tx, clock, sealing, now).await?;
        // Ours, or that of the process that was faster.
        rows = store::gateway_keys(tx, K::NAME).await?;
    }
    let published: Vec<Jwk> = rows.iter().map(|row| row.jwk.0.clone()).collect();
    let row = choose(&rows, now).ok_or(KeysFault::NotMade)?;
    let active: K = open(row, sealing)?;
    if let Some(sealing) = sealing.filter(|_| !row.sealed) {
        let sealed = seal(clock, sealing, &active)?;
        store::seal_gateway_key(tx, &row.kid, &sealed).await?;
    }
    Ok((active, published))
}

async fn create<K: Purpose>(
    tx: &mut Tx,
    clock: &Clock,
    sealing: Option<&[u8; 32]>,
    now: Time,
) -> Result<(), KeysFault> {
    let key = K::generate(clock).map_err(|_| KeysFault::NotMade)?;
    let stored = match sealing {
        Some(sealing) => Zeroizing::new(seal(clock, sealing, &key)?),
        None => key.stored().map_err(|_| KeysFault::NotMade)?,
    };
    store::insert_gateway_key(tx, K::NAME, &key.published(), key.name(), &stored, sealing.is_some(), now).await?;
    Ok(())
}

/// The newest that everybody can know by now; the oldest when all are new.
fn choose(rows: &[KeyRow], now: Time) -> Option<&KeyRow> {
    rows.iter().find(|row| row.created_at <= now.plus_seconds(-PUBLISHED_SECONDS)).or(rows.last())
}

fn seal<K: Purpose>(clock: &Clock, sealing: &[u8; 32], key: &K) -> Result<Vec<u8>, KeysFault> {
    let stored = key.stored().map_err(|_| KeysFault::NotMade)?;
    crypto::seal(clock, sealing, key.name(), &stored).map_err(|_| KeysFault::NotMade)
}

fn open<K: Purpose>(row: &KeyRow, sealing: Option<&[u8; 32]>) -> Result<K, KeysFault> {
    let kid = || row.kid.clone();
    let stored = match (row.sealed, sealing) {
        (false, _) => Zeroizing::new(row.private_key.clone()),
        (true, Some(sealing)) => {
            crypto::open(sealing, &row.kid, &row.private_key).map_err(|_| KeysFault::Sealed { kid: kid() })?
        }
        (true, None) => return Err(KeysFault::SealedWithoutKey { kid: kid() }),
    };
    let key = K::read(&stored).map_err(|_| KeysFault::Damaged { kid: kid() })?;
    if key.name() == row.kid { Ok(key) } else { Err(KeysFault::Damaged { kid: kid() }) }
}
