//! Delivers for one endpoint as long as there is work. Invariants: events are sent as [`DeliveryOrder`] allows; results are written
//! by the writer in batches, while the next requests are in flight; whatever was not written is repeated.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use quanzi_openapi::Time;
use quanzi_openapi::webhooks::{DisabledReason, WebhookEndpointStatus};
use tokio::sync::{mpsc, oneshot};
use tokio::task::{JoinHandle, JoinSet};

use super::delivery::delivery;
use super::order::{Behind, DeliveryOrder, Item, Lane};
use super::queue::{self, Cursor, EndpointKey, Move, ReplayRow, Retry};
use super::schedule::Refusal;
use super::send::{Attempt, Target};
use super::share::Share;
use super::state::Webhooks;
use super::writer::{Batch, Verdict, WriteRequest};
use super::{schedule, service, sign, store};
use crate::platform::db;
use crate::platform::fault::Fault;
use crate::platform::outbox::store::SCAN_MAX;
use crate::platform::outbox::{self, Stored, Subscription};

/// Requests of one endpoint that are under way at once.
const WINDOW_MAX: usize = 32;
/// The window of an endpoint that has rows to be tried again: it grows with each event that is taken.
const WINDOW_CAREFUL: usize = 2;
/// Events of a lane that are loaded.
const LOADED_MAX: usize = 512;
/// Events read at once.
const PAGE_ROWS: i64 = 256;
/// Rows that are due, read at once.
const DUE_ROWS: i64 = 64;
/// How often rows that became due, and replays, are looked for.
const DUE_LOOK: Duration = Duration::from_millis(250);
/// An idle pump waits this long for the next event.
const LINGER: Duration = Duration::from_millis(500);
/// A pump gives its place to another endpoint after this time, if one waits.
const TURN: Duration = Duration::from_secs(5);
/// Looks at the end of the log are this far apart.
const LOOK_PAUSE: Duration = Duration::from_millis(5);
/// While requests are under way, what was done is written this often, or when there is this much of it: a transaction for a few
/// deliveries costs as much as one for many. What a crash loses of it is sent again.
const SAVE_PAUSE: Duration = Duration::from_millis(10);
const SAVE_ROWS: usize = 256;
/// How long requests may go on when the gateway stops.
const GRACE: Duration = Duration::from_secs(3);
/// After this long without any taken event, one that is taken makes everything due that waits.
const HURRY_AFTER_SECONDS: i64 = 3_600;

struct Done {
    item: Item<Arc<Stored>>,
    attempted_at: Time,
    attempt: Result<Attempt, Fault>,
}

/// A page of the log.
struct PageOfLog {
    lane: Lane,
    rows: Vec<Stored>,
    up_to: i64,
    /// The end of the log, or of the replay.
    end: i64,
    /// Whether the endpoint is still as the pump knows it: an event that is committed after it was disabled is not sent.
    is_current: bool,
}

/// A batch that the writer has.
struct Saving {
    verdict: oneshot::Receiver<Verdict>,
    /// It makes rows due, those behind one that was taken: when it is written, and not before, is the time to look.
    frees_rows: bool,
}

pub struct Pump {
    webhooks: Arc<Webhooks>,
    key: EndpointKey,
    version: i64,
    target: Arc<Target>,
    share: Share,
    types: Arc<[String]>,
    order: DeliveryOrder<Arc<Stored>>,
    replay: Option<ReplayRow>,
    /// The next page is read while requests are under way.
    reading: Option<JoinHandle<Result<PageOfLog, db::Fault>>>,
    window: usize,
    under_way: JoinSet<Done>,
    batch: Batch,
    /// Rows that the batch, or the one being written, changes: what the database says of them is old.
    unsaved: HashSet<i64>,
    being_saved: HashSet<i64>,
    saving: Option<Saving>,
    saved_at: Option<Instant>,
    writer: mpsc::Sender<WriteRequest>,
    is_ending: bool,
    due_looked: Option<Instant>,
    log_looked: Option<Instant>,
    replay_looked: Option<Instant>,
    log_has_more: bool,
    replay_was_read: bool,
}

