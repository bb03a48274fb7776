//! The poster: the only writer of balances. It takes the waiting orders, up to a limit and without waiting for more, and
//! posts them as one batch; while a batch is being committed the next one forms.
//!
//! Invariants: a caller is answered only after the commit; a caller that gets no definite answer may retry with the same
//! idempotency key and learns what happened; no order can stop the poster.

use std::panic::AssertUnwindSafe;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use futures_util::FutureExt as _;
use quanzi_openapi::ErrorCode;
use tokio::sync::{mpsc, oneshot};

use super::batch;
use super::order::{Order, Outcome};
use crate::platform::Platform;
use crate::platform::db::{self, Fault as DbFault};
use crate::platform::fault::Fault;

/// Most orders of one batch. Larger ones are hardly faster per order, and everybody in them waits for the last.
const BATCH_ORDERS_MAX: usize = 256;
/// Maximum number of waiting orders. Further orders are refused immediately.
pub(super) const QUEUE_ORDERS_MAX: usize = 4_096;
/// Runs of a batch that lost against another process.
const RUNS_MAX: u32 = 8;
/// Shortest pause between two runs; grows with each.
const PAUSE: Duration = Duration::from_millis(4);
/// Longest run of a batch. Each statement has a limit of its own, but only the database keeps that one: from a database that fell
/// silent no answer comes at all.
const RUN_TIME_MAX: Duration = Duration::from_secs(30);

/// An order, and where its asker waits.
struct Asked {
    order: Order,
    reply: oneshot::Sender<Result<Outcome, Fault>>,
}

/// Takes orders for the poster.
#[derive(Debug)]
pub struct Poster {
    queue: Mutex<Option<mpsc::Sender<Asked>>>,
    inbox: Mutex<Option<mpsc::Receiver<Asked>>>,
    run_time_max: Mutex<Duration>,
}

impl Default for Poster {
    fn default() -> Self {
        let (queue, inbox) = mpsc::channel(QUEUE_ORDERS_MAX);
        Self { queue: Mutex::new(Some(queue)), inbox: Mutex::new(Some(inbox)), run_time_max: Mutex::new(RUN_TIME_MAX) }
    }
}

impl Poster {
    /// Has an order posted.
    pub(crate) async fn post(&self, order: Order) -> Result<Outcome, Fault> {
        let (reply, answer) = oneshot::channel();
        let queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let queue = queue.ok_or(ErrorCode::Overloaded)?;
        queue.try_send(Asked { order, reply }).map_err(|_| Fault::from(ErrorCode::Overloaded))?;
        drop(queue);
        // Without an answer the poster has panicked, before or after the commit.
        answer.await.unwrap_or_else(|_| Err(ErrorCode::OutcomeUnknown.into()))
    }

    /// Takes no more orders; the poster ends when it has done those that wait.
    pub fn close(&self) {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner).take();
    }

    fn run_time_max(&self) -> Duration {
        *self.run_time_max.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Less patience, for tests.
    #[cfg(test)]
    pub(super) fn waits_at_most(&self, time: Duration) {
        *self.run_time_max.lock().unwrap() = time;
    }
}

/// Posts what is asked, batch after batch, until the queue is closed and empty. A batch that panics takes nobody else with it.
pub async fn run(platform: &Platform) {
    let inbox = platform.poster.inbox.lock().unwrap_or_else(PoisonError::into_inner).take();
    let Some(mut inbox) = inbox else { return };
    loop {
        let mut asked = Vec::with_capacity(BATCH_ORDERS_MAX);
        if inbox.recv_many(&mut asked, BATCH_ORDERS_MAX).await == 0 {
            return;
        }
        // A cancelled caller's order is dropped: it must not have an effect that no one learns of.
        asked.retain(|asked| !asked.reply.is_closed());
        if AssertUnwindSafe(settle(platform, asked)).catch_unwind().await.is_err() {
            tracing::error!("a batch of transfers panicked; its callers get outcome_unknown");
        }
    }
}

/// Posts orders and answers each asker. When one of them breaks the batch, the halves are posted apart, until it is alone.
async fn settle(platform: &Platform, asked: Vec<Asked>) {
    let mut waiting = vec![asked];
    while let Some(mut asked) = waiting.pop() {
        let orders: Vec<&Order> = asked.iter().map(|asked| &asked.order).collect();
        match repeat(platform, &orders).await {
            Ok(outcomes) => {
                platform.metrics.posted(asked.len());
                for (asked, outcome) in asked.into_iter().zip(outcomes) {
                    asked.reply.send(Ok(outcome)).ok();
                }
            }
            Err(fault) if is_of_engine(&fault) || asked.len() == 1 => {
                tracing::warn!(orders = asked.len(), %fault, "a batch of transfers was not posted");
                let shared = fault.to_string();
                for asked in asked {
                    asked.reply.send(Err(refusal(&fault, &shared))).ok();
                }
            }
            Err(fault) => {
                tracing::warn!(orders = asked.len(), %fault, "a batch of transfers was refused; retrying its halves");
                let rest = asked.split_off(asked.len() / 2);
                waiting.push(rest);
                waiting.push(asked);
            }
        }
    }
}

/// Runs a batch again as long as it loses against another process: nothing of it was kept. One that is not done in time is given
/// up; it may have been kept.
pub(super) async fn repeat(platform: &Platform, orders: &[&Order]) -> Result<Vec<Outcome>, DbFault> {
    let mut run = 1;
    loop {
        let done = tokio::time::timeout(platform.poster.run_time_max(), batch::run(platform, orders)).await;
        match done.unwrap_or_else(|late| Err(DbFault::Unknown(late.into()))) {
            Err(DbFault::Retry) if run < RUNS_MAX => {
                let [jitter] = platform.clock.random::<1>();
                tokio::time::sleep(PAUSE * run + Duration::from_micros(u64::from(jitter) * 16)).await;
                run += 1;
            }
            outcome => return outcome,
        }
    }
}

/// The engine is in trouble, not an order: halving would only ask it again and again.
const fn is_of_engine(fault: &DbFault) -> bool {
    matches!(fault, DbFault::Retry | DbFault::Busy(_) | DbFault::Gone(_) | DbFault::Unknown(_))
}

fn refusal(fault: &DbFault, text: &str) -> Fault {
    let code = match fault {
        DbFault::Unknown(_) => ErrorCode::OutcomeUnknown,
        DbFault::Retry | DbFault::Busy(_) | DbFault::Gone(_) => ErrorCode::Overloaded,
        DbFault::ZeroByte => ErrorCode::BodyMalformed,
        _ => ErrorCode::Internal,
    };
    Fault::new(code).because(db::Cause::from(text.to_owned()))
}
