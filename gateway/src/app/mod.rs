//! The gateway as one value, and the lists of all capabilities: routes, pages, jobs, retention tasks.
//!
//! The state that requests share is layered: [`Platform`], [`Access`], [`Edge`]; [`App`] adds what single capabilities keep
//! in memory.

pub mod command;
pub mod site;
pub mod start;

use std::ops::Deref;
use std::pin::Pin;
use std::sync::Arc;

use actix_web::web::ServiceConfig;
use quanzi_openapi::Time;

use crate::access::Access;
use crate::capabilities::events::Streams;
use crate::capabilities::payments::PaymentLookups;
use crate::capabilities::webhooks::Webhooks;
use crate::capabilities::{content, mandates, payments};
use crate::edge::{Edge, Routes, sweep_idempotency};
use crate::platform::Platform;
use crate::platform::clock::Clock;
use crate::platform::config::Config;
use crate::platform::db::{self, Db, Tx};
use crate::platform::fault::Fault;
use crate::platform::jobs::{Handlers, Jobs};
use crate::platform::keyring;
use crate::platform::metrics::Metrics;
use crate::platform::retention::{BATCH_ROWS_MAX, RetentionTask};
use crate::platform::shutdown::Stopping;
use crate::sandbox;
use crate::sandbox::demo::{self, Demo};

/// The gateway: one per process.
pub struct App {
    edge: Arc<Edge>,
    /// Due work, and who does it.
    pub jobs: Arc<Jobs>,
    /// What decides about new payments, looked up for many at once.
    lookups: Arc<PaymentLookups>,
    /// Streams of events.
    streams: Arc<Streams>,
    /// What delivering webhooks needs.
    pub webhooks: Arc<Webhooks>,
    /// The demo partner of a sandbox.
    pub demo: Option<Demo>,
}

impl App {
    /// A gateway on a migrated database; at the first start it creates its keys, and a sandbox's demo partner.
    pub async fn new(
        config: Config,
        db: Db,
        clock: Arc<Clock>,
        metrics: Metrics,
        stopping: Stopping,
    ) -> Result<Self, Fault> {
        let platform = Arc::new(Platform::new(config, db, clock, metrics, stopping).await?);
        let access = Arc::new(Access::new(Arc::clone(&platform)));
        let demo = if platform.config.mode.is_sandbox() && platform.config.sandbox_demo {
            Some(demo::ensure(&access).await?)
        } else {
            None
        };
        Ok(Self {
            edge: Arc::new(Edge::new(access)),
            jobs: Arc::new(Jobs { handlers: job_handlers(&platform), platform: Arc::clone(&platform) }),
            lookups: Arc::default(),
            streams: Arc::default(),
            webhooks: Arc::new(Webhooks::new(platform)),
            demo,
        })
    }

    /// What serves requests.
    pub fn edge(&self) -> &Arc<Edge> {
        &self.edge
    }
}

impl Deref for App {
    type Target = Edge;
    fn deref(&self) -> &Edge {
        &self.edge
    }
}

/// Every kind of due work.
fn job_handlers(platform: &Arc<Platform>) -> Handlers {
    let handlers = Handlers::default();
    let handlers = content::jobs(handlers, platform);
    let handlers = mandates::jobs(handlers, platform);
    let handlers = payments::jobs(handlers, platform);
    if platform.config.mode.is_sandbox() { handlers.hold_while(sandbox::clock::hold) } else { handlers }
}

/// Every capability's routes. Sandbox routes are not even mounted in live mode.
pub fn routes(app: &Arc<App>) -> Routes {
    let routes = Routes::new(app.edge());
    let routes = crate::capabilities::operations::routes(routes);
    let routes = crate::workflows::authorization::routes(routes);
    let routes = crate::capabilities::partners::routes(routes);
    let routes = crate::capabilities::apps::routes(routes);
    let routes = crate::capabilities::circles::routes(routes);
    let routes = crate::capabilities::gates::routes(routes);
    let routes = crate::capabilities::grants::routes(routes);
    let routes = crate::capabilities::memberships::routes(routes);
    let routes = crate::capabilities::content::routes(routes);
    let routes = crate::capabilities::comments::routes(routes);
    let routes = crate::capabilities::payments::routes(routes, &app.lookups);
    let routes = crate::capabilities::mandates::routes(routes);
    let routes = crate::capabilities::tips::routes(routes);
    let routes = crate::workflows::me::routes(routes, &app.lookups);
    let routes = crate::capabilities::likes::routes(routes);
    let routes = crate::capabilities::ledger::routes(routes);
    let routes = crate::capabilities::events::routes(routes, &app.streams);
    let routes = crate::capabilities::webhooks::routes(routes, &app.webhooks);
    if app.config.mode.is_sandbox() { sandbox_routes(routes, app) } else { routes }
}

/// Every page for people.
pub fn pages(config: &mut ServiceConfig, app: &Arc<App>) {
    crate::edge::pages::configure(config, app.edge());
    crate::capabilities::cashier::configure(config, app.edge(), &app.lookups);
    crate::workflows::consent::configure(config, app.edge());
    crate::capabilities::sign_in::configure(config, app.edge());
    crate::workflows::me::configure(config, app.edge());
    crate::capabilities::mandates::configure(config, app.edge());
}

/// What only a sandbox has.
fn sandbox_routes(routes: Routes, app: &App) -> Routes {
    let routes = crate::sandbox::routes(routes, &app.jobs);
    let routes = crate::capabilities::fans::routes(routes);
    let routes = crate::capabilities::wallets::routes(routes, &app.lookups);
    let routes = crate::capabilities::mandates::sandbox_routes(routes);
    crate::capabilities::ledger::sandbox_routes(routes)
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
        deleting("nonces", |tx, now, rows_max| Box::pin(crate::access::replay::sweep(tx, now, rows_max))),
        deleting("gates", |tx, now, rows_max| Box::pin(crate::capabilities::gates::sweep(tx, now, rows_max))),
        deleting("allowances", |tx, now, rows_max| {
            Box::pin(crate::platform::ledger::service::sweep(tx, now, rows_max))
        }),
        deleting("keys", |tx, now, rows_max| Box::pin(keyring::sweep(tx, now, rows_max))),
        deleting("oauth", |tx, now, rows_max| Box::pin(crate::access::oauth::store::sweep(tx, now, rows_max))),
        deleting("consent", |tx, now, rows_max| Box::pin(crate::access::oauth::sweep_consent(tx, now, rows_max))),
        deleting("sessions", |tx, now, rows_max| Box::pin(crate::edge::sessions::sweep(tx, now, rows_max))),
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