impl Pump {
    /// Loads the endpoint; `None` if it was deleted or disabled.
    pub async fn begin(
        webhooks: &Arc<Webhooks>,
        key: EndpointKey,
        cursor: &Cursor,
        writer: mpsc::Sender<WriteRequest>,
    ) -> Result<Option<Self>, Fault> {
        let mut tx = webhooks.db.reading_newest().await?;
        let row = store::find(&mut tx, key.0, key.1).await?;
        let Some(row) = row.filter(|row| row.status == WebhookEndpointStatus::Enabled) else { return Ok(None) };
        let target = service::target(webhooks, &row)?;
        let rows = queue::retries(&mut tx, key, cursor.taken_at).await?;
        let replay = queue::replay(&mut tx, key).await?;
        let window = if rows.is_empty() { WINDOW_MAX } else { WINDOW_CAREFUL };
        let mut order = DeliveryOrder::new(cursor.delivered_seq, rows);
        if let Some(replay) = &replay {
            order.begin_replay(replay.next_seq - 1);
        }
        let to =
            Move { delivered_seq: cursor.delivered_seq, held_until: Time::from_micros(0), taken_at: cursor.taken_at };
        let mut batch = empty(key, row.version, to);
        batch.before = Some((to.delivered_seq, replay.as_ref().map(|row| (row.number, row.next_seq)), to.held_until));
        Ok(Some(Self {
            webhooks: Arc::clone(webhooks),
            key,
            version: row.version,
            target: Arc::new(target),
            share: webhooks.shares.of(key.0),
            types: row.types.0.into(),
            order,
            replay,
            reading: None,
            window,
            under_way: JoinSet::new(),
            batch,
            unsaved: HashSet::new(),
            being_saved: HashSet::new(),
            saving: None,
            saved_at: None,
            writer,
            is_ending: false,
            due_looked: None,
            log_looked: None,
            replay_looked: Some(Instant::now()),
            log_has_more: true,
            replay_was_read: false,
        }))
    }

