//! The keys in memory: which one signs at a given time, and which are accepted.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};

use quanzi_openapi::Time;
use quanzi_openapi::jose::Jwk;

use crate::platform::crypto::{EcdsaKey, SigningKey, VerifyingKey};

/// Keys of one purpose, in the order in which they sign.
pub(super) struct Series<K> {
    oldest: Arc<K>,
    /// With the moment from which each signs.
    later: Vec<(Time, Arc<K>)>,
}

impl<K> Series<K> {
    /// Of these, the oldest first; nothing of none. The oldest signs whatever its moment says: somebody has to.
    pub(super) fn new(keys: impl IntoIterator<Item = (Time, K)>) -> Option<Self> {
        let mut keys = keys.into_iter().map(|(from, key)| (from, Arc::new(key)));
        let (_, oldest) = keys.next()?;
        Some(Self { oldest, later: keys.collect() })
    }

    /// The one that signs.
    fn current(&self, now: Time) -> &Arc<K> {
        self.begun(now).next().unwrap_or(&self.oldest)
    }

    /// The one that signs, then those that signed before it.
    fn begun(&self, now: Time) -> impl Iterator<Item = &Arc<K>> {
        let later = self.later.iter().rev().filter(move |(from, _)| *from <= now).map(|(_, key)| key);
        later.chain([&self.oldest])
    }

    fn all(&self) -> impl Iterator<Item = &Arc<K>> {
        self.later.iter().map(|(_, key)| key).chain([&self.oldest])
    }
}

/// The gateway's keys as they were read at one moment.
pub struct Keys {
    signing: Series<SigningKey>,
    id_token: Series<EcdsaKey>,
    published: Vec<Jwk>,
    verifying: HashMap<String, VerifyingKey>,
}

impl Keys {
    pub(super) fn new(signing: Series<SigningKey>, id_token: Series<EcdsaKey>, published: Vec<Jwk>) -> Self {
        let verifying =
            signing.all().filter_map(|key| Some((key.kid().to_owned(), VerifyingKey::new(&key.public()).ok()?)));
        Self { verifying: verifying.collect(), signing, id_token, published }
    }

    /// The key that signs answers, access tokens and webhooks.
    pub fn signing(&self, now: Time) -> &Arc<SigningKey> {
        self.signing.current(now)
    }

    /// That key and those before it that are not retired: what was made with any of them is still believed.
    pub fn signing_and_before(&self, now: Time) -> impl Iterator<Item = &Arc<SigningKey>> {
        self.signing.begun(now)
    }

    /// Every one that is not retired, also one that does not sign yet: a process whose clock is ahead may use it already.
    pub fn signing_any(&self) -> impl Iterator<Item = &Arc<SigningKey>> {
        self.signing.all()
    }

    /// The key that signs id tokens.
    pub fn id_token(&self, now: Time) -> &Arc<EcdsaKey> {
        self.id_token.current(now)
    }

    /// All that are not retired, as they are published, the newest of each purpose first.
    pub fn published(&self) -> &[Jwk] {
        &self.published
    }

    /// The public half of a key that signs access tokens, or did, or will.
    pub fn verifying(&self, kid: &str) -> Option<&VerifyingKey> {
        self.verifying.get(kid)
    }

    /// Whether every key of `before` is still there.
    pub(super) fn has_all_of(&self, before: &Self) -> bool {
        before.published.iter().all(|jwk| self.published.iter().any(|other| other.kid == jwk.kid))
    }
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kids: Vec<_> = self.published.iter().filter_map(|jwk| jwk.kid.as_deref()).collect();
        f.debug_struct("Keys").field("published", &kids).finish_non_exhaustive()
    }
}

/// The keys that this process knows, exchanged whole when the database has others.
#[derive(Debug)]
pub struct Keyring(RwLock<Arc<Keys>>);

impl Keyring {
    /// With these keys.
    pub fn new(keys: Keys) -> Self {
        Self(RwLock::new(Arc::new(keys)))
    }

    /// The keys as they are now.
    pub fn keys(&self) -> Arc<Keys> {
        Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// The key that signs answers, access tokens and webhooks.
    pub fn signing(&self, now: Time) -> Arc<SigningKey> {
        Arc::clone(self.0.read().unwrap_or_else(PoisonError::into_inner).signing(now))
    }

    pub(super) fn exchange(&self, keys: Keys) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(keys);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_signs_from_its_moment_and_somebody_always_does() {
        let at = Time::from_seconds;
        let series = Series::new([(at(100), "a"), (at(200), "b"), (at(300), "c")]).unwrap();
        let begun = |now| series.begun(at(now)).map(|key| **key).collect::<Vec<_>>();

        assert_eq!([0, 150, 200, 299, 300].map(|now| **series.current(at(now))), ["a", "a", "b", "b", "c"]);
        assert_eq!((begun(0), begun(250), begun(999)), (vec!["a"], vec!["b", "a"], vec!["c", "b", "a"]));
        assert!(Series::<&str>::new([]).is_none());
    }
}
