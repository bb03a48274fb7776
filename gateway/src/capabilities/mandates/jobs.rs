//! What becomes due for mandates.

use std::sync::Arc;

use super::model::EXPIRE_MANDATE;
use super::service;
use crate::platform::Context;
use crate::platform::Platform;
use crate::platform::jobs::{self, Handlers, Outcome};

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
