//! Reads, decides and posts an order, for work that does not come through the edge of the API. Invariant: an order is posted
//! only on the data it was decided on; when the data has changed in the meantime, it is read and decided again.

use quanzi_openapi::ErrorCode;

use super::order::{LedgerCommand, LedgerOutcome, LedgerRefusal};
use crate::platform::Platform;
use crate::platform::db::Reader;
use crate::platform::fault::Fault;

/// Readings of what others change at the same time.
const RUNS_MAX: u32 = 5;

/// Reads, decides, posts, and gives the reply.
pub async fn settle<R>(
    platform: &Platform,
    decide: impl AsyncFn(&mut Reader) -> Result<LedgerCommand<R>, Fault>,
) -> Result<R, Fault> {
    for _ in 0..RUNS_MAX {
        let mut tx = platform.db.reading_newest().await?;
        let LedgerCommand { order, reply, explain } = decide(&mut tx).await?;
        // The connection is free while the order waits.
        drop(tx);
        match platform.poster.post(order).await? {
            LedgerOutcome::Posted | LedgerOutcome::Replayed(_) => return Ok(reply),
            // The faster order is already committed: there is nothing to wait for.
            LedgerOutcome::Refused(LedgerRefusal::Moved) => {}
            LedgerOutcome::Refused(refusal) => return Err(refusal.fault(explain)),
        }
    }
    Err(ErrorCode::Overloaded.into())
}
