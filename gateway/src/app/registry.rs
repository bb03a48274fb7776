//! What the gateway consists of: one line for each capability in each list that concerns it.
//!
//! A new capability adds its line to [`ROUTES`], and to [`PAGES`], [`JOBS`], [`RETENTION`] and [`LEDGER_CHECKS`] if it has pages for
//! people, due work, rows that expire, or rows to be compared with the ledger. How to write one: `docs/architecture.md`.

use std::pin::Pin;
use std::sync::Arc;

use actix_web::web::ServiceConfig;
use quanzi_openapi::Time;

use crate::access::{oauth, replay};
use crate::capabilities::events::Streams;
use crate::capabilities::payments::PaymentLookups;
use crate::capabilities::webhooks::Webhooks;
use crate::capabilities::{
    apps, cashier, circles, comments, content, events, fans, gates, grants, ledger, likes, mandates, memberships,
    operations, partners, payments, sign_in, tips, wallets, webhooks,
};
use crate::edge::{self, Edge, Routes};
use crate::platform::db::{self, Tx};
use crate::platform::jobs::{Handlers, Jobs};
use crate::platform::ledger::{CheckSet, LedgerChecks};
use crate::platform::retention::{BATCH_ROWS_MAX, RetentionTask};
use crate::platform::{Platform, keyring, outbox};
use crate::sandbox;
use crate::workflows::{authorization, consent, me};
use crate::{platform, workflows};

type AddRoutes = fn(Routes) -> Routes;
type AddPages = fn(&mut ServiceConfig, &Arc<Edge>);
type AddJobs = fn(Handlers, &Arc<Platform>) -> Handlers;
/// Deletes at most so many rows that have expired by this time, and says how many.
type Sweep = for<'t> fn(&'t mut Tx, Time, i64) -> Pin<Box<dyn Future<Output = Result<u64, db::Fault>> + Send + 't>>;

/// Routes of every mode.
const ROUTES: &[AddRoutes] = &[
    operations::routes,
    authorization::routes,
    partners::routes,
    apps::routes,
    circles::routes,
    workflows::circles::routes,
    gates::routes,
    grants::routes,
    memberships::routes,
    workflows::memberships::routes,
    content::routes,
    comments::routes,
    mandates::routes,
    tips::routes,
    likes::routes,
    ledger::routes,
];

/// Routes that live mode does not even mount.
const SANDBOX_ROUTES: &[AddRoutes] = &[fans::routes, mandates::sandbox_routes];

/// Pages for people.
const PAGES: &[AddPages] =
    &[edge::pages::configure, consent::configure, sign_in::configure, me::configure, mandates::configure];

/// The paths of those pages that have a form.
pub const FORM_PAGES: &[&str] = &[cashier::PATH, mandates::PATH, consent::PATH, me::PATH];

/// Due work.
const JOBS: &[AddJobs] = &[content::jobs, mandates::jobs, payments::jobs];

/// What expires.
const RETENTION: &[(&str, Sweep)] = &[
    ("idempotency", |tx, now, rows_max| Box::pin(edge::sweep_idempotency(tx, now, rows_max))),
    ("nonces", |tx, now, rows_max| Box::pin(replay::sweep(tx, now, rows_max))),
    ("gates", |tx, now, rows_max| Box::pin(gates::sweep(tx, now, rows_max))),
    ("allowances", |tx, now, rows_max| Box::pin(platform::ledger::service::sweep(tx, now, rows_max))),
    ("keys", |tx, now, rows_max| Box::pin(keyring::sweep(tx, now, rows_max))),
    ("oauth", |tx, now, rows_max| Box::pin(oauth::sweep(tx, now, rows_max))),
    ("consent", |tx, now, rows_max| Box::pin(oauth::sweep_consent(tx, now, rows_max))),
    ("sessions", |tx, now, rows_max| Box::pin(edge::sessions::sweep(tx, now, rows_max))),
    ("sign_ins", |tx, now, rows_max| Box::pin(sign_in::sweep(tx, now, rows_max))),
    ("mandates", |tx, now, rows_max| Box::pin(mandates::sweep(tx, now, rows_max))),
    ("deliveries", |tx, now, rows_max| Box::pin(webhooks::sweep(tx, now, rows_max))),
];

/// What `quanzi ledger check` compares with the ledger.
pub const LEDGER_CHECKS: LedgerChecks = LedgerChecks::new(
    |tx, after, rows_max| Box::pin(partners::service::ids_after(tx, after, rows_max)),
    &[payments::LEDGER_CHECKS, tips::LEDGER_CHECKS, CheckSet { counted: None, checks: outbox::LEDGER_CHECKS }],
);

/// What single capabilities keep in memory; each of it may be lost at any time.
pub struct Memory {
    /// What decides about new payments, looked up in batches.
    pub lookups: Arc<PaymentLookups>,
    /// Streams of events.
    pub streams: Arc<Streams>,
    /// The state of webhook delivery.
    pub webhooks: Arc<Webhooks>,
}

impl Memory {
    /// Nothing known yet.
    pub fn new(platform: &Arc<Platform>) -> Self {
        Self {
            lookups: Arc::default(),
            streams: Arc::default(),
            webhooks: Arc::new(Webhooks::new(Arc::clone(platform))),
        }
    }
}

/// Every route of this mode.
pub fn routes(edge: &Arc<Edge>, memory: &Memory, jobs: &Arc<Jobs>) -> Routes {
    let routes = ROUTES.iter().fold(Routes::new(edge), |routes, add| add(routes));
    let routes = payments::routes(routes, &memory.lookups);
    let routes = me::routes(routes, &memory.lookups);
    let routes = events::routes(routes, &memory.streams);
    let routes = webhooks::routes(routes, &memory.webhooks);
    if !edge.config.mode.is_sandbox() {
        return routes;
    }
    let routes = SANDBOX_ROUTES.iter().fold(routes, |routes, add| add(routes));
    let routes = wallets::routes(routes, &memory.lookups);
    let routes = ledger::sandbox_routes(routes, LEDGER_CHECKS);
    sandbox::routes(routes, jobs)
}

/// Every page for people.
pub fn pages(config: &mut ServiceConfig, edge: &Arc<Edge>, memory: &Memory) {
    for add in PAGES {
        add(config, edge);
    }
    cashier::configure(config, edge, &memory.lookups);
}

/// Every kind of due work.
pub fn job_handlers(platform: &Arc<Platform>) -> Handlers {
    let handlers = JOBS.iter().fold(Handlers::default(), |handlers, add| add(handlers, platform));
    if platform.config.mode.is_sandbox() { handlers.pause_while(sandbox::clock::is_paused) } else { handlers }
}

/// Every task that deletes what has expired.
pub fn retention_tasks(edge: &Arc<Edge>) -> Vec<RetentionTask> {
    let rows_max = i64::try_from(BATCH_ROWS_MAX).unwrap_or(i64::MAX);
    let task = |(name, sweep): &(&'static str, Sweep)| {
        let (platform, sweep) = (Arc::clone(edge.access().platform()), *sweep);
        RetentionTask::deleting(name, move || {
            let platform = Arc::clone(&platform);
            async move {
                let mut tx = platform.db.begin().await?;
                let rows = sweep(&mut tx, platform.clock.now(), rows_max).await?;
                tx.commit().await?;
                Ok::<_, db::Fault>(rows)
            }
        })
    };
    let limits = Arc::clone(edge);
    let shrink = RetentionTask::shrinking("limits", move || limits.limits.shrink());
    RETENTION.iter().map(task).chain([shrink]).collect()
}
