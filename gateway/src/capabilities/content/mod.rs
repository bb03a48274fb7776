//! Content: posts of a circle.
//!
//! Invariants: a post is visible from `publish_at` on, which never changes once it has passed; a circle has at most three
//! pinned posts; an author publishes in any 24 hours no more than the circle allows; a deleted post is kept and never shown.

mod http;
mod model;
pub mod service;
mod store;

pub use http::routes;

#[cfg(test)]
mod plan_tests;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use crate::platform::Platform;
use crate::platform::jobs::{self, Handlers, JobKind, Outcome};

/// A post: what was scheduled can be seen, and the log says so.
pub(crate) const PUBLISH_POST: JobKind = JobKind::new("publish_post");

/// What becomes due for posts.
pub fn jobs(handlers: Handlers, platform: &Arc<Platform>) -> Handlers {
    let platform = Arc::clone(platform);
    handlers.on(PUBLISH_POST, move |job| {
        let platform = Arc::clone(&platform);
        async move {
            let mut tx = platform.db.begin().await?;
            service::publish_due(&mut tx, job.partner()?, job.now, job.object()?).await?;
            jobs::service::end(&platform, tx, &job, Outcome::Done).await
        }
    })
}