    /// Until nothing is left to do, or the endpoint is no longer ours. Says whether the receiver takes so little that it is better left
    /// alone for a while.
    pub async fn run(mut self, mut subscription: Subscription) -> Result<bool, db::Fault> {
        let mut idle_since: Option<Instant> = None;
        let mut stop_at: Option<Instant> = None;
        let began = Instant::now();
        loop {
            if !self.is_ending {
                self.load().await?;
                self.start();
            }
            self.save().await;
            let is_idle = self.under_way.is_empty()
                && self.saving.is_none()
                && (self.is_ending || (self.reading.is_none() && !self.order.has_ready()));
            // Others wait for a pump: this one goes to the end of the queue.
            self.is_ending |= began.elapsed() >= TURN && self.webhooks.is_crowded();
            if is_idle && self.is_ending {
                return Ok(!self.order.takes_more());
            }
            match (is_idle, idle_since) {
                (true, Some(since)) if since.elapsed() >= LINGER => return Ok(!self.order.takes_more()),
                (true, None) => idle_since = Some(Instant::now()),
                (false, _) => idle_since = None,
                _ => {}
            }
            let looks_soon = self.log_has_more && self.reading.is_none() && self.wants_live();
            let saves_soon = self.saving.is_none() && !self.batch.deliveries.is_empty();
            let webhooks = Arc::clone(&self.webhooks);
            let verdict = async {
                match &mut self.saving {
                    Some(saving) => (&mut saving.verdict).await,
                    None => std::future::pending().await,
                }
            };
            let read = async {
                match &mut self.reading {
                    Some(reading) => reading.await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                Some(done) = self.under_way.join_next() => {
                    self.finish(done);
                    // Whatever else is finished by now belongs to the same batch.
                    while let Some(done) = self.under_way.try_join_next() {
                        self.finish(done);
                    }
                }
                read = read => {
                    self.reading = None;
                    let read = read.map_err(|panic| db::Fault::Other(panic.into()))??;
                    if !self.is_ending {
                        self.take_in(read);
                    }
                }
                verdict = verdict => {
                    self.being_saved.clear();
                    if self.saving.take().is_some_and(|saving| saving.frees_rows) {
                        self.due_looked = None;
                    }
                    // A writer that is gone has written nothing.
                    if verdict != Ok(Verdict::Go) {
                        self.is_ending = true;
                    }
                }
                () = subscription.wait() => self.log_has_more = true,
                () = tokio::time::sleep(LOOK_PAUSE), if looks_soon => {}
                () = tokio::time::sleep(SAVE_PAUSE), if saves_soon => {}
                () = webhooks.stopping.wait(), if stop_at.is_none() => {
                    self.is_ending = true;
                    stop_at = Some(Instant::now() + GRACE);
                }
                () = tokio::time::sleep_until(stop_at.unwrap_or_else(Instant::now).into()), if stop_at.is_some() => {
                    return Ok(false);
                }
            }
        }
    }

    /// Reads what may be begun.
    async fn load(&mut self) -> Result<(), db::Fault> {
        if self.order.rows() > 0 && self.due_looked.is_none_or(|at| at.elapsed() >= DUE_LOOK) {
            self.due_looked = Some(Instant::now());
            let mut tx = self.webhooks.db.reading_newest().await?;
            let due = queue::due(&mut tx, self.key, self.webhooks.clock.now(), DUE_ROWS).await?;
            let unsaved = |seq: &i64| self.unsaved.contains(seq) || self.being_saved.contains(seq);
            let due: Vec<_> = due.into_iter().filter(|row| !unsaved(&row.seq)).collect();
            let events = outbox::service::by_seq(&mut tx, self.key.0, due.iter().map(|row| row.seq)).await?;
            let mut events: HashMap<i64, Stored> = events.into_iter().map(|event| (event.seq, event)).collect();
            self.order.load_due(due.into_iter().filter_map(|row| {
                let (attempts, first_refused_at) = (row.attempts, row.first_refused_at);
                Some(Item { attempts, first_refused_at, ..item(events.remove(&row.seq)?, Lane::Retry) })
            }));
        }
        // Not before the end of the last one is written, or it would begin again.
        let may_look = self.saving.is_none() && self.replay_looked.is_none_or(|at| at.elapsed() >= DUE_LOOK);
        if self.replay.is_none() && may_look {
            self.replay_looked = Some(Instant::now());
            let mut tx = self.webhooks.db.reading_newest().await?;
            self.replay = queue::replay(&mut tx, self.key).await?;
            if let Some(replay) = &self.replay {
                self.order.begin_replay(replay.next_seq - 1);
            }
        }
        if self.reading.is_some() || !self.order.takes_more() {
            return Ok(());
        }
        let may_look = self.log_looked.is_none_or(|at| at.elapsed() >= LOOK_PAUSE);
        let replays = self.replay.as_ref().is_some_and(|replay| self.order.read_to(Lane::Replay) < replay.to_seq);
        // In turn, so that neither waits for the other's end.
        let live = self.log_has_more && may_look && self.wants_live();
        if replays && self.order.open(Lane::Replay) <= LOADED_MAX / 2 && !(live && self.replay_was_read) {
            self.replay_was_read = true;
            self.read(Lane::Replay);
        } else if live {
            (self.replay_was_read, self.log_has_more) = (false, false);
            self.read(Lane::Live);
        }
        Ok(())
    }

    /// Whether there is room for more of the log.
    fn wants_live(&self) -> bool {
        !self.is_ending && self.order.takes_more() && self.order.open(Lane::Live) <= LOADED_MAX / 2
    }

    /// Begins to read the next page of a lane.
    fn read(&mut self, lane: Lane) {
        let (webhooks, key, version, after) =
            (Arc::clone(&self.webhooks), self.key, self.version, self.order.read_to(lane));
        let partner = key.0;
        let (end, types) = match &self.replay {
            Some(replay) if lane == Lane::Replay => (Some(replay.to_seq), replay.types.0.as_slice().into()),
            _ => (None, Arc::clone(&self.types)),
        };
        self.reading = Some(tokio::spawn(async move {
            let mut tx = webhooks.db.reading_newest().await?;
            let end = match end {
                Some(end) => end,
                None => outbox::service::last_seq(&mut tx, partner).await?,
            };
            let to = end.min(after + SCAN_MAX).max(after);
            let rows = outbox::service::range(&mut tx, partner, (after, to), &types, PAGE_ROWS).await?;
            let is_full = i64::try_from(rows.len()).is_ok_and(|rows| rows >= PAGE_ROWS);
            let read_to = if is_full { rows.last().map_or(to, |row| row.seq) } else { to };
            // After the rows: a change that comes before it comes before whatever was read.
            let is_current =
                queue::states(&mut tx, partner, [key.1]).await?.iter().any(|state| state.version == version);
            Ok(PageOfLog { lane, rows, up_to: read_to, end, is_current })
        }));
    }

    fn take_in(&mut self, read: PageOfLog) {
        let PageOfLog { lane, rows, up_to: read_to, end, is_current } = read;
        if !is_current {
            self.is_ending = true;
            return;
        }
        if lane == Lane::Live {
            // The notifier may have rung since the end was looked for.
            self.log_has_more |= read_to < end;
            self.log_looked = (!self.log_has_more).then(Instant::now);
        }
        let items: Vec<_> = rows.into_iter().map(|row| item(row, lane)).collect();
        let behind = self.order.load(lane, items, read_to);
        self.put_behind(behind);
    }

    /// Begins as many requests as the window has room for.
    fn start(&mut self) {
        while self.under_way.len() < self.window
            && let Some(item) = self.order.start()
        {
            let (webhooks, target, share) = (Arc::clone(&self.webhooks), Arc::clone(&self.target), self.share.clone());
            self.under_way.spawn(async move {
                let _room = webhooks.shares.enter(&share).await;
                let attempted_at = webhooks.clock.now();
                let body = sign::body(&item.event);
                let attempt = webhooks.sender.post(&webhooks, &target, &item.event.id.to_string(), body).await;
                Done { item, attempted_at, attempt }
            });
        }
    }

    fn finish(&mut self, done: Result<Done, tokio::task::JoinError>) {
        let Ok(Done { item, attempted_at, attempt }) = done else {
            // It panicked: which event it was is not known here, so all that is not written is done again by the next pump.
            self.is_ending = true;
            return;
        };
        let attempt = attempt.unwrap_or_else(|fault| {
            tracing::error!(cause = ?fault.cause(), "a webhook could not be sent");
            Attempt::not_sent()
        });
        let attempts = item.attempts + 1;
        let now = self.webhooks.clock.now();
        let next = match attempt.failure {
            None => self.was_taken(&item, &attempt, now),
            Some(_) => self.was_refused(&item, &attempt, attempts, now),
        };
        let (_, endpoint) = self.key;
        let delivery = delivery(&self.webhooks, endpoint, &item.event, attempts, attempted_at, attempt, next);
        self.batch.deliveries.push(delivery);
        self.webhooks.metrics.delivered(self.batch.deliveries.last().is_some_and(|last| last.error.is_none()));
    }

    fn was_taken(&mut self, item: &Item<Arc<Stored>>, attempt: &Attempt, now: Time) -> Option<Time> {
        self.order.taken(item);
        if item.lane == Lane::Retry {
            self.batch.done.push(item.seq);
            self.unsaved.insert(item.seq);
        }
        let waited_seconds = now.seconds() - self.batch.to.taken_at.seconds();
        if waited_seconds > HURRY_AFTER_SECONDS && self.order.rows() > 0 {
            self.batch.hurry = true;
        }
        self.batch.taken = true;
        self.batch.to.taken_at = now;
        self.window = (self.window + 1).min(WINDOW_MAX);
        if attempt.asks.disable {
            self.disable(DisabledReason::Receiver);
        }
        None
    }

    /// Gives back when the next attempt is due.
    fn was_refused(&mut self, item: &Item<Arc<Stored>>, attempt: &Attempt, attempts: i64, now: Time) -> Option<Time> {
        let behind = self.order.refused(item);
        let asked = attempt.asks.pause_seconds.filter(|_| matches!(attempt.status, Some(429 | 502 | 503 | 504)));
        let first_at = item.first_refused_at.unwrap_or(now);
        let refusal = Refusal { at: now, first_at, attempts, pause_seconds: asked };
        let next = schedule::next(refusal, u16::from_le_bytes(self.webhooks.clock.random()));
        self.batch.retries.push(Retry {
            seq: item.seq,
            object: item.object.clone(),
            attempts,
            first_refused_at: Some(first_at),
            due_at: next.unwrap_or(now),
        });
        self.unsaved.insert(item.seq);
        self.put_behind(behind);
        self.window = (self.window / 2).max(1);
        self.batch.failing |= attempts >= schedule::FAILING_AFTER_ATTEMPTS;
        if attempt.status == Some(410) {
            self.disable(DisabledReason::Gone);
        } else if attempt.asks.disable {
            self.disable(DisabledReason::Receiver);
        } else if next.is_none() {
            self.disable(DisabledReason::Exhausted);
        } else if let Some(seconds) = asked.filter(|seconds| *seconds > 0) {
            // The receiver has too much: nothing more until then.
            self.batch.to.held_until = now.plus_seconds(seconds.min(schedule::PAUSE_SECONDS_MAX));
            self.is_ending = true;
        }
        if self.batch.disable.is_some() { None } else { next }
    }

    fn disable(&mut self, reason: DisabledReason) {
        self.batch.disable.get_or_insert(reason);
        self.is_ending = true;
    }

    fn put_behind(&mut self, behind: Vec<Behind>) {
        for row in behind {
            self.unsaved.insert(row.seq);
            let due_at = Time::from_micros(0);
            let (seq, object) = (row.seq, row.object);
            self.batch.retries.push(Retry { seq, object, attempts: 0, first_refused_at: None, due_at });
        }
    }

    /// Hands the batch to the writer, when there is one and the one before is written.
    async fn save(&mut self) {
        let is_busy =
            !self.under_way.is_empty() && self.batch.deliveries.len() < SAVE_ROWS && self.batch.disable.is_none();
        let is_soon = self.saved_at.is_some_and(|at| at.elapsed() < SAVE_PAUSE);
        if self.saving.is_some() || (is_busy && is_soon) {
            return;
        }
        self.batch.to.delivered_seq = self.order.delivered_seq();
        self.batch.replay = self.replay.as_ref().map(|replay| (replay.number, self.order.replayed_seq() + 1));
        let before = self.batch.before;
        let now = (self.batch.to.delivered_seq, self.batch.replay, self.batch.to.held_until);
        if before == Some(now) && self.batch.deliveries.is_empty() && self.batch.retries.is_empty() {
            return;
        }
        if self.replay.as_ref().is_some_and(|replay| self.order.replayed_seq() >= replay.to_seq) {
            // Through: the writer ends it, and the next one can begin.
            self.replay = None;
            self.replay_looked = None;
        }
        let mut next = empty(self.key, self.version, self.batch.to);
        next.before = Some(now);
        let batch = std::mem::replace(&mut self.batch, next);
        self.being_saved = std::mem::take(&mut self.unsaved);
        self.saved_at = Some(Instant::now());
        let (reply, verdict) = oneshot::channel();
        self.saving = Some(Saving { verdict, frees_rows: batch.hurry || !batch.done.is_empty() });
        // A writer that is gone drops the reply, and that ends the pump.
        self.writer.send((batch, reply)).await.ok();
    }
}

fn empty(key: EndpointKey, version: i64, to: Move) -> Batch {
    Batch {
        key,
        version,
        to,
        before: None,
        replay: None,
        deliveries: Vec::new(),
        done: Vec::new(),
        retries: Vec::new(),
        taken: false,
        failing: false,
        hurry: false,
        disable: None,
    }
}

/// An event that was not tried yet.
fn item(event: Stored, lane: Lane) -> Item<Arc<Stored>> {
    let (seq, object) = (event.seq, event.object.clone());
    Item { seq, object, lane, attempts: 0, first_refused_at: None, event: Arc::new(event) }
}
