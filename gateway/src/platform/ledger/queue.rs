//! The queue of the poster: where orders wait, and their callers.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use quanzi_openapi::ErrorCode;
use tokio::sync::{mpsc, oneshot};

use super::order::{LedgerOrder, LedgerOutcome};
use crate::platform::fault::Fault;

/// Maximum number of waiting orders. Further orders are refused immediately.
pub(super) const QUEUE_ORDERS_MAX: usize = 4_096;
/// Longest run of a batch. Each statement has a limit of its own, but only the database keeps that one: from a database that fell
/// silent no answer comes at all.
const RUN_TIME_MAX: Duration = Duration::from_secs(30);

/// An order, and where its caller waits.
pub(super) struct WaitingOrder {
    pub order: LedgerOrder,
    pub reply: oneshot::Sender<Result<LedgerOutcome, Fault>>,
}

/// Takes orders for the poster.
#[derive(Debug)]
pub struct Poster {
    queue: Mutex<Option<mpsc::Sender<WaitingOrder>>>,
    inbox: Mutex<Option<mpsc::Receiver<WaitingOrder>>>,
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
    pub(crate) async fn post(&self, order: LedgerOrder) -> Result<LedgerOutcome, Fault> {
        let (reply, answer) = oneshot::channel();
        let queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let queue = queue.ok_or(ErrorCode::Overloaded)?;
        queue.try_send(WaitingOrder { order, reply }).map_err(|_| Fault::from(ErrorCode::Overloaded))?;
        drop(queue);
        // Without an answer the poster has panicked, before or after the commit.
        answer.await.unwrap_or_else(|_| Err(ErrorCode::OutcomeUnknown.into()))
    }

    /// Takes no more orders; the poster ends when it has done those that wait.
    pub fn close(&self) {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner).take();
    }

    /// The orders, for the one who posts them; nothing after the first time.
    pub(super) fn take_inbox(&self) -> Option<mpsc::Receiver<WaitingOrder>> {
        self.inbox.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    pub(super) fn run_time_max(&self) -> Duration {
        *self.run_time_max.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Less patience, for tests.
    #[cfg(test)]
    pub(super) fn waits_at_most(&self, time: Duration) {
        *self.run_time_max.lock().unwrap() = time;
    }
}
