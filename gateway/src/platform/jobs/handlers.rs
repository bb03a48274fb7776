//! The table of due work: one arm for each kind, which calls its capability's service.
//!
//! An arm ends with [`service::end`], on the transaction that holds its effect: effect and end are then committed together, or
//! neither. What has to reach outside, or goes through a writer of its own, does that first, without a transaction, must bear
//! being done twice, and ends with [`service::end_after`]. A kind asks to be done again by [`Outcome::Again`], never by
//! enqueueing itself: that would take its own claim away.

use std::sync::Arc;

use super::model::{Claimed, JobKind, Outcome};
use super::service::{self, Ended};
use crate::app::App;
use crate::capabilities::content;
use crate::capabilities::mandates;
use crate::capabilities::payments;
use crate::capabilities::payments::service::Context;
use crate::platform::fault::Fault;

pub(super) async fn run(app: &Arc<App>, job: &Claimed) -> Result<Ended, Fault> {
    match job.kind {
        JobKind::PublishPost => {
            let mut tx = app.db.begin().await?;
            content::service::publish_due(&mut tx, job.partner()?, job.now, job.object()?).await?;
            service::end(app, tx, job, Outcome::Done).await
        }
        JobKind::ExpirePayment => {
            let outcome = payments::due::expire(app, job.partner()?, job.object()?, job.now).await?;
            service::end_after(app, job, outcome).await
        }
        JobKind::CompletePayment => {
            payments::due::complete(app, job.partner()?, job.object()?, job.now).await?;
            service::end_after(app, job, Outcome::Done).await
        }
        JobKind::ExpireMandate => {
            let mut tx = app.db.begin().await?;
            let context = Context { app, partner: job.partner()?, now: job.now };
            mandates::service::expire(&mut tx, context, job.object()?).await?;
            service::end(app, tx, job, Outcome::Done).await
        }
    }
}
