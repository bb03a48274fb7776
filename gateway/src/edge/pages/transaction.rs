//! The transaction of a form. Invariant: a form that lost against another transaction is tried again before its page says so.

use crate::platform::Platform;
use crate::platform::db::Tx;
use crate::platform::fault::Fault;
use crate::platform::outbox;
use crate::platform::retry::{RetryPolicy, retry};

/// Does what a form says in a transaction of its own, again when it lost against another.
pub async fn in_transaction<T>(
    platform: &Platform,
    work: impl AsyncFn(&mut Tx) -> Result<T, Fault>,
) -> Result<T, Fault> {
    retry(RetryPolicy::CONFLICT, &platform.clock, || async {
        let mut tx = platform.db.begin().await?;
        let value = work(&mut tx).await?;
        outbox::service::commit(platform, tx).await?;
        Ok(value)
    })
    .await
}
