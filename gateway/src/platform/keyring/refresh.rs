//! Reads the keys again, every minute, so that a rotation reaches every process.

use std::sync::Arc;
use std::time::Duration;

use super::load::{KeysFault, load_or_create};
use crate::platform::Platform;

/// How often a process reads the keys.
const PERIOD: Duration = Duration::from_mins(1);

/// Reads the keys again. Whether one of them is gone: then what it signed must not be believed from memory.
pub async fn reload(platform: &Platform) -> Result<bool, KeysFault> {
    let keys =
        load_or_create(&platform.db, &platform.clock, platform.config.sealing(), !platform.config.mode.is_sandbox())
            .await?;
    let lost = !keys.has_all_of(&platform.keyring.keys());
    platform.keyring.exchange(keys);
    Ok(lost)
}

/// Reads them every minute, for as long as the process lives; `on_lost` is called when a key is gone. In real time: a sandbox's clock
/// that is moved changes nothing here.
pub async fn run(platform: Arc<Platform>, on_lost: impl Fn()) {
    loop {
        tokio::time::sleep(PERIOD).await;
        match reload(&platform).await {
            Ok(true) => on_lost(),
            Ok(false) => {}
            Err(error) => {
                tracing::warn!(%error, "the gateway's keys could not be reloaded; the current ones stay in use");
            }
        }
    }
}
