//! Writes the results of pumps: one transaction for all that wait. Invariant: a cursor, the rows behind it and the attempts
//! are written together or not at all, and only for endpoints that this process still owns.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use futures_util::{StreamExt as _, stream};
use quanzi_openapi::Time;
use quanzi_openapi::deliveries::Delivery;
use quanzi_openapi::events::EventType;
use quanzi_openapi::id::{PartnerId, WebhookEndpointId};
use quanzi_openapi::webhooks::{DisabledReason, WebhookEndpointStatus};
use tokio::sync::{mpsc, oneshot};

use super::queue::{self, EndpointKey, EndpointState, Move, Retry};
use super::state::Webhooks;
use super::{schedule, secret, store};
use crate::platform::db::Tx;
use crate::platform::fault::Fault;
use crate::platform::outbox;
use crate::platform::retry::{RetryPolicy, retry_if};

/// Batches that are written together.
const BATCHES_MAX: usize = 64;
/// Partners whose batches are written at the same time: fewer than connections for writing.
const PARTNERS_AT_ONCE_MAX: usize = 4;
/// Runs of one transaction before its batches are given up; their events are sent again then.
const WRITING: RetryPolicy =
    RetryPolicy { runs_max: 4, pause: Duration::from_millis(100), pause_max: Duration::from_millis(400) };

/// The cursor, number and next event of the replay, and until when the endpoint pauses.
pub type Said = (i64, Option<(i64, i64)>, Time);

/// What one pump did since it last asked.
#[derive(Debug)]
pub struct Batch {
    /// The endpoint.
    pub key: EndpointKey,
    /// Its version when the pump began; another one ends the pump.
    pub version: i64,
    /// Where the cursor goes.
    pub to: Move,
    /// What the batch before said of cursor, replay and pause: a batch that says the same and nothing else is not written.
    pub before: Option<Said>,
    /// Number of the replay, and the next event of it.
    pub replay: Option<(i64, i64)>,
    /// Every attempt.
    pub deliveries: Vec<Delivery>,
    /// Rows that were taken at last.
    pub done: Vec<i64>,
    /// Rows to be tried again.
    pub retries: Vec<Retry>,
    /// Whether an event was taken.
    pub taken: bool,
    /// Whether an event was refused so often that the endpoint counts as failing.
    pub failing: bool,
    /// After a long time without any the receiver takes events again: what waits is due at once.
    pub hurry: bool,
    /// Why the endpoint is to be disabled.
    pub disable: Option<DisabledReason>,
}

/// What the pump has to do after its batch was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Go on.
    Go,
    /// Finish what is under way and end: the endpoint changed, or is another process's now.
    Stop,
}

/// A batch and who waits for it.
pub type WriteRequest = (Batch, oneshot::Sender<Verdict>);

/// Writes until nobody is left to ask.
pub async fn run(webhooks: Arc<Webhooks>, mut asked: mpsc::Receiver<WriteRequest>) {
    let mut waiting: Vec<WriteRequest> = Vec::with_capacity(BATCHES_MAX);
    while asked.recv_many(&mut waiting, BATCHES_MAX).await > 0 {
        let (batches, replies): (Vec<Batch>, Vec<_>) = waiting.drain(..).unzip();
        let going = write_all(&webhooks, &batches).await;
        for (batch, reply) in batches.iter().zip(replies) {
            let verdict = if going.contains(&batch.key.1) { Verdict::Go } else { Verdict::Stop };
            // A pump that was aborted does not want to know.
            reply.send(verdict).ok();
        }
    }
}

/// The endpoints that go on. What was done for one partner is written in a transaction of its own: its rows may be on another node than
/// others', and what cannot be written for one holds up nobody else.
async fn write_all(webhooks: &Webhooks, batches: &[Batch]) -> HashSet<WebhookEndpointId> {
    let mut partners: BTreeMap<PartnerId, Vec<&Batch>> = BTreeMap::new();
    for batch in batches {
        partners.entry(batch.key.0).or_default().push(batch);
    }
    let mut writes = Vec::with_capacity(partners.len());
    for (partner, batches) in &partners {
        writes.push(write_repeatedly(webhooks, *partner, batches));
    }
    let going: Vec<HashSet<WebhookEndpointId>> =
        stream::iter(writes).buffer_unordered(PARTNERS_AT_ONCE_MAX).collect().await;
    going.into_iter().flatten().collect()
}

