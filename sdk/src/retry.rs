//! Retries: full jitter, the gateway's `Retry-After`, and two limits (number of retries, total time).

use std::time::Duration;

use crate::system::System;

/// Maximum of the first delay; doubled for each further one.
const DELAY_BASE: Duration = Duration::from_millis(200);
/// Maximum of any delay, unless the gateway asks for more.
const DELAY_MAX: Duration = Duration::from_secs(10);

/// The limits of a call.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bounds {
    /// Maximum number of retries.
    pub(crate) retries_max: u32,
    /// Timeout of one attempt.
    pub(crate) attempt: Duration,
    /// Total time; no attempt starts after it.
    pub(crate) total: Duration,
}

impl Default for Bounds {
    fn default() -> Self {
        Self { retries_max: 3, attempt: Duration::from_secs(30), total: Duration::from_secs(90) }
    }
}

/// The attempts of one call.
pub(crate) struct Tries<'a> {
    system: &'a System,
    bounds: Bounds,
    began: Duration,
    retries: u32,
    /// Number of attempts, including repetitions that corrected something.
    pub(crate) attempts: u32,
}

impl<'a> Tries<'a> {
    pub(crate) fn begin(system: &'a System, bounds: Bounds) -> Self {
        Self { system, bounds, began: system.uptime(), retries: 0, attempts: 0 }
    }

    /// Timeout of the next attempt: never beyond the end of the call.
    pub(crate) fn attempt_time(&self) -> Duration {
        self.bounds.attempt.min(self.left())
    }

    /// Waits for the next attempt; `false` when there is none left. `at_least` is the delay the gateway asked for.
    pub(crate) async fn wait(&mut self, at_least: Option<Duration>) -> bool {
        if self.retries >= self.bounds.retries_max {
            return false;
        }
        let most = DELAY_BASE.saturating_mul(1_u32.checked_shl(self.retries).unwrap_or(u32::MAX)).min(DELAY_MAX);
        let delay = at_least.unwrap_or_default().saturating_add(self.system.jitter(most));
        if delay >= self.left() {
            return false;
        }
        self.retries += 1;
        tracing::debug!(
            delay_ms = u64::try_from(delay.as_millis()).unwrap_or(u64::MAX),
            retry = self.retries,
            "retrying"
        );
        self.system.sleep(delay).await;
        true
    }

    fn left(&self) -> Duration {
        self.bounds.total.saturating_sub(self.system.uptime().saturating_sub(self.began))
    }
}
