//! Mandates: a fan's standing consent to be charged within limits.
//!
//! Invariants: what a fan agreed to never changes; a mandate that has ended or was not agreed to is never charged, because
//! the poster locks it while it posts; a fan decides about a mandate once.

mod http;
mod model;
mod page;
pub mod service;
mod store;

pub use http::{routes, sandbox_routes};
pub use page::configure;
pub use service::Standing;

use std::sync::Arc;

use crate::capabilities::payments::service::Context;
use crate::platform::Platform;
use crate::platform::jobs::{self, Handlers, JobKind, Outcome};

/// A mandate: its time is over, or the time to decide about it.
const EXPIRE_MANDATE: JobKind = JobKind::new("expire_mandate");

/// What becomes due for mandates.
pub fn jobs(handlers: Handlers, platform: &Arc<Platform>) -> Handlers {
    let platform = Arc::clone(platform);
    handlers.on(EXPIRE_MANDATE, move |job| {
        let platform = Arc::clone(&platform);
        async move {
            let mut tx = platform.db.begin().await?;
            let context = Context { platform: &platform, partner: job.partner()?, now: job.now };
            service::expire(&mut tx, context, job.object()?).await?;
            jobs::service::end(&platform, tx, &job, Outcome::Done).await
        }
    })
}
