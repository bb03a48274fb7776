//! Use-cases of jobs: enqueue, cancel, claim, run.

use std::collections::BTreeMap;
use std::panic::AssertUnwindSafe;
use std::time::Duration;

use futures_util::FutureExt as _;
use quanzi_openapi::Time;
use quanzi_openapi::id::PartnerId;

use super::handlers::{Handlers, Jobs};
use super::model::{self, Claimed, Ended, Ending, Job, JobKind, Outcome};
use super::store::{self, NewClaim};
use crate::platform::Platform;
use crate::platform::clock::Clock;
use crate::platform::db::{self, List, Reader, Tx};
use crate::platform::fault::Fault;
use crate::platform::outbox;
use crate::platform::retry::{RetryPolicy, retry};

/// Longest time for one try. A handler that talks to somebody outside waits for less.
pub const TRY_TIMEOUT: Duration = Duration::from_secs(20);
/// How long a claim is believed without a word: when a process dies, another takes over after that. Longer than a try, so
/// that nobody is overtaken while working.
pub const LEASE_SECONDS: i64 = 60;
/// Between two looks of a test for work that is still going on.
const LOOK_PAUSE: Duration = Duration::from_millis(5);
/// Characters of an error that are kept.
const ERROR_CHARS_MAX: usize = 500;

/// Has this done at its time, in the transaction that wants it; what stood there for the same kind and object is replaced,
/// also while somebody works on it.
pub async fn enqueue(tx: &mut Tx, clock: &Clock, job: Job) -> Result<(), Fault> {
    Ok(enqueue_all(tx, clock, &[job]).await?)
}

/// Has all of these done at their times; of two for the same thing, the last.
pub async fn enqueue_all(tx: &mut Tx, clock: &Clock, jobs: &[Job]) -> Result<(), db::Fault> {
    let last: BTreeMap<_, _> =
        jobs.iter().map(|job| ((job.partner, job.kind.as_str(), job.object.as_str()), job)).collect();
    let mut by_partner: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for job in last.into_values() {
        by_partner.entry(job.partner).or_default().push((clock.id(), job));
    }
    for (partner, rows) in by_partner {
        store::enqueue(tx, partner, &rows, clock.now()).await?;
    }
    for job in jobs {
        tx.note_due(job.due_at);
    }
    Ok(())
}

/// Has it not done after all; nothing happens when there is no such job.
pub async fn cancel(
    tx: &mut Tx,
    partner: PartnerId,
    kind: JobKind,
    object: impl std::fmt::Display,
) -> Result<(), Fault> {
    Ok(cancel_all(tx, partner, kind, [object]).await?)
}

/// Has none of them done.
pub async fn cancel_all(
    tx: &mut Tx,
    partner: PartnerId,
    kind: JobKind,
    objects: impl IntoIterator<Item = impl std::fmt::Display>,
) -> Result<(), db::Fault> {
    let objects = List::of(objects.into_iter().map(|object| object.to_string()));
    store::cancel(tx, partner, kind, objects).await
}

/// Ends an attempt, as the last statement in the transaction of its effect, and commits both. When the claim is no longer valid
/// (the job was moved, cancelled or taken over), nothing is kept.
///
/// Last and not first: enqueueing locks the object before the job's row, and so does a handler that ends like this.
pub async fn end(platform: &Platform, mut tx: Tx, job: &Claimed, outcome: Outcome) -> Result<Ended, Fault> {
    let held = match outcome {
        Outcome::Done => store::delete(&mut tx, job).await?,
        Outcome::Again(due_at) => {
            tx.note_due(due_at);
            store::reschedule(&mut tx, job, due_at).await?
        }
    };
    if !held {
        tx.rollback().await?;
        return Ok(Ended(Ending::Lost));
    }
    outbox::service::commit(platform, tx).await?;
    Ok(Ended(Ending::Ended(outcome)))
}

/// Ends a try whose effect was kept before, by another writer or outside. That effect may have taken the job away itself, as when
/// a decided payment does not have to expire: the job is then done.
pub async fn end_after(platform: &Platform, job: &Claimed, outcome: Outcome) -> Result<Ended, Fault> {
    match end(platform, platform.db.begin().await?, job, outcome).await? {
        Ended(Ending::Lost) if outcome == Outcome::Done => Ok(Ended(Ending::Ended(outcome))),
        ended => Ok(ended),
    }
}

/// Takes what is due now, at most so many; nothing while jobs are held. Each partner in turn gets its share, in a transaction of its
/// own, so that a thousand due jobs of one keep no other waiting.
pub async fn claim(jobs: &Jobs, most: usize) -> Result<Vec<Claimed>, Fault> {
    if most == 0 {
        return Ok(Vec::new());
    }
    let (mut claimed, mut has_looked) = (Vec::new(), false);
    while claimed.len() < most {
        // Only a look, so that an idle gateway does not hold the one writer of SQLite every second; and one only, because what others are
        // claiming in this moment looks due for a while.
        if !has_looked && jobs.turns.are_over() {
            has_looked = true;
            let mut tx = jobs.platform.db.reading_newest().await?;
            jobs.turns.begin(store::due_partners(&mut tx, &jobs.handlers, jobs.platform.clock.now()).await?);
        }
        let Some((partner, waiting)) = jobs.turns.next() else { break };
        let mut tx = jobs.platform.db.begin().await?;
        if jobs.handlers.are_paused(&mut tx, &jobs.platform).await? {
            return Ok(claimed);
        }
        let share = (most - claimed.len()).div_ceil(waiting);
        let got = claim_of(&mut tx, jobs, partner, jobs.platform.clock.now(), share).await?;
        tx.commit().await?;
        if got.len() == share {
            jobs.turns.again(partner);
        }
        claimed.extend(got);
    }
    Ok(claimed)
}

