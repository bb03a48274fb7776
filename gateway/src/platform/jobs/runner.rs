//! Runs due jobs, a few at a time, until the gateway stops. Invariant: a slow or failing job does not hold up others, and
//! running jobs finish before shutdown.

use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;

use super::handlers::Jobs;
use super::service;
use super::wake::LOOK_AGAIN;

/// Jobs at a time in one process: fewer than connections for writing, so that requests always get one.
const AT_ONCE_MAX: usize = 4;
/// And at most: when what is due cannot be claimed.
const PAUSE_MIN: Duration = Duration::from_millis(20);

/// Works until the gateway stops, and then until what was begun is ended, within the time that requests have for it.
pub async fn run(jobs: Arc<Jobs>) {
    let mut working = JoinSet::new();
    loop {
        let free = AT_ONCE_MAX.saturating_sub(working.len());
        let claimed = match service::claim(&jobs, free).await {
            Ok(claimed) => claimed,
            Err(fault) => {
                tracing::warn!(code = %fault.code(), cause = ?fault.cause(), "jobs could not be claimed");
                Vec::new()
            }
        };
        let is_full = claimed.len() == free;
        for job in claimed {
            let jobs = Arc::clone(&jobs);
            working.spawn(async move { service::work(&jobs, &job).await });
        }
        tokio::select! {
            () = jobs.platform.stopping.wait() => break,
            Some(_) = working.join_next() => while working.try_join_next().is_some() {},
            () = rest(&jobs), if !is_full => {}
        }
    }
    let time = Duration::from_secs(jobs.platform.config.shutdown_seconds);
    let ended = tokio::time::timeout(time, async { while working.join_next().await.is_some() {} }).await;
    if ended.is_err() {
        tracing::warn!(jobs = working.len(), "jobs were interrupted; they will be retried when their leases expire");
    }
}

/// Until something is due, or was enqueued, or it is time to look anyway.
async fn rest(jobs: &Jobs) {
    let now = jobs.platform.clock.now().micros();
    let pause = match service::next(jobs).await {
        Ok(Some(due)) => Duration::from_micros(u64::try_from(due.micros() - now).unwrap_or_default()),
        Ok(None) | Err(_) => LOOK_AGAIN,
    };
    jobs.platform.wake.wait(pause.clamp(PAUSE_MIN, LOOK_AGAIN)).await;
}
