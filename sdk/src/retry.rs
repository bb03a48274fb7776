//! When to try again: full jitter, the gateway's `Retry-After`, and two bounds (how often, and how long in all).

use std::time::Duration;

use crate::system::System;

/// Most that the first wait can be; doubled for each further one.
const DELAY_BASE: Duration = Duration::from_millis(200);
/// Most that one wait can be, unless the gateway asks for more.
const DELAY_MAX: Duration = Duration::from_secs(10);

/// The bounds of a call.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bounds {
    /// How often it is repeated at most.
    pub(crate) retries_max: u32,
    /// How long one attempt may take.
    pub(crate) attempt: Duration,
    /// How long it may take in all; no new attempt begins after that.
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
    /// How often the request was sent, repetitions that healed something included.
    pub(crate) attempts: u32,
}

impl<'a> Tries<'a> {
    pub(crate) fn begin(system: &'a System, bounds: Bounds) -> Self {
        Self { system, bounds, began: system.uptime(), retries: 0, attempts: 0 }
    }

    /// Time for the next attempt: never beyond the end of the call.
    pub(crate) fn attempt_time(&self) -> Duration {
        self.bounds.attempt.min(self.left())
    }

    /// Waits for the next attempt; `false` when there is none left. `at_least` is what the gateway asked for.
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
            "trying again"
        );
        self.system.sleep(delay).await;
        true
    }

    fn left(&self) -> Duration {
        self.bounds.total.saturating_sub(self.system.uptime().saturating_sub(self.began))
    }
}
