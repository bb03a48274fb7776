//! What end-to-end tests do to a running gateway that nobody can do through its API. `quanzi-tests` uses this module and nothing else of
//! the gateway, so that its insides can be moved without touching a story.

use std::sync::Arc;

use quanzi_openapi::Time;
use quanzi_openapi::endpoint::Method;
use quanzi_openapi::events::{EventType, Subject};
use quanzi_openapi::id::{Id, Kind, PartnerId};
use quanzi_openapi::ledger::LedgerCheck;

use super::App;
pub use super::registry::FORM_PAGES;
use super::registry::LEDGER_CHECKS;
pub use super::serve::{Running, start_with_site};
use crate::capabilities::ledger;
pub use crate::platform::config::Config;
pub use crate::platform::db::scratch::{Scratch, VARIABLE};
pub use crate::platform::db::{Cause, Db, Engine};
use crate::platform::jobs::{Job, JobKind};
use crate::platform::{jobs, keyring, outbox};

/// A gateway from the inside.
#[derive(Clone)]
pub struct Inside(Arc<App>);

impl Inside {
    /// Of this gateway.
    pub fn of(gateway: &Running) -> Self {
        Self(Arc::clone(gateway.app()))
    }

    /// The gateway's time.
    pub fn now(&self) -> Time {
        self.0.clock.now()
    }

    /// How far its clock is ahead of the machine's.
    pub fn ahead_micros(&self) -> i64 {
        self.0.clock.ahead_micros()
    }

    /// Moves its clock ahead.
    pub fn advance(&self, seconds: i64) {
        self.0.clock.advance_seconds(seconds);
    }

    /// An id that nothing has.
    pub fn new_id<K: Kind>(&self) -> Id<K> {
        self.0.clock.id()
    }

    /// What the ledger's check says, as `quanzi ledger check` prints it.
    pub async fn check_ledger(&self) -> Result<LedgerCheck, Cause> {
        Ok(ledger::report(LEDGER_CHECKS.run(&self.0.db).await?))
    }

    /// Its database.
    pub fn db(&self) -> &Db {
        &self.0.db
    }

    /// The operations it serves.
    pub fn mounted(&self) -> Vec<(Method, String)> {
        self.0.routes().mounted().map(|(method, path)| (method, path.to_owned())).collect()
    }

    /// What a log would hold if somebody printed its keys and its configuration.
    pub fn debug_output(&self) -> String {
        format!("{:?} {:?}", self.0.keyring, self.0.config)
    }

    /// The id of the key that signs its answers.
    pub fn signing_kid(&self) -> String {
        self.0.signing_key().kid().to_owned()
    }

    /// Reads its keys again, as it does by itself from time to time.
    pub async fn reload_keys(&self) -> Result<(), Cause> {
        keyring::reload(&self.0).await?;
        Ok(())
    }

    /// Commits these facts, all in one transaction.
    pub async fn record(&self, partner: PartnerId, event: EventType, facts: &[impl Subject]) -> Result<(), Cause> {
        let mut tx = self.0.db.begin().await?;
        for fact in facts {
            outbox::service::record(&mut tx, partner, self.0.clock.now(), event, fact)?;
        }
        Ok(outbox::service::commit(&self.0, tx).await?)
    }

    /// Enqueues a job about an object that may not exist.
    pub async fn enqueue(&self, kind: &'static str, partner: PartnerId, object: &str, due: Time) -> Result<(), Cause> {
        let mut tx = self.0.db.begin().await?;
        let job = Job::new(JobKind::new(kind), partner, object, due);
        jobs::service::enqueue(&mut tx, &self.0.clock, job).await?;
        Ok(tx.commit().await?)
    }

    /// Does what is due by now, without waiting until the gateway looks.
    pub async fn run_due(&self) -> Result<(), Cause> {
        Ok(jobs::service::run_due(&self.0.jobs).await?)
    }

    /// When the next delivery of a webhook is due after this time.
    pub async fn next_delivery_due(&self, now: Time) -> Result<Option<Time>, Cause> {
        let mut reader = self.0.db.reading().await?;
        Ok(crate::capabilities::webhooks::service::next_due(&mut reader, now).await?)
    }

    /// Deletes a batch of the saved answers that are too old at this time.
    pub async fn sweep_idempotency(&self, now: Time, rows_max: i64) -> Result<u64, Cause> {
        let mut tx = self.0.db.begin().await?;
        let rows = crate::edge::sweep_idempotency(&mut tx, now, rows_max).await?;
        tx.commit().await?;
        Ok(rows)
    }

    /// Does one batch of the retention task of this name; how many rows went, or nothing when there is no such task.
    pub async fn sweep(&self, name: &str) -> Result<Option<u64>, Cause> {
        match self.0.retention_tasks().iter().find(|task| task.name() == name) {
            Some(task) => task.batch().await.map(Some),
            None => Ok(None),
        }
    }
}
