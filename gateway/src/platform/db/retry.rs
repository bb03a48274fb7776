//! Retries a use-case after a conflict. Invariant: bounded, and only after a fault that committed nothing.

use std::time::Duration;

use super::fault::Fault;

/// An error that can say whether the whole use-case may be run again.
pub trait Retryable {
    /// True only when nothing was kept and a new run may succeed.
    fn is_retryable(&self) -> bool;
}

impl Retryable for Fault {
    fn is_retryable(&self) -> bool {
        matches!(self, Self::Retry)
    }
}

/// How often to run, and how long to wait before run `n` (1 is the first repetition): the caller has the randomness for jitter.
pub struct RetryPolicy<P> {
    /// Runs in all, the first included.
    pub runs_max: u32,
    /// The wait before each repetition.
    pub pause: P,
}

/// Runs a use-case, from its `begin` to its `commit`, again as long as it ends in a conflict.
pub async fn retry<T, E, F, P>(mut attempts: RetryPolicy<P>, mut work: impl FnMut() -> F) -> Result<T, E>
where
    E: Retryable,
    F: Future<Output = Result<T, E>>,
    P: FnMut(u32) -> Duration,
{
    let mut run = 1;
    loop {
        match work().await {
            Err(error) if error.is_retryable() && run < attempts.runs_max => {
                tokio::time::sleep((attempts.pause)(run)).await;
                run += 1;
            }
            outcome => return outcome,
        }
    }
}
