//! What becomes due for payments.

use std::sync::Arc;

use super::due;
use super::kinds::{COMPLETE_PAYMENT, EXPIRE_PAYMENT};
use crate::platform::Platform;
use crate::platform::jobs::{self, Handlers, Outcome};

/// Adds the kinds of payments.
pub fn jobs(handlers: Handlers, platform: &Arc<Platform>) -> Handlers {
    let (expire, complete) = (Arc::clone(platform), Arc::clone(platform));
    handlers
        .on(EXPIRE_PAYMENT, move |job| {
            let platform = Arc::clone(&expire);
            async move {
                let outcome = due::expire(&platform, job.partner()?, job.object()?, job.now).await?;
                jobs::service::end_after(&platform, &job, outcome).await
            }
        })
        .on(COMPLETE_PAYMENT, move |job| {
            let platform = Arc::clone(&complete);
            async move {
                due::complete(&platform, job.partner()?, job.object()?, job.now).await?;
                jobs::service::end_after(&platform, &job, Outcome::Done).await
            }
        })
}
