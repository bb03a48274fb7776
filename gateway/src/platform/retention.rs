//! Deletes expired rows. Invariant: in small batches with pauses in between, so that a long backlog does not block writers;
//! a failed task is retried in the next round and does not affect the others.
//!
//! Each capability defines what has expired, with a [`RetentionTask`]. Several gateways on one database may run the same
//! task at the same time: each deletes what the others left.

use std::pin::Pin;
use std::time::Duration;

use crate::platform::db::Cause;
use crate::platform::shutdown::Stopping;

/// Between rounds, in real time: a sandbox's clock that is moved does not make anything run more often.
const ROUND_PAUSE: Duration = Duration::from_mins(1);
/// Between batches of one task, so that the one writer of SQLite is free most of the time.
const BATCH_PAUSE: Duration = Duration::from_millis(20);
/// Rows that one batch may delete.
pub const BATCH_ROWS_MAX: u64 = 500;
/// Batches of one task in one round, so that none keeps the others waiting. A task that has more to do has its next turn right after
/// the others': with the pauses that is some ten thousand rows a second, more than a gateway writes.
const BATCHES_MAX: u32 = 200;

type BatchFuture = Pin<Box<dyn Future<Output = Result<u64, Cause>> + Send>>;

/// Something to be done again and again.
pub struct RetentionTask {
    name: &'static str,
    run: Box<dyn Fn() -> BatchFuture + Send + Sync>,
}

impl RetentionTask {
    /// Deletes one batch, at most [`BATCH_ROWS_MAX`] rows, in a transaction of its own and says how many rows went.
    pub fn deleting<F, E>(name: &'static str, batch: impl Fn() -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Result<u64, E>> + Send + 'static,
        E: Into<Cause>,
    {
        Self {
            name,
            run: Box::new(move || {
                let work = batch();
                Box::pin(async move { work.await.map_err(Into::into) })
            }),
        }
    }

    /// Lets a store in memory give back what it no longer needs.
    pub fn shrinking(name: &'static str, shrink: impl Fn() + Send + Sync + 'static) -> Self {
        Self {
            name,
            run: Box::new(move || {
                shrink();
                Box::pin(std::future::ready(Ok(0)))
            }),
        }
    }

    /// What it is called in logs.
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// One batch: how many rows went.
    pub async fn batch(&self) -> Result<u64, Cause> {
        (self.run)().await
    }

    /// Batch after batch until nothing is left or the round's share is done. Whether more is left.
    async fn round(&self, stopping: &Stopping) -> bool {
        let mut rows: u64 = 0;
        let mut has_more = true;
        for _ in 0..BATCHES_MAX {
            match self.batch().await {
                Ok(deleted) => {
                    rows = rows.saturating_add(deleted);
                    has_more = deleted >= BATCH_ROWS_MAX;
                    if !has_more || stopping.is_set() {
                        break;
                    }
                }
                Err(cause) => {
                    tracing::warn!(task = self.name, %cause, "a retention task failed; it will be retried in the next round");
                    has_more = false;
                    break;
                }
            }
            tokio::time::sleep(BATCH_PAUSE).await;
        }
        if rows > 0 {
            tracing::debug!(task = self.name, rows, "expired rows deleted");
        }
        has_more
    }
}

/// Does the retention_tasks, one after the other, until the gateway stops: every minute, and on and on while any of them has more to do.
pub async fn run(tasks: Vec<RetentionTask>, stopping: Stopping) {
    let mut has_more = false;
    loop {
        tokio::select! {
            () = stopping.wait() => return,
            () = tokio::time::sleep(pause(has_more)) => {}
        }
        has_more = false;
        for task in &tasks {
            if stopping.is_set() {
                return;
            }
            has_more |= task.round(&stopping).await;
        }
    }
}

/// Until the next round.
fn pause(has_more: bool) -> Duration {
    if has_more { BATCH_PAUSE } else { ROUND_PAUSE }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU64, Ordering};

    /// A table of so many expired rows.
    fn table(rows: u64) -> (Arc<AtomicU64>, RetentionTask) {
        let left = Arc::new(AtomicU64::new(rows));
        let shared = left.clone();
        let task = RetentionTask::deleting("table", move || {
            let left = shared.clone();
            async move {
                let deleted = left.load(Ordering::Relaxed).min(BATCH_ROWS_MAX);
                left.fetch_sub(deleted, Ordering::Relaxed);
                Ok::<_, crate::platform::db::Fault>(deleted)
            }
        });
        (left, task)
    }

    #[tokio::test]
    async fn a_round_deletes_batch_by_batch_until_nothing_is_left() {
        let (left, task) = table(3 * BATCH_ROWS_MAX + 1);

        let has_more = task.round(&Stopping::new()).await;

        assert_eq!((left.load(Ordering::Relaxed), has_more), (0, false));
    }

    #[tokio::test]
    async fn a_stopping_gateway_finishes_its_batch_only() {
        let (left, task) = table(3 * BATCH_ROWS_MAX);
        let stopping = Stopping::new();
        stopping.set();

        let has_more = task.round(&stopping).await;

        assert_eq!((left.load(Ordering::Relaxed), has_more), (2 * BATCH_ROWS_MAX, true));
    }

    #[tokio::test]
    async fn a_chore_that_was_cut_short_goes_on_at_once() {
        let rows = (u64::from(BATCHES_MAX) + 1) * BATCH_ROWS_MAX;
        let (left, task) = table(rows);
        let (mut cut, mut rounds) = (true, 0);

        while cut {
            cut = task.round(&Stopping::new()).await;
            rounds += 1;
        }

        assert_eq!((left.load(Ordering::Relaxed), rounds), (0, 2));
        assert!(pause(true) < Duration::from_secs(1));
        assert_eq!(pause(false), ROUND_PAUSE);
    }

    #[tokio::test]
    async fn a_failing_chore_is_left_for_the_next_round() {
        let runs = Arc::new(AtomicU64::new(0));
        let shared = runs.clone();
        let task = RetentionTask::deleting("broken", move || {
            shared.fetch_add(1, Ordering::Relaxed);
            std::future::ready(Err(crate::platform::db::Fault::Failed))
        });

        let has_more = task.round(&Stopping::new()).await;

        assert_eq!((runs.load(Ordering::Relaxed), has_more), (1, false));
    }

    #[tokio::test]
    async fn the_work_ends_when_the_gateway_stops() {
        let stopping = Stopping::new();
        let work = tokio::spawn(run(vec![RetentionTask::shrinking("nothing", || {})], stopping.clone()));

        stopping.set();

        tokio::time::timeout(Duration::from_secs(5), work).await.expect("it ends").expect("without a panic");
    }
}
