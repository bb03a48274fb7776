//! Payments and refunds: their rules, and the transfers that belong to each change.
//!
//! Invariants: a payment and its transfers are written together; fee and net add up to the amount; refunds never exceed the
//! payment, and their fee is in proportion; a payment is decided once.

pub mod due;
mod http;
mod model;
pub mod service;
mod store;

pub use http::routes;
pub use model::{RecordWrite, Row, TipChange, day_of, per_day, per_payment};

use std::sync::Arc;

use crate::platform::Platform;
use crate::platform::db::Batcher;
use crate::platform::jobs::{self, Handlers, JobKind, Outcome};
use store::{Facts, Question};

/// A payment: nobody decided about it in time.
const EXPIRE_PAYMENT: JobKind = JobKind::new("expire_payment");
/// A payment: the channel has finished what took its time.
const COMPLETE_PAYMENT: JobKind = JobKind::new("complete_payment");

/// What decides about new payments, looked up for many at once; one per process.
#[derive(Default)]
pub struct PaymentLookups(Batcher<Question, Facts>);

/// What becomes due for payments.
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
