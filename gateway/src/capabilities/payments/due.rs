//! Scheduled work on payments: expiry, and results of slow channels. It goes through the ledger's poster, is idempotent, and
//! reads again when the payment has changed in the meantime.

use quanzi_openapi::Time;
use quanzi_openapi::id::{PartnerId, PaymentId};
use quanzi_openapi::payments::{Payment, PaymentStatus};

use super::model::PaymentRow;
use super::service;
use crate::platform::Context;
use crate::platform::Platform;
use crate::platform::db;
use crate::platform::fault::Fault;
use crate::platform::jobs::Outcome as JobOutcome;
use crate::platform::ledger::{LedgerCommand, LedgerOutcome, LedgerRefusal};
use crate::platform::retry::{RetryPolicy, retry};

/// Nobody decided in time. When there is more time by now, it is looked at again then.
pub async fn expire(
    platform: &Platform,
    partner: PartnerId,
    payment: PaymentId,
    now: Time,
) -> Result<JobOutcome, Fault> {
    let context = Context { platform, partner, now };
    let row = post_due(platform, partner, payment, |row| service::expire(context, row)).await?;
    Ok(match row.expires_at.filter(|_| row.status == PaymentStatus::RequiresApproval) {
        Some(expires_at) if expires_at > now => JobOutcome::Again(expires_at),
        _ => JobOutcome::Done,
    })
}

/// The channel has finished.
pub async fn complete(platform: &Platform, partner: PartnerId, payment: PaymentId, now: Time) -> Result<(), Fault> {
    let context = Context { platform, partner, now };
    post_due(platform, partner, payment, |row| service::complete(context, row)).await.map(drop)
}

/// Posts what is due, if anything is, and gives the payment as it was read.
async fn post_due(
    platform: &Platform,
    partner: PartnerId,
    payment: PaymentId,
    due: impl Fn(&PaymentRow) -> Result<Option<LedgerCommand<Payment>>, Fault>,
) -> Result<PaymentRow, Fault> {
    let due = &due;
    let once = move || async move {
        let mut tx = platform.db.reading_newest().await?;
        let row = service::find(&mut tx, partner, payment).await?;
        drop(tx);
        let Some(LedgerCommand { order, explain, .. }) = due(&row)? else { return Ok(row) };
        match platform.poster.post(order).await? {
            LedgerOutcome::Refused(LedgerRefusal::Moved) => Err(db::Fault::Retry.into()),
            LedgerOutcome::Refused(refusal) => Err(refusal.fault(explain)),
            LedgerOutcome::Posted | LedgerOutcome::Replayed(_) => {
                let mut tx = platform.db.reading_newest().await?;
                service::find(&mut tx, partner, payment).await
            }
        }
    };
    retry(RetryPolicy::AT_ONCE, &platform.clock, once).await
}
