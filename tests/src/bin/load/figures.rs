//! Figures of one round, and the median of several.

use std::time::Duration;

/// What one round took.
#[derive(Debug, Clone, Copy)]
pub struct Figures {
    /// Requests per second.
    pub per_second: f64,
    /// Median latency.
    pub p50: Duration,
    /// Latency that one in a hundred exceeds.
    pub p99: Duration,
}

impl Figures {
    /// Of all latencies of a round and its length.
    pub fn new(mut latencies: Vec<Duration>, took: Duration) -> Self {
        latencies.sort_unstable();
        let at = |share: usize| latencies[(latencies.len() * share / 100).min(latencies.len() - 1)];
        #[expect(clippy::cast_precision_loss, reason = "a count of requests")]
        let per_second = latencies.len() as f64 / took.as_secs_f64();
        Self { per_second, p50: at(50), p99: at(99) }
    }
}

/// The middle one.
pub fn median(mut values: Vec<f64>) -> f64 {
    values.sort_unstable_by(f64::total_cmp);
    values[values.len() / 2]
}

/// Milliseconds with two decimals.
pub fn millis(time: Duration) -> String {
    format!("{:.2} ms", time.as_secs_f64() * 1_000.0)
}