/// Takes what is due at this time, in order, at most so many, whosever it is.
pub(crate) async fn claim_at(tx: &mut Tx, jobs: &Jobs, now: Time, most: usize) -> Result<Vec<Claimed>, Fault> {
    let mut claimed = Vec::new();
    for partner in store::due_partners(tx, &jobs.handlers, now).await? {
        if claimed.len() >= most {
            break;
        }
        claimed.extend(claim_of(tx, jobs, partner, now, most - claimed.len()).await?);
    }
    claimed.sort_unstable_by_key(|job| (job.due_at, job.id));
    Ok(claimed)
}

async fn claim_of(tx: &mut Tx, jobs: &Jobs, partner: PartnerId, now: Time, most: usize) -> Result<Vec<Claimed>, Fault> {
    let text = jobs.platform.clock.random_text();
    let claim = NewClaim { text, now, until: now.plus_seconds(LEASE_SECONDS) };
    Ok(store::claim(tx, &jobs.handlers, partner, &claim, i64::try_from(most).unwrap_or(i64::MAX)).await?)
}

/// When the next job can be claimed; in the past when one can be now.
pub async fn next(jobs: &Jobs) -> Result<Option<Time>, Fault> {
    let mut tx = jobs.platform.db.reading_newest().await?;
    next_at(&mut tx, &jobs.handlers, jobs.platform.clock.now()).await
}

pub(crate) async fn next_at(tx: &mut Reader, handlers: &Handlers, now: Time) -> Result<Option<Time>, Fault> {
    Ok(store::next(tx, handlers, now).await?)
}

/// Whether somebody works on a job, in any process.
pub(crate) async fn is_busy(jobs: &Jobs) -> Result<bool, Fault> {
    let mut tx = jobs.platform.db.reading_newest().await?;
    Ok(store::taken(&mut tx, jobs.platform.clock.now()).await? > 0)
}

/// Tries a claimed job once. Whatever goes wrong is kept for the next try; a panic is a failure like others.
pub async fn work(jobs: &Jobs, job: &Claimed) -> Ending {
    let fault = match AssertUnwindSafe(run(jobs, job)).catch_unwind().await {
        Ok(Ok(Ended(ending))) => {
            tracing::debug!(kind = %job.kind, object = job.object, ?ending, "a job ran");
            return ending;
        }
        Ok(Err(fault)) => fault,
        Err(_) => Fault::internal("the handler panicked"),
    };
    let error = fault.cause().map_or_else(|| fault.to_string(), |cause| format!("{}: {cause}", fault.code()));
    let again = model::retry_at(job.id, job.attempts, job.now);
    tracing::warn!(kind = %job.kind, object = job.object, attempts = job.attempts, %error, "a job failed; it will be retried");
    let error: String = error.chars().take(ERROR_CHARS_MAX).filter(|letter| *letter != '\0').collect();
    match fail(jobs, job, again, &error).await {
        Ok(true) => Ending::Failed(again),
        Ok(false) => Ending::Lost,
        Err(fault) => {
            // The lease brings it back.
            tracing::warn!(kind = %job.kind, code = %fault.code(), cause = ?fault.cause(), "a job's failure could not be recorded");
            Ending::Failed(job.now.plus_seconds(LEASE_SECONDS))
        }
    }
}

async fn fail(jobs: &Jobs, job: &Claimed, again: Time, error: &str) -> Result<bool, Fault> {
    let mut tx = jobs.platform.db.begin().await?;
    let held = store::fail(&mut tx, job, again, error).await?;
    tx.commit().await?;
    Ok(held)
}

async fn run(jobs: &Jobs, job: &Claimed) -> Result<Ended, Fault> {
    let attempts = retry(RetryPolicy::CONFLICT, &jobs.platform.clock, || jobs.handlers.run(job));
    let tried = tokio::time::timeout(TRY_TIMEOUT, attempts).await;
    tried.unwrap_or_else(|_| Err(Fault::internal(format!("not done in {} s", TRY_TIMEOUT.as_secs()))))
}

/// Does everything that is due now, one after the other, and waits for what the runner had begun: for tests, which move the clock
/// by hand and do not wait for it to be looked at.
pub async fn run_due(jobs: &Jobs) -> Result<(), Fault> {
    while let Some(job) = claim(jobs, 1).await?.pop() {
        work(jobs, &job).await;
    }
    while is_busy(jobs).await? {
        tokio::time::sleep(LOOK_PAUSE).await;
    }
    Ok(())
}
