//! Reads, decides and posts an order, for work that does not come through the edge of the API. Invariant: an order is posted
//! only on the data it was decided on; when the data has changed in the meantime, it is read and decided again.

use quanzi_openapi::{ErrorCode, Time};

use super::order::{Order, Outcome, Refused};
use super::service;
use crate::platform::Platform;
use crate::platform::db::Reader;
use crate::platform::fault::Fault;

/// Readings of what others change at the same time.
const RUNS_MAX: u32 = 5;

/// What a call that moves money wants: an order for the ledger's poster, and the reply when it is posted.
#[derive(Debug)]
pub struct LedgerCommand<R> {
    /// What is to be posted.
    pub order: Order,
    /// The reply then: it is saved and sent only when the order was posted.
    pub reply: R,
}

/// Reads, decides, posts, and gives the reply.
pub async fn settle<R>(
    platform: &Platform,
    now: Time,
    decide: impl AsyncFn(&mut Reader) -> Result<LedgerCommand<R>, Fault>,
) -> Result<R, Fault> {
    for _ in 0..RUNS_MAX {
        let mut tx = platform.db.reading_newest().await?;
        let LedgerCommand { order, reply } = decide(&mut tx).await?;
        // The connection is free while the order waits.
        drop(tx);
        match platform.poster.post(order).await? {
            Outcome::Posted | Outcome::Again(_) => return Ok(reply),
            // The faster order is already committed: there is nothing to wait for.
            Outcome::Refused(Refused::Moved) => {}
            Outcome::Refused(refused) => return Err(service::fault(refused, now)),
        }
    }
    Err(ErrorCode::Overloaded.into())
}
