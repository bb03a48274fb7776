//! Whether the gateway is shutting down. Invariant: once set it stays set, and everyone who waits for it is notified.

use std::sync::Arc;

use tokio::sync::watch;

/// A flag that can be waited for. Cheap to clone: all clones are one flag.
#[derive(Debug, Clone)]
pub struct Stopping(Arc<watch::Sender<bool>>);

impl Stopping {
    /// Not stopping.
    pub fn new() -> Self {
        Self(Arc::new(watch::Sender::new(false)))
    }

    /// From now on the gateway is not ready, and background work ends.
    pub fn set(&self) {
        self.0.send_replace(true);
    }

    /// Whether it is set.
    pub fn is_set(&self) -> bool {
        *self.0.borrow()
    }

    /// Until it is set.
    pub async fn wait(&self) {
        // The sender lives in `self`, so it cannot be gone while we wait.
        let _ = self.0.subscribe().wait_for(|is_set| *is_set).await;
    }
}

impl Default for Stopping {
    fn default() -> Self {
        Self::new()
    }
}