async fn write_repeatedly(webhooks: &Webhooks, partner: PartnerId, batches: &[&Batch]) -> HashSet<WebhookEndpointId> {
    let once = move || async move {
        write(webhooks, partner, batches).await.inspect_err(|fault| {
            tracing::warn!(cause = ?fault.cause(), "webhook deliveries could not be written");
        })
    };
    retry_if(WRITING, &webhooks.clock, |_| true, once).await.unwrap_or_default()
}

async fn write(
    webhooks: &Webhooks,
    partner: PartnerId,
    batches: &[&Batch],
) -> Result<HashSet<WebhookEndpointId>, Fault> {
    let mut tx = webhooks.db.begin().await?;
    let moves = batches.iter().map(|batch| (batch.key.1, batch.to));
    let moved: HashSet<_> = queue::advance(&mut tx, partner, &webhooks.worker, moves).await?.into_iter().collect();
    let held: Vec<&Batch> = batches.iter().copied().filter(|batch| moved.contains(&batch.key.1)).collect();
    rows(&mut tx, partner, &held).await?;
    let mut going = HashSet::new();
    if !held.is_empty() {
        let states = queue::states(&mut tx, partner, held.iter().map(|batch| batch.key.1)).await?;
        for batch in held {
            let Some(state) = states.iter().find(|state| state.id == batch.key.1) else { continue };
            let changed = settle(&mut tx, webhooks, batch, state).await?;
            if !changed && state.version == batch.version {
                going.insert(batch.key.1);
            }
        }
    }
    outbox::service::commit(webhooks, tx).await?;
    Ok(going)
}

async fn rows(tx: &mut Tx, partner: PartnerId, held: &[&Batch]) -> Result<(), Fault> {
    let mut deliveries = Vec::new();
    let mut done = Vec::new();
    let mut retries: Vec<(WebhookEndpointId, &Retry)> = Vec::new();
    let mut replays = Vec::new();
    for batch in held {
        let (_, endpoint) = batch.key;
        deliveries.extend(&batch.deliveries);
        done.extend(batch.done.iter().map(|seq| (endpoint, *seq)));
        retries.extend(batch.retries.iter().map(|row| (endpoint, row)));
        replays.extend(batch.replay.map(|(number, next)| (endpoint, number, next)));
    }
    if !deliveries.is_empty() {
        store::insert_deliveries(tx, partner, &deliveries).await?;
    }
    if !done.is_empty() {
        queue::delete_done(tx, partner, &done).await?;
    }
    if !retries.is_empty() {
        queue::put_retries(tx, partner, &retries).await?;
    }
    if !replays.is_empty() {
        queue::advance_replays(tx, partner, &replays).await?;
    }
    for batch in held.iter().filter(|batch| batch.hurry) {
        queue::retry_now(tx, batch.key, false).await?;
    }
    Ok(())
}

/// Failing, recovered, disabled: whether the endpoint changed.
async fn settle(tx: &mut Tx, webhooks: &Webhooks, batch: &Batch, state: &EndpointState) -> Result<bool, Fault> {
    let is_failing = state.failing_since.is_some();
    let begins = batch.failing && !is_failing;
    let ends =
        batch.taken && is_failing && !queue::still_failing(tx, batch.key, schedule::FAILING_AFTER_ATTEMPTS).await?;
    if !begins && !ends && batch.disable.is_none() {
        return Ok(false);
    }
    let (partner, endpoint) = batch.key;
    let Some(mut row) = store::lock(tx, partner, endpoint).await? else { return Ok(true) };
    if row.status != WebhookEndpointStatus::Enabled {
        return Ok(true);
    }
    let now = webhooks.clock.now();
    let mut kinds = Vec::new();
    if begins {
        row.failing_since = Some(now);
        kinds.push(EventType::WebhookEndpointFailing);
    }
    if ends {
        row.failing_since = None;
        kinds.push(EventType::WebhookEndpointRecovered);
    }
    if let Some(reason) = batch.disable {
        row.status = WebhookEndpointStatus::Disabled;
        row.disabled_reason = Some(reason);
        kinds.push(EventType::WebhookEndpointDisabled);
    }
    row.updated_at = now;
    for kind in kinds {
        row.version += 1;
        outbox::service::record(tx, partner, now, kind, &row.endpoint(&secret::public_key(webhooks)))?;
    }
    store::update(tx, partner, &row).await?;
    Ok(true)
}
