//! What delivery shares in a process.

use std::ops::Deref;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::Semaphore;

use super::send::Sender;
use super::share::Shares;
use crate::platform::Platform;

/// Pings of this process that are under way at once.
const PINGS_MAX: usize = 16;

/// What delivery shares in a process.
pub struct Webhooks {
    pub(super) platform: Arc<Platform>,
    /// This process, among those that deliver.
    pub(super) worker: String,
    pub(super) sender: Sender,
    pub(super) shares: Shares,
    /// More endpoints have something to do than there are pumps.
    crowded: AtomicBool,
    pub(super) pings: Semaphore,
}

impl Webhooks {
    /// Nothing under way.
    pub fn new(platform: Arc<Platform>) -> Self {
        Self {
            worker: platform.clock.random_text(),
            platform,
            sender: Sender::default(),
            shares: Shares::default(),
            crowded: AtomicBool::new(false),
            pings: Semaphore::new(PINGS_MAX),
        }
    }
}

impl Deref for Webhooks {
    type Target = Platform;
    fn deref(&self) -> &Platform {
        &self.platform
    }
}

impl Webhooks {
    pub(super) fn is_crowded(&self) -> bool {
        self.crowded.load(Ordering::Relaxed)
    }

    pub(super) fn set_crowded(&self, is_crowded: bool) {
        self.crowded.store(is_crowded, Ordering::Relaxed);
    }
}
