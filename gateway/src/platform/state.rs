//! The platform of one process. Invariant: what it is made of does not know it, so that each part can be used and tested alone.

use std::sync::Arc;

use super::clock::Clock;
use super::config::Config;
use super::crypto::SigningKey;
use super::db::Db;
use super::fault::Fault;
use super::jobs::Wake;
use super::keyring::{self, Keyring};
use super::ledger::Poster;
use super::metrics::Metrics;
use super::outbox::Notifier;
use super::shutdown::Stopping;

/// What every layer above may use; one per process.
pub struct Platform {
    /// Every setting.
    pub config: Config,
    /// The database.
    pub db: Db,
    /// Time, ids, randomness.
    pub clock: Arc<Clock>,
    /// The gateway's own keys.
    pub keyring: Keyring,
    /// The one writer of balances.
    pub poster: Poster,
    /// Tells readers of the event log that something was committed.
    pub notifier: Notifier,
    /// Wakes the runner of jobs.
    pub wake: Wake,
    /// Counters.
    pub metrics: Metrics,
    /// Whether the gateway is shutting down.
    pub stopping: Stopping,
}

impl Platform {
    /// On a migrated database; creates the gateway's keys at the first start.
    pub async fn new(
        config: Config,
        db: Db,
        clock: Arc<Clock>,
        metrics: Metrics,
        stopping: Stopping,
    ) -> Result<Self, Fault> {
        let is_live = !config.mode.is_sandbox();
        let keys = keyring::load_or_create(&db, &clock, config.sealing(), is_live).await.map_err(Fault::internal)?;
        Ok(Self {
            keyring: Keyring::new(keys),
            poster: Poster::default(),
            notifier: Notifier::default(),
            wake: Wake::default(),
            config,
            db,
            clock,
            metrics,
            stopping,
        })
    }

    /// The key that signs answers, access tokens and webhooks now.
    pub fn signing_key(&self) -> Arc<SigningKey> {
        self.keyring.signing(self.clock.now())
    }
}
