//! Scheduled work on payments: expiry, and results of slow channels. It goes through the ledger's poster, is idempotent, and
//! reads again when the payment has changed in the meantime.

use quanzi_openapi::id::{PartnerId, PaymentId};
use quanzi_openapi::payments::{Payment, PaymentStatus};
use quanzi_openapi::{ErrorCode, Time};

use super::model::Row;
use super::service::{self, Context};
use crate::platform::Platform;
use crate::platform::fault::Fault;
use crate::platform::jobs::Outcome as JobOutcome;
use crate::platform::ledger::LedgerCommand;
use crate::platform::ledger::{self, Outcome, Refused};

/// Readings of a payment that others change at the same time.
const RUNS_MAX: u32 = 5;

/// Nobody decided in time. When there is more time by now, it is looked at again then.
pub async fn expire(
    platform: &Platform,
    partner: PartnerId,
    payment: PaymentId,
    now: Time,
) -> Result<JobOutcome, Fault> {
    let context = Context { platform, partner, now };
    let row = settle(platform, partner, payment, now, |row| service::expire(context, row)).await?;
    Ok(match row.expires_at.filter(|_| row.status == PaymentStatus::RequiresApproval) {
        Some(expires_at) if expires_at > now => JobOutcome::Again(expires_at),
        _ => JobOutcome::Done,
    })
}

/// The channel has finished.
pub async fn complete(platform: &Platform, partner: PartnerId, payment: PaymentId, now: Time) -> Result<(), Fault> {
    let context = Context { platform, partner, now };
    settle(platform, partner, payment, now, |row| service::complete(context, row)).await.map(drop)
}

/// Posts what is due, if anything is, and gives the payment as it was read.
async fn settle(
    platform: &Platform,
    partner: PartnerId,
    payment: PaymentId,
    now: Time,
    due: impl Fn(&Row) -> Result<Option<LedgerCommand<Payment>>, Fault>,
) -> Result<Row, Fault> {
    for _ in 0..RUNS_MAX {
        let mut tx = platform.db.reading_newest().await?;
        let row = service::find(&mut tx, partner, payment).await?;
        drop(tx);
        let Some(command) = due(&row)? else { return Ok(row) };
        match platform.poster.post(command.order).await? {
            Outcome::Refused(Refused::Moved) => {}
            Outcome::Refused(refused) => return Err(ledger::service::fault(refused, now)),
            Outcome::Posted | Outcome::Again(_) => {
                let mut tx = platform.db.reading_newest().await?;
                return service::find(&mut tx, partner, payment).await;
            }
        }
    }
    Err(ErrorCode::Overloaded.into())
}
