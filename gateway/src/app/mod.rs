//! The gateway as one value, and its router as one page.
//!
//! [`App`] is what every request finds: configuration, database, clock, keys, caches. One per process, shared by all
//! workers.

pub mod command;
pub mod site;
pub mod start;

use std::pin::Pin;
use std::sync::Arc;

use actix_web::web::ServiceConfig;
use quanzi_openapi::Time;

use crate::access::oauth::{Assertions, Tokens};
use crate::capabilities::apps::Directory;
use crate::capabilities::payments::PaymentFacts;
use crate::capabilities::sign_in::Provider;
use crate::capabilities::webhooks::Webhooks;
use crate::edge::{InFlight, Limits, Nonces, Routes, sweep_idempotency, sweep_nonces};
use crate::platform::clock::Clock;
use crate::platform::config::Config;
use crate::platform::crypto::SigningKey;
use crate::platform::db::{self, Db, Tx};
use crate::platform::fault::Fault;
use crate::platform::jobs::Wake;
use crate::platform::keyring::{self, Keyring};
use crate::platform::ledger::Poster;
use crate::platform::metrics::Metrics;
use crate::platform::outbox::{Notifier, Streams};
use crate::platform::retention::{BATCH_ROWS_MAX, RetentionTask};
use crate::platform::shutdown::Stopping;
use crate::sandbox::demo::{self, Demo};

/// Everything a request needs.
pub struct App {
    /// Every setting.
    pub config: Config,
    /// The database.
    pub db: Db,
    /// Time, ids, randomness.
    pub clock: Arc<Clock>,
    /// The gateway's own keys.
    pub keyring: Keyring,
    /// Apps and their keys, cached.
    pub directory: Directory,
    /// Verified access tokens, cached.
    pub tokens: Tokens,
    /// Client assertions that are being used up.
    pub assertions: Assertions,
    /// Nonces of signatures and proofs.
    pub nonces: Nonces,
    /// Rate limits.
    pub limits: Limits,
    /// Idempotency keys being worked on.
    pub in_flight: InFlight,
    /// Takes orders for the ledger.
    pub poster: Poster,
    /// What decides about new payments, looked up for many at once.
    pub payment_facts: PaymentFacts,
    /// Rings when events were committed.
    pub notifier: Notifier,
    /// Streams of events.
    pub streams: Streams,
    /// Wakes the runner of jobs.
    pub wake: Wake,
    /// What delivering webhooks needs.
    pub webhooks: Webhooks,
    /// Counters.
    pub metrics: Metrics,
    /// Where fans sign in (live mode).
    pub provider: Provider,
    /// Whether the gateway is on its way down.
    pub stopping: Stopping,
    /// The demo partner of a sandbox.
    pub demo: Option<Demo>,
}

impl App {
    /// A gateway on a migrated database: makes its keys, and a sandbox's demo partner, at the first start.
    pub async fn new(
        config: Config,
        db: Db,
        clock: Arc<Clock>,
        metrics: Metrics,
        stopping: Stopping,
    ) -> Result<Self, Fault> {
        let is_live = !config.mode.is_sandbox();
        let keys = keyring::load_or_create(&db, &clock, config.sealing(), is_live).await.map_err(Fault::internal)?;
        let mut app = Self {
            keyring: Keyring::new(keys),
            directory: Directory::new(),
            tokens: Tokens::default(),
            assertions: Assertions::default(),
            nonces: Nonces::new(),
            limits: Limits::new(&config, &clock),
            in_flight: InFlight::default(),
            poster: Poster::default(),
            payment_facts: PaymentFacts::default(),
            notifier: Notifier::default(),
            streams: Streams::default(),
            wake: Wake::default(),
            webhooks: Webhooks::new(&clock),
            config,
            db,
            clock,
            metrics,
            provider: Provider::default(),
            stopping,
            demo: None,
        };
        if app.config.mode.is_sandbox() && app.config.sandbox_demo {
            app.demo = Some(demo::ensure(&app).await?);
        }
        Ok(app)
    }

    /// The key that signs answers, access tokens and webhooks now.
    pub fn signing_key(&self) -> Arc<SigningKey> {
        self.keyring.signing(self.clock.now())
    }
}

