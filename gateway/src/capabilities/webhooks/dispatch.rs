//! Finds endpoints with work, claims them for this process and runs a pump for each. Invariant: only one process delivers
//! for an endpoint, and the endpoints of a dead process are taken over.
//!
//! No clocks are compared between machines: a live process increments a heartbeat, and a process whose heartbeat another has
//! seen unchanged for [`DEAD_AFTER`] of its own time is considered dead. If it was only paused, what it writes is refused.
//!
//! A scan of all endpoints is proportional to their number, so it runs only [a few times a second](LOOK_AGAIN); in between,
//! only the partners that the notifier reported are scanned.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::time::{Duration, Instant};

use quanzi_openapi::id::PartnerId;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use super::pump::Pump;
use super::queue::{self, EndpointKey, PendingEndpoint};
use super::state::Webhooks;
use super::writer::{self, WriteRequest};
use crate::platform::db;
use crate::platform::fault::Fault;
use crate::platform::outbox::LOOK_AGAIN;

/// Between two beats.
const BEAT: Duration = Duration::from_secs(1);
/// A beat that stands still for so long is a process that is gone.
const DEAD_AFTER: Duration = Duration::from_secs(5);
/// What is dead for so long is forgotten.
const FORGOTTEN_AFTER: Duration = Duration::from_mins(1);
/// Between two looks: events may be committed a thousand times a second.
const LOOK_PAUSE: Duration = Duration::from_millis(10);
/// An endpoint that takes nothing, or whose pump failed, is left alone for this long.
const REST: Duration = Duration::from_secs(5);
/// After the database failed.
const FAULT_PAUSE: Duration = Duration::from_secs(1);
/// Batches that may wait for the writer.
const BATCHES_MAX: usize = 256;
/// Pumps of a process. What is beyond waits for its turn.
const PUMPS_MAX: usize = 1_000;

/// How a pump ended, and whether its endpoint is to be left alone.
type EndedPump = (EndpointKey, bool);

/// Delivers until the gateway stops.
pub async fn run(webhooks: Arc<Webhooks>) {
    let (asks, asked) = mpsc::channel::<WriteRequest>(BATCHES_MAX);
    let writer = tokio::spawn(writer::run(Arc::clone(&webhooks), asked));
    let mut dispatch = Dispatch {
        webhooks: Arc::clone(&webhooks),
        asks,
        pumps: JoinSet::new(),
        running: HashMap::new(),
        resting: HashMap::new(),
        others: HashMap::new(),
        heartbeat_at: None,
        looked: None,
        last: None,
    };
    // Whom to look at besides the looks at everybody: the notifier rang for them, or a pump of theirs has ended.
    let mut partners = BTreeSet::new();
    while !webhooks.stopping.is_set() {
        let looked = Instant::now();
        if let Err(fault) = dispatch.scan(&std::mem::take(&mut partners)).await {
            tracing::warn!(cause = ?fault.cause(), "pending webhook deliveries could not be read");
            // Partners skipped now are covered by the next full scan.
            tokio::time::sleep(FAULT_PAUSE).await;
        }
        tokio::select! {
            partners_notified = webhooks.notifier.notified() => partners.extend(partners_notified),
            () = tokio::time::sleep(dispatch.until_all()) => {}
            Some(ended) = dispatch.pumps.join_next_with_id() => partners.extend(dispatch.ended(ended)),
            () = webhooks.stopping.wait() => break,
        }
        while let Some(ended) = dispatch.pumps.try_join_next_with_id() {
            partners.extend(dispatch.ended(ended));
        }
        tokio::time::sleep(LOOK_PAUSE.saturating_sub(looked.elapsed())).await;
    }
    // The pumps hear it too; what they have done is still written.
    while dispatch.pumps.join_next().await.is_some() {}
    let Dispatch { asks, .. } = dispatch;
    drop(asks);
    writer.await.ok();
    if let Err(fault) = release_endpoints(&webhooks).await {
        tracing::warn!(%fault, "webhook endpoints could not be released; another process will take them over in a moment");
    }
}

