//! In-memory cache of apps and their keys, for the checks of every request.
//!
//! Invariant: a cached app is never older than the last [`Directory::forget`] of it. The row that announces a change is
//! written in the transaction of the change, so a process that sees the row and forgets the app then reads the change.

mod store;

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use ipnet::IpNet;
use quanzi_openapi::apps::AddressRange;
use quanzi_openapi::id::{AppId, PartnerId};
use quanzi_openapi::jose::PublicKey;
use quanzi_openapi::partners::WebAddress;
use quanzi_openapi::scope::Scopes;
use quanzi_openapi::signature::Algorithm;
use quick_cache::sync::Cache;

use crate::platform::crypto::VerifyingKey;
use crate::platform::db::Db;
use crate::platform::fault::Fault;

/// How long the facts are trusted without being read again: announcements reach us within two seconds, this is for what nobody announced.
const TRUSTED_FOR: Duration = Duration::from_mins(1);
/// Most apps kept; one with two keys takes about 4 KiB.
const APPS_CACHED_MAX: usize = 10_000;

/// What a caller is checked against.
#[derive(Debug)]
pub struct AppFacts {
    /// Its partner.
    pub partner: PartnerId,
    /// The app.
    pub app: AppId,
    /// Whether it may be used.
    pub active: bool,
    /// What its tokens can allow at most, as of now.
    pub scopes: Scopes,
    /// Addresses it may be used from; empty means any.
    pub allowed: Vec<IpNet>,
    /// Where fans may be sent back to.
    pub redirect_uris: Vec<WebAddress>,
    /// Its keys.
    pub keys: Vec<RegisteredKey>,
    /// Keys it had, the latest first.
    pub removed: Vec<String>,
}

/// A registered key, parsed.
#[derive(Debug)]
pub struct RegisteredKey {
    /// Its thumbprint.
    pub kid: String,
    /// What it signs requests with.
    pub algorithm: Algorithm,
    /// The key.
    pub public: PublicKey,
    /// The key, ready to verify.
    pub key: VerifyingKey,
}

impl AppFacts {
    /// Whether the app may be used from this address.
    pub fn allows(&self, address: IpAddr) -> bool {
        self.allowed.is_empty() || allows(&self.allowed, address)
    }

    /// The registered key of this thumbprint.
    pub fn key(&self, kid: &str) -> Option<&RegisteredKey> {
        self.keys.iter().find(|key| key.kid == kid)
    }

    /// Whether the app had this key once.
    pub fn has_removed(&self, kid: &str) -> bool {
        self.removed.iter().any(|removed| removed == kid)
    }
}

/// The apps a process knows.
#[derive(Debug)]
pub struct Directory {
    apps: Cache<AppId, (Instant, Arc<AppFacts>)>,
    forgotten: AtomicU64,
}

impl Default for Directory {
    fn default() -> Self {
        Self::new()
    }
}

impl Directory {
    /// An empty one.
    pub fn new() -> Self {
        Self { apps: Cache::new(APPS_CACHED_MAX), forgotten: AtomicU64::new(0) }
    }

    /// The app, from memory or from the database.
    pub async fn app(&self, db: &Db, app: AppId) -> Result<Option<Arc<AppFacts>>, Fault> {
        if let Some((read, facts)) = self.apps.get(&app)
            && read.elapsed() < TRUSTED_FOR
        {
            return Ok(Some(facts));
        }
        let started = Instant::now();
        let before = self.forgotten.load(Ordering::SeqCst);
        let mut tx = db.reading_newest().await?;
        let Some(facts) = store::facts(&mut tx, app).await? else { return Ok(None) };
        let facts = Arc::new(parse(app, facts));
        self.apps.insert(app, (started, Arc::clone(&facts)));
        // Forgotten while it was read: what was read may be from before the change.
        if self.forgotten.load(Ordering::SeqCst) != before {
            self.apps.remove(&app);
        }
        Ok(Some(facts))
    }

    /// Drops what is known of the app, so that the next request reads it anew.
    pub fn forget(&self, app: AppId) {
        self.forgotten.fetch_add(1, Ordering::SeqCst);
        self.apps.remove(&app);
    }

    /// Whose key this is or was; only asked to say why a signature was refused.
    pub async fn owner_of_key(&self, db: &Db, kid: &str) -> Result<Option<AppId>, Fault> {
        Ok(store::owner(&mut db.reading_newest().await?, kid).await?)
    }
}

fn parse(app: AppId, facts: store::AppRow) -> AppFacts {
    // A key of a newer gateway that this one cannot read or verify with is left out, not trusted.
    let keys = facts.keys.into_iter().filter_map(|key| {
        let algorithm = *key.algorithm.known()?;
        let public = key.jwk.known()?.key.clone();
        Some(RegisteredKey { kid: key.kid, algorithm, key: VerifyingKey::new(&public).ok()?, public })
    });
    let allowed = networks(&facts.addresses);
    // An allow-list of which nothing could be read must not become one that allows everybody.
    let active = facts.active && (allowed.is_empty() == facts.addresses.is_empty());
    AppFacts {
        partner: facts.partner,
        app,
        active,
        scopes: facts.scopes,
        allowed,
        redirect_uris: facts.redirect_uris,
        keys: keys.collect(),
        removed: facts.removed,
    }
}

/// An allow-list, ready to be asked. Entries were checked when they were written; what does not parse allows nobody.
fn networks(ranges: &[AddressRange]) -> Vec<IpNet> {
    ranges
        .iter()
        .filter_map(|range| range.parse().ok().or_else(|| range.parse::<IpAddr>().ok().map(IpNet::from)))
        .collect()
}

/// Whether the list lets the address in; an IPv4 address that came as IPv6 counts as IPv4.
fn allows(list: &[IpNet], address: IpAddr) -> bool {
    let address = address.to_canonical();
    list.iter().any(|network| network.contains(&address))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ranges(texts: &[&str]) -> Vec<IpNet> {
        networks(&texts.iter().map(|text| (*text).into()).collect::<Vec<_>>())
    }

    #[test]
    fn an_allow_list_takes_addresses_and_ranges() {
        let list = ranges(&["203.0.113.0/24", "198.51.100.7", "2001:db8::/32"]);

        for inside in ["203.0.113.9", "198.51.100.7", "2001:db8::1", "::ffff:203.0.113.9"] {
            assert!(allows(&list, inside.parse().unwrap()), "{inside}");
        }
        for outside in ["203.0.114.9", "198.51.100.8", "2001:db9::1"] {
            assert!(!allows(&list, outside.parse().unwrap()), "{outside}");
        }
    }
}
