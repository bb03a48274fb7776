//! Webhooks: events pushed to partners' endpoints.
//!
//! Invariants: no committed event is lost: what an endpoint has not accepted is beyond its cursor or a row to be retried;
//! events of one object arrive in order; connections go only to checked addresses; a slow or dead receiver costs other
//! partners nothing, as long as fewer than eight are slow at the same time in a process. The reasons are in
//! `docs/decisions/0012-webhook-delivery.md`.
//!
//! - `service`, `http`, `store`, `secret`: endpoints as partners see them.
//! - `run` (`dispatch`): finds endpoints with work, claims them, starts a `pump` for each.
//! - `pump`: one endpoint; `order` decides what may be sent next, `share` limits concurrency, `send` posts, `schedule`
//!   decides when to retry, `writer` writes the results.
//! - `address`: where connections may go.

mod address;
mod dispatch;
mod http;
mod order;
mod pump;
mod queue;
mod schedule;
mod secret;
mod send;
pub mod service;
mod share;
mod sign;
mod store;
mod writer;

use std::ops::Deref;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::Semaphore;

pub use dispatch::run;
pub use http::routes;

use crate::platform::Platform;
use address::Reach;
use send::Sender;
use share::Shares;

/// Pings of this process that are under way at once.
const PINGS_MAX: usize = 16;

/// What delivery shares in a process.
pub struct Webhooks {
    platform: Arc<Platform>,
    /// This process, among those that deliver.
    worker: String,
    sender: Sender,
    shares: Shares,
    /// More endpoints have something to do than there are pumps.
    crowded: AtomicBool,
    pings: Semaphore,
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
    fn is_crowded(&self) -> bool {
        self.crowded.load(Ordering::Relaxed)
    }

    fn set_crowded(&self, is_crowded: bool) {
        self.crowded.store(is_crowded, Ordering::Relaxed);
    }
}

/// Where this deployment's events may go.
fn reach(platform: &Platform) -> Reach {
    if platform.config.mode.is_sandbox() { Reach::PublicAndLoopback } else { Reach::Public }
}