/// Every capability's routes. Sandbox routes are not even mounted in live mode.
pub fn routes(app: &Arc<App>) -> Routes {
    let routes = Routes::new(app);
    let routes = crate::capabilities::operations::routes(routes);
    let routes = crate::access::oauth::routes(routes);
    let routes = crate::capabilities::partners::routes(routes);
    let routes = crate::capabilities::apps::routes(routes);
    let routes = crate::capabilities::circles::routes(routes);
    let routes = crate::capabilities::gates::routes(routes);
    let routes = crate::capabilities::grants::routes(routes);
    let routes = crate::capabilities::memberships::routes(routes);
    let routes = crate::capabilities::content::routes(routes);
    let routes = crate::capabilities::comments::routes(routes);
    let routes = crate::capabilities::payments::routes(routes);
    let routes = crate::capabilities::mandates::routes(routes);
    let routes = crate::capabilities::tips::routes(routes);
    let routes = crate::workflows::me::routes(routes);
    let routes = crate::capabilities::likes::routes(routes);
    let routes = crate::platform::ledger::routes(routes);
    let routes = crate::platform::outbox::routes(routes);
    let routes = crate::capabilities::webhooks::routes(routes);
    if app.config.mode.is_sandbox() { sandbox_routes(routes) } else { routes }
}

/// Every page for people.
pub fn pages(config: &mut ServiceConfig, app: &Arc<App>) {
    crate::edge::pages::configure(config, app);
    crate::capabilities::cashier::configure(config, app);
    crate::workflows::consent::configure(config, app);
    crate::capabilities::sign_in::configure(config, app);
    crate::workflows::me::configure(config, app);
    crate::capabilities::mandates::configure(config, app);
}

/// What only a sandbox has.
fn sandbox_routes(routes: Routes) -> Routes {
    let routes = crate::sandbox::routes(routes);
    let routes = crate::capabilities::fans::routes(routes);
    let routes = crate::capabilities::wallets::routes(routes);
    let routes = crate::capabilities::mandates::sandbox_routes(routes);
    crate::platform::ledger::sandbox_routes(routes)
}

/// Deletes at most so many rows that have expired, and says how many went.
type Sweep = for<'t> fn(&'t mut Tx, Time, i64) -> Pin<Box<dyn Future<Output = Result<u64, db::Fault>> + Send + 't>>;

/// What expires, and how it goes.
pub fn retention_tasks(app: &Arc<App>) -> Vec<RetentionTask> {
    let rows_max = i64::try_from(BATCH_ROWS_MAX).unwrap_or(i64::MAX);
    let limits = Arc::clone(app);
    let deleting = |name, sweep: Sweep| {
        let app = Arc::clone(app);
        RetentionTask::deleting(name, move || {
            let app = Arc::clone(&app);
            async move {
                let mut tx = app.db.begin().await?;
                let rows = sweep(&mut tx, app.clock.now(), rows_max).await?;
                tx.commit().await?;
                Ok::<_, db::Fault>(rows)
            }
        })
    };
    vec![
        deleting("idempotency", |tx, now, rows_max| Box::pin(sweep_idempotency(tx, now, rows_max))),
        deleting("nonces", |tx, now, rows_max| Box::pin(sweep_nonces(tx, now, rows_max))),
        deleting("gates", |tx, now, rows_max| Box::pin(crate::capabilities::gates::sweep(tx, now, rows_max))),
        deleting("allowances", |tx, now, rows_max| {
            Box::pin(crate::platform::ledger::service::sweep(tx, now, rows_max))
        }),
        deleting("keys", |tx, now, rows_max| Box::pin(keyring::sweep(tx, now, rows_max))),
        deleting("oauth", |tx, now, rows_max| Box::pin(crate::access::oauth::store::sweep(tx, now, rows_max))),
        deleting("consent", |tx, now, rows_max| Box::pin(crate::access::oauth::sweep_consent(tx, now, rows_max))),
        deleting("sessions", |tx, now, rows_max| Box::pin(crate::access::sessions::sweep(tx, now, rows_max))),
        deleting("sign_ins", |tx, now, rows_max| Box::pin(crate::capabilities::sign_in::sweep(tx, now, rows_max))),
        deleting("mandates", |tx, now, rows_max| {
            Box::pin(crate::capabilities::mandates::service::sweep(tx, now, rows_max))
        }),
        deleting("deliveries", |tx, now, rows_max| {
            Box::pin(crate::capabilities::webhooks::service::sweep(tx, now, rows_max))
        }),
        RetentionTask::shrinking("limits", move || limits.limits.shrink()),
    ]
}
