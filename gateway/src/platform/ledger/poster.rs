//! The poster: the only writer of balances. It takes the waiting orders, up to a limit and without waiting for more, and
//! posts them as one batch; while a batch is being committed the next one forms.
//!
//! Invariants: a caller is answered only after the commit; a caller that gets no definite answer may retry with the same
//! idempotency key and learns what happened; no order can stop the poster.

use std::panic::AssertUnwindSafe;
use std::time::Duration;

use futures_util::FutureExt as _;
use quanzi_openapi::ErrorCode;

use super::batch;
use super::order::{LedgerOrder, LedgerOutcome};
use super::queue::WaitingOrder;
use crate::platform::Platform;
use crate::platform::db::{self, Fault as DbFault};
use crate::platform::fault::Fault;

/// Most orders of one batch. Larger ones are hardly faster per order, and everybody in them waits for the last.
const BATCH_ORDERS_MAX: usize = 256;
/// Runs of a batch that lost against another process.
const RUNS_MAX: u32 = 8;
/// Shortest pause between two runs; grows with each.
const PAUSE: Duration = Duration::from_millis(4);
/// Posts what is asked, batch after batch, until the queue is closed and empty. A batch that panics takes nobody else with it.
pub async fn run(platform: &Platform) {
    let inbox = platform.poster.take_inbox();
    let Some(mut inbox) = inbox else { return };
    loop {
        let mut waiting = Vec::with_capacity(BATCH_ORDERS_MAX);
        if inbox.recv_many(&mut waiting, BATCH_ORDERS_MAX).await == 0 {
            return;
        }
        // A cancelled caller's order is dropped: it must not have an effect that no one learns of.
        waiting.retain(|waiting| !waiting.reply.is_closed());
        if AssertUnwindSafe(post_all(platform, waiting)).catch_unwind().await.is_err() {
            tracing::error!("a batch of transfers panicked; its callers get outcome_unknown");
        }
    }
}

/// Posts orders and answers each caller. When one of them breaks the batch, the halves are posted apart, until it is alone.
async fn post_all(platform: &Platform, waiting: Vec<WaitingOrder>) {
    let mut batches = vec![waiting];
    while let Some(mut batch) = batches.pop() {
        let orders: Vec<&LedgerOrder> = batch.iter().map(|waiting| &waiting.order).collect();
        match run_batch(platform, &orders).await {
            Ok(outcomes) => {
                platform.metrics.posted(batch.len());
                for (waiting, outcome) in batch.into_iter().zip(outcomes) {
                    waiting.reply.send(Ok(outcome)).ok();
                }
            }
            Err(fault) if fault.is_of_engine() || batch.len() == 1 => {
                tracing::warn!(orders = batch.len(), %fault, "a batch of transfers was not posted");
                let shared = fault.to_string();
                for waiting in batch {
                    waiting.reply.send(Err(refusal(&fault, &shared))).ok();
                }
            }
            Err(fault) => {
                tracing::warn!(orders = batch.len(), %fault, "a batch of transfers was refused; retrying its halves");
                let rest = batch.split_off(batch.len() / 2);
                batches.push(rest);
                batches.push(batch);
            }
        }
    }
}

/// Runs a batch again as long as it loses against another process: nothing of it was kept. One that is not done in time is given
/// up; it may have been kept.
pub(super) async fn run_batch(platform: &Platform, orders: &[&LedgerOrder]) -> Result<Vec<LedgerOutcome>, DbFault> {
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

fn refusal(fault: &DbFault, text: &str) -> Fault {
    let code = match fault {
        DbFault::Unknown(_) => ErrorCode::OutcomeUnknown,
        DbFault::Retry | DbFault::Busy(_) | DbFault::Gone(_) => ErrorCode::Overloaded,
        DbFault::ZeroByte => ErrorCode::BodyMalformed,
        _ => ErrorCode::Internal,
    };
    Fault::new(code).because(db::Cause::from(text.to_owned()))
}
