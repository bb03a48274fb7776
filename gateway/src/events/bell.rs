//! Rings when events were committed in this process, so that readers need not wait for their next look.

use std::time::Duration;

use tokio::sync::watch;

/// Whoever waits looks again after this time at the latest: another process may have committed.
const LOOK_AGAIN: Duration = Duration::from_millis(250);

/// A bell for all readers of the log.
#[derive(Debug)]
pub struct Bell(watch::Sender<u64>);

impl Default for Bell {
    fn default() -> Self {
        Self(watch::Sender::new(0))
    }
}

impl Bell {
    /// Wakes everybody who listens.
    pub fn ring(&self) {
        self.0.send_modify(|rings| *rings = rings.wrapping_add(1));
    }

    /// An ear for what rings from now on.
    pub fn listen(&self) -> Ear {
        Ear(self.0.subscribe())
    }
}

/// Hears the bell.
#[derive(Debug)]
pub struct Ear(watch::Receiver<u64>);

impl Ear {
    /// Until the bell has rung since the last time, or it is time to look anyway.
    pub async fn wait(&mut self) {
        // An error means the bell is gone, and the process with it.
        tokio::time::timeout(LOOK_AGAIN, self.0.changed()).await.ok();
    }
}
