//! What becomes due for posts.

use std::sync::Arc;

use super::model::PUBLISH_POST;
use super::service;
use crate::platform::Platform;
use crate::platform::jobs::{self, Handlers, Outcome};

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
