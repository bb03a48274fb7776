//! Waiting for what a gateway does on its own. Stories never sleep: they move the gateway's clock, or wait here for what they can see.

use std::time::Duration;

/// Between two looks.
const PAUSE: Duration = Duration::from_millis(20);
/// Longest wait, on a busy machine.
const PATIENCE: Duration = Duration::from_secs(30);

/// Waits until this holds; panics with these words when it does not come to it.
pub async fn until(what: &str, mut holds: impl AsyncFnMut() -> bool) {
    let waited = tokio::time::timeout(PATIENCE, async {
        while !holds().await {
            tokio::time::sleep(PAUSE).await;
        }
    });
    waited.await.unwrap_or_else(|_elapsed| panic!("waited in vain: {what}"));
}
