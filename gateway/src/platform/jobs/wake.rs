//! Wakes this process's runner when a job was enqueued here that is due before the next poll.

use std::time::Duration;

use quanzi_openapi::Time;
use tokio::sync::Notify;

/// The runner looks this often at least: another process may have enqueued something, or a clock been moved.
pub(super) const LOOK_AGAIN: Duration = Duration::from_secs(1);

/// Whether the runner would sleep past this time: then it must be woken.
pub(crate) fn is_soon(due_at: Time, now: Time) -> bool {
    due_at <= now.plus_seconds(LOOK_AGAIN.as_secs().cast_signed())
}

/// The runner's alarm clock.
#[derive(Debug, Default)]
pub struct Wake(Notify);

impl Wake {
    /// Wakes the runner, now or as soon as it wants to sleep.
    pub fn notify(&self) {
        self.0.notify_one();
    }

    /// Until it rings, or this time has passed.
    pub(super) async fn wait(&self, at_most: Duration) {
        tokio::time::timeout(at_most, self.0.notified()).await.ok();
    }
}