async fn release_endpoints(webhooks: &Webhooks) -> Result<(), db::Fault> {
    let mut tx = webhooks.db.begin().await?;
    queue::release(&mut tx, &webhooks.worker).await?;
    queue::delete_worker(&mut tx, &webhooks.worker).await?;
    tx.commit().await
}

/// What another process's beat was, and since when.
struct OtherWorker {
    beat: i64,
    since: Instant,
}

struct Dispatch {
    webhooks: Arc<Webhooks>,
    asks: mpsc::Sender<WriteRequest>,
    pumps: JoinSet<EndedPump>,
    /// By task, so that the endpoint of a pump that panicked is known.
    running: HashMap<EndpointKey, tokio::task::Id>,
    resting: HashMap<EndpointKey, Instant>,
    others: HashMap<String, OtherWorker>,
    heartbeat_at: Option<Instant>,
    /// When everybody was last looked at.
    looked: Option<Instant>,
    /// Whose turn it was last.
    last: Option<EndpointKey>,
}

impl Dispatch {
    /// Until everybody is to be looked at again.
    fn until_all(&self) -> Duration {
        self.looked.map_or(Duration::ZERO, |at| LOOK_AGAIN.saturating_sub(at.elapsed()))
    }

    /// Whose pump it was.
    fn ended(&mut self, ended: Result<(tokio::task::Id, EndedPump), tokio::task::JoinError>) -> Option<PartnerId> {
        let (id, leave_alone) = match ended {
            Ok((id, (_, leave_alone))) => (id, leave_alone),
            Err(panic) => (panic.id(), true),
        };
        let key = self.running.iter().find(|(_, task)| **task == id).map(|(key, _)| *key);
        let key = key?;
        self.running.remove(&key);
        if leave_alone {
            self.resting.insert(key, Instant::now());
        }
        Some(key.0)
    }

    /// Starts a pump for every endpoint that has something to do and that nobody alive holds: of everybody, when it is time for that,
    /// or of these partners.
    async fn scan(&mut self, partners: &BTreeSet<PartnerId>) -> Result<(), Fault> {
        self.resting.retain(|_, since| since.elapsed() < REST);
        if !self.running.is_empty() {
            self.send_heartbeat().await?;
        }
        let now = self.webhooks.clock.now();
        let is_all = self.until_all().is_zero();
        // While there are more endpoints than pumps, who is rung for waits for the turn of all.
        if !is_all && (partners.is_empty() || self.webhooks.is_crowded()) {
            return Ok(());
        }
        let mut tx = self.webhooks.db.reading_newest().await?;
        let work =
            if is_all { queue::work(&mut tx, now).await? } else { queue::work_of(&mut tx, now, partners).await? };
        if is_all {
            self.looked = Some(Instant::now());
        }
        let idle = |work: &PendingEndpoint| {
            let key = work.key();
            !self.running.contains_key(&key) && !self.resting.contains_key(&key)
        };
        let work: Vec<PendingEndpoint> = work.into_iter().filter(idle).collect();
        if work.is_empty() {
            self.webhooks.set_crowded(false);
            return Ok(());
        }
        let workers = queue::workers(&mut tx).await?;
        drop(tx);
        self.see(workers).await?;
        let free = PUMPS_MAX.saturating_sub(self.running.len());
        let mut work: Vec<PendingEndpoint> = work.into_iter().filter(|work| self.can_claim(work)).collect();
        self.webhooks.set_crowded(work.len() > free);
        in_turn(&mut work, self.last);
        work.truncate(free);
        if work.is_empty() {
            return Ok(());
        }
        self.send_heartbeat().await?;
        for work in work {
            self.take(&work).await?;
            self.last = Some(work.key());
        }
        Ok(())
    }

