//! Runs work again after a passing failure: the one loop with backoff and jitter.
//!
//! Invariants: runs are bounded; a failure is retried only when its type or the caller says that nothing of the run was kept.

use std::time::Duration;

use crate::platform::clock::Clock;

/// A failure that can say whether the whole run may be repeated.
pub trait Retryable {
    /// True only when nothing was kept and a new run may succeed.
    fn is_retryable(&self) -> bool;
}

/// How often to run, and how long to wait in between.
///
/// The pause doubles from run to run. Half of it is random, so that those who met once do not meet again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RetryPolicy {
    /// Runs in all, the first included.
    pub runs_max: u32,
    /// The longest pause after the first run.
    pub pause: Duration,
    /// The longest pause after any run.
    pub pause_max: Duration,
}

impl RetryPolicy {
    /// For a transaction that lost against another: five runs, which wait 150 ms in all at most.
    pub const CONFLICT: Self =
        Self { runs_max: 5, pause: Duration::from_millis(10), pause_max: Duration::from_millis(80) };
    /// For work that is decided anew after somebody else was faster. Their change is visible by now: there is nothing to wait for.
    pub const AT_ONCE: Self = Self { runs_max: 5, pause: Duration::ZERO, pause_max: Duration::ZERO };

    /// The pause after this run (1 is the first), between half and all of what it may be.
    fn pause_after(self, run: u32, random: u16) -> Duration {
        let doubled = 1_u32.checked_shl(run.saturating_sub(1)).unwrap_or(u32::MAX);
        let half = self.pause.saturating_mul(doubled).min(self.pause_max) / 2;
        half + half.mul_f64(f64::from(random) / f64::from(u16::MAX))
    }
}

/// Runs `work` until it succeeds, fails for good, or has run as often as the policy allows.
///
/// `work` makes a future rather than being an async closure: of the latter the compiler cannot yet say that it may be sent to
/// another thread, which jobs need.
pub async fn retry<T, E: Retryable, F: Future<Output = Result<T, E>>>(
    policy: RetryPolicy,
    clock: &Clock,
    work: impl FnMut() -> F,
) -> Result<T, E> {
    retry_if(policy, clock, E::is_retryable, work).await
}

/// The same, for a caller that knows better than the failure whether to run again.
pub async fn retry_if<T, E, F: Future<Output = Result<T, E>>>(
    policy: RetryPolicy,
    clock: &Clock,
    is_retryable: impl Fn(&E) -> bool,
    mut work: impl FnMut() -> F,
) -> Result<T, E> {
    let mut run = 1;
    loop {
        match work().await {
            Err(error) if run < policy.runs_max && is_retryable(&error) => {
                let pause = policy.pause_after(run, u16::from_le_bytes(clock.random()));
                tracing::debug!(run, pause_us = u64::try_from(pause.as_micros()).ok(), "running again after a pause");
                tokio::time::sleep(pause).await;
                run += 1;
            }
            outcome => return outcome,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[derive(Debug, PartialEq)]
    enum Failure {
        Passing,
        Final,
    }

    impl Retryable for Failure {
        fn is_retryable(&self) -> bool {
            *self == Self::Passing
        }
    }

    const QUICK: RetryPolicy = RetryPolicy { runs_max: 3, ..RetryPolicy::AT_ONCE };

    /// The outcome, and how often the work ran.
    async fn run(outcomes: &[Result<(), Failure>]) -> (Result<(), Failure>, usize) {
        let (clock, mut runs) = (Clock::system(), 0);
        let outcome = retry(QUICK, &clock, || {
            runs += 1;
            let outcome = match &outcomes[runs - 1] {
                Ok(()) => Ok(()),
                Err(Failure::Passing) => Err(Failure::Passing),
                Err(Failure::Final) => Err(Failure::Final),
            };
            std::future::ready(outcome)
        });
        (outcome.await, runs)
    }

    #[tokio::test]
    async fn a_passing_failure_is_run_again_and_no_more_often_than_allowed() {
        const PASSING: Result<(), Failure> = Err(Failure::Passing);

        assert_eq!(run(&[PASSING, Ok(())]).await, (Ok(()), 2));
        assert_eq!(run(&[PASSING, PASSING, PASSING]).await, (PASSING, 3));
    }

    #[tokio::test]
    async fn success_and_a_final_failure_end_it() {
        assert_eq!(run(&[Ok(())]).await, (Ok(()), 1));
        assert_eq!(run(&[Err(Failure::Final)]).await, (Err(Failure::Final), 1));
    }

    #[tokio::test]
    async fn the_caller_may_decide() {
        let mut runs = 0;

        let outcome: Result<(), &str> = retry_if(
            QUICK,
            &Clock::system(),
            |error| *error == "busy",
            || {
                runs += 1;
                std::future::ready(Err(if runs == 1 { "busy" } else { "broken" }))
            },
        )
        .await;

        assert_eq!((outcome, runs), (Err("broken"), 2));
    }

    #[test]
    fn pauses_double_up_to_their_bound() {
        let longest: Vec<_> = (1..=6).map(|run| RetryPolicy::CONFLICT.pause_after(run, u16::MAX).as_millis()).collect();

        assert_eq!(longest, [10, 20, 40, 80, 80, 80]);
        assert_eq!(RetryPolicy::CONFLICT.pause_after(1, 0), Duration::from_millis(5));
        assert_eq!(RetryPolicy::AT_ONCE.pause_after(4, u16::MAX), Duration::ZERO);
    }

    proptest! {
        #[test]
        fn a_pause_is_between_half_and_all_of_its_bound(run in 1_u32.., random: u16) {
            let (least, most) = (RetryPolicy::CONFLICT.pause_after(run, 0), RetryPolicy::CONFLICT.pause_after(run, u16::MAX));
            let pause = RetryPolicy::CONFLICT.pause_after(run, random);

            prop_assert!(least <= pause && pause <= most && most == least * 2 && most <= RetryPolicy::CONFLICT.pause_max);
        }
    }
}
