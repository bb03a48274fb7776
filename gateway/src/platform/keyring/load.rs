//! Loads the keys from the database; the first start creates them.

use quanzi_openapi::Time;
use quanzi_openapi::jose::Jwk;
use secrecy::zeroize::Zeroizing;

use super::ring::{Keys, Series};
use super::store::{self, KeyRow, NewKey};
use crate::platform::clock::Clock;
use crate::platform::crypto::{self, EcdsaKey, KeyError, SigningKey};
use crate::platform::db::{self, Db, Tx};

/// A key signs this long after it was made: caches keep the key set for 300 seconds at most, and processes read it every minute.
pub(super) const SIGNS_AFTER_SECONDS: i64 = 600;
/// What a key is for, and so what kind of key it is.
pub(super) trait Purpose: Sized {
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
    #[error("a live gateway needs a sealing key: its private keys are never stored unsealed")]
    SealingKeyMissing,
    /// The stored key does not open.
    #[error("the stored key {kid} cannot be opened with the configured sealing key")]
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
    #[error("no key could be generated")]
    NotMade,
    /// The last one does not sign yet.
    #[error("a rotation is in progress: {kid} signs from {signs_from}; wait until then")]
    UnderWay {
        /// The key that is to sign next.
        kid: String,
        /// From when.
        signs_from: Time,
    },
    /// Somebody else made one this very moment.
    #[error("another rotation happened at the same moment; `quanzi keys` shows it")]
    AnotherRotation,
    /// So many that the key set would grow without end.
    #[error("{0} keys for the same purpose are already published: retire old ones first, with `quanzi keys retire`")]
    TooMany(usize),
    /// It is not there.
    #[error("no key {kid} is published; `quanzi keys` shows those that are")]
    Unknown {
        /// What was asked for.
        kid: String,
    },
    /// Nothing would be left to sign with.
    #[error("{kid} is the only key for its purpose: create the next one first, with `quanzi keys rotate`")]
    TheOnlyOne {
        /// Which.
        kid: String,
    },
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
) -> Result<Keys, KeysFault> {
    if is_live && sealing.is_none() {
        return Err(KeysFault::SealingKeyMissing);
    }
    let mut tx = db.begin().await?;
    let (signing, mut published) = load::<SigningKey>(&mut tx, clock, sealing).await?;
    let (id_token, more) = load::<EcdsaKey>(&mut tx, clock, sealing).await?;
    tx.commit().await?;
    published.extend(more);
    Ok(Keys::new(signing, id_token, published))
}

/// The keys of this purpose, and as they are published.
async fn load<K: Purpose>(
    tx: &mut Tx,
    clock: &Clock,
    sealing: Option<&[u8; 32]>,
) -> Result<(Series<K>, Vec<Jwk>), KeysFault> {
    // Read before the rows: if another process creates a key in between, creating ours fails.
    let generation = store::generation(tx, K::NAME).await? + 1;
    let mut rows = store::keys(tx, K::NAME).await?;
    if rows.is_empty() {
        create::<K>(tx, clock, sealing, generation).await?;
        // Ours, or that of the process that was faster.
        rows = store::keys(tx, K::NAME).await?;
    }
    let mut keys = Vec::with_capacity(rows.len());
    for row in rows.iter().rev() {
        let key: K = open(row, sealing)?;
        if let Some(sealing) = sealing.filter(|_| !row.sealed) {
            store::seal(tx, &row.kid, &seal(clock, sealing, &key)?).await?;
        }
        keys.push((signs_from(row.created_at), key));
    }
    let published = rows.into_iter().map(|row| row.jwk.0).collect();
    Ok((Series::new(keys).ok_or(KeysFault::NotMade)?, published))
}

/// From when on a key signs that follows another.
pub(super) fn signs_from(created_at: Time) -> Time {
    created_at.plus_seconds(SIGNS_AFTER_SECONDS)
}

/// Makes a key of this generation; nothing when somebody else was faster.
pub(super) async fn create<K: Purpose>(
    tx: &mut Tx,
    clock: &Clock,
    sealing: Option<&[u8; 32]>,
    generation: i64,
) -> Result<Option<(String, Time)>, KeysFault> {
    let (key, created_at) = (K::generate(clock).map_err(|_| KeysFault::NotMade)?, clock.now());
    let private_key = match sealing {
        Some(sealing) => Zeroizing::new(seal(clock, sealing, &key)?),
        None => key.stored().map_err(|_| KeysFault::NotMade)?,
    };
    let new = NewKey {
        purpose: K::NAME,
        generation,
        kid: key.name(),
        jwk: &key.published(),
        private_key: &private_key,
        sealed: sealing.is_some(),
        created_at,
    };
    Ok(store::insert(tx, &new).await?.then(|| (key.name().to_owned(), created_at)))
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
