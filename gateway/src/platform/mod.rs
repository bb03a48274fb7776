//! The foundation, which knows no capability: configuration, database, time, keys, the event log's outbox, jobs, the ledger.

pub mod clock;
pub mod config;
pub mod crypto;
pub mod db;
pub(crate) mod exposure;
pub mod fault;
pub mod jobs;
pub mod keyring;
pub mod ledger;
pub mod logs;
pub mod metrics;
pub mod outbox;
pub mod retention;
pub mod retry;
pub mod shutdown;
pub(crate) mod tls;
pub(crate) mod window;

use std::sync::Arc;

use clock::Clock;
use config::Config;
use crypto::SigningKey;
use db::Db;
use fault::Fault;
use jobs::Wake;
use keyring::Keyring;
use ledger::Poster;
use metrics::Metrics;
use outbox::Notifier;
use shutdown::Stopping;

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
