//! Wakes this process's runner when a job was enqueued here that is due before the next poll.

use std::time::Duration;

use tokio::sync::Notify;

/// The runner's alarm clock.
#[derive(Debug, Default)]
pub struct Wake(Notify);

impl Wake {
    /// Wakes the runner, now or as soon as it wants to sleep.
    pub fn ring(&self) {
        self.0.notify_one();
    }

    /// Until it rings, or this time has passed.
    pub(super) async fn wait(&self, at_most: Duration) {
        tokio::time::timeout(at_most, self.0.notified()).await.ok();
    }
}
