//! What goes on besides requests. Invariant: what requests in progress need is stopped after them.

use std::sync::Arc;

use tokio::task::JoinHandle;

use super::state::App;
use crate::access::oauth;
use crate::capabilities::webhooks;
use crate::platform::jobs;
use crate::platform::keyring;
use crate::platform::ledger;
use crate::platform::retention;
use crate::sandbox;

/// What goes on besides requests.
pub struct Background {
    retention: JoinHandle<()>,
    revocations: JoinHandle<()>,
    keyring: JoinHandle<()>,
    poster: JoinHandle<()>,
    jobs: JoinHandle<()>,
    clock: Option<JoinHandle<()>>,
    webhooks: JoinHandle<()>,
}

impl Background {
    /// Starts all of it.
    pub fn start(app: &Arc<App>) -> Self {
        let platform = Arc::clone(app.platform());
        let access = Arc::clone(app.access());
        let forget = move || access.tokens.forget_verified();
        let clock = || tokio::spawn(sandbox::clock::run(Arc::clone(app.access())));
        Self {
            retention: tokio::spawn(retention::run(app.retention_tasks(), app.stopping.clone())),
            revocations: tokio::spawn(oauth::revocation::run(Arc::clone(app.access()))),
            keyring: tokio::spawn(keyring::run(Arc::clone(app.platform()), forget)),
            poster: tokio::spawn(async move { ledger::run(&platform).await }),
            jobs: tokio::spawn(jobs::runner::run(Arc::clone(&app.jobs))),
            clock: app.config.mode.is_sandbox().then(clock),
            webhooks: tokio::spawn(webhooks::run(Arc::clone(&app.memory.webhooks))),
        }
    }

    /// Ends it, when no request is left; the gateway is stopping already.
    pub async fn stop(self, app: &App) {
        self.revocations.abort();
        self.keyring.abort();
        if let Some(clock) = self.clock {
            clock.abort();
        }
        // Whatever of these panicked has nothing left to stop.
        self.jobs.await.ok();
        // No more requests arrive; the waiting orders are posted.
        app.poster.close();
        self.poster.await.ok();
        self.retention.await.ok();
        self.webhooks.await.ok();
    }
}