    async fn send_heartbeat(&mut self) -> Result<(), Fault> {
        if self.heartbeat_at.is_some_and(|at| at.elapsed() < BEAT) {
            return Ok(());
        }
        let mut tx = self.webhooks.db.begin().await?;
        queue::heartbeat(&mut tx, &self.webhooks.worker).await?;
        tx.commit().await?;
        self.heartbeat_at = Some(Instant::now());
        Ok(())
    }

    /// Remembers the others' beats, and forgets who stood still for long.
    async fn see(&mut self, workers: Vec<(String, i64)>) -> Result<(), Fault> {
        self.others.retain(|id, _| workers.iter().any(|(other, _)| other == id));
        let mut gone = Vec::new();
        for (id, beat) in workers {
            let seen = self.others.entry(id.clone()).or_insert_with(|| OtherWorker { beat, since: Instant::now() });
            if seen.beat != beat {
                *seen = OtherWorker { beat, since: Instant::now() };
            } else if seen.since.elapsed() > FORGOTTEN_AFTER && id != self.webhooks.worker {
                gone.push((id, beat));
            }
        }
        if !gone.is_empty() {
            let mut tx = self.webhooks.db.begin().await?;
            for (id, beat) in gone {
                queue::forget_worker(&mut tx, &id, beat).await?;
            }
            tx.commit().await?;
        }
        Ok(())
    }

    fn can_claim(&self, work: &PendingEndpoint) -> bool {
        let Some(holder) = &work.holder else { return true };
        *holder == self.webhooks.worker || self.others.get(holder).is_none_or(|seen| seen.since.elapsed() >= DEAD_AFTER)
    }

    async fn take(&mut self, work: &PendingEndpoint) -> Result<(), Fault> {
        let key = work.key();
        let mut tx = self.webhooks.db.begin().await?;
        let cursor = queue::claim(&mut tx, work, &self.webhooks.worker).await?;
        tx.commit().await?;
        // Somebody else was faster.
        let Some(cursor) = cursor else { return Ok(()) };
        let (webhooks, asks) = (Arc::clone(&self.webhooks), self.asks.clone());
        // It hears what is committed from here on; before that it looks itself.
        let subscription = webhooks.notifier.listen(work.partner_id);
        let task = self.pumps.spawn(async move {
            let ended = match Pump::begin(&webhooks, key, &cursor, asks).await {
                Ok(Some(pump)) => pump.run(subscription).await.map_err(Fault::from),
                Ok(None) => Ok(false),
                Err(fault) => Err(fault),
            };
            let leave_alone = ended.unwrap_or_else(|fault| {
                tracing::warn!(endpoint = %key.1, cause = ?fault.cause(), "a webhook pump failed; it will be restarted in a moment");
                true
            });
            (key, leave_alone)
        });
        self.running.insert(key, task.id());
        Ok(())
    }
}

/// Round and round: first who comes after the one whose turn it was last, so that all are reached when only some are taken at a time.
fn in_turn(work: &mut [PendingEndpoint], last: Option<EndpointKey>) {
    work.sort_unstable_by_key(|work| (last.is_some_and(|last| work.key() <= last), work.key()));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::platform::clock::Clock;

    #[test]
    fn when_not_all_can_be_taken_everybody_has_a_turn() {
        let clock = Clock::system();
        let mut work: Vec<PendingEndpoint> = (0..5)
            .map(|_| PendingEndpoint { partner_id: clock.id(), endpoint_id: clock.id(), holder: None, claims: 0 })
            .collect();
        let all: BTreeSet<EndpointKey> = work.iter().map(PendingEndpoint::key).collect();

        let mut last = None;
        let mut taken = BTreeSet::new();
        for _ in 0..3 {
            in_turn(&mut work, last);
            for work in &work[..2] {
                taken.insert(work.key());
                last = Some(work.key());
            }
        }

        assert_eq!(taken, all);
    }
}
