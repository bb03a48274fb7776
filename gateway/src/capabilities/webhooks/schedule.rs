//! When an event is retried: for about three days, with growing delays and jitter.
//!
//! Invariant: only time ends the retries. The number of attempts chooses the delay and nothing else, because a receiver that
//! asks for short pauses, or a partner who has everything retried, makes many attempts within minutes.

use quanzi_openapi::Time;

/// The steps between attempts, in seconds; the last one again and again.
const STEPS_SECONDS: [i64; 10] = [5, 30, 120, 600, 1_800, 3_600, 7_200, 14_400, 28_800, LAST_STEP_SECONDS];
const LAST_STEP_SECONDS: i64 = 43_200;
/// An event that is refused so long after it was first refused is not tried again.
const TRIED_FOR_SECONDS: i64 = 3 * 24 * 3_600;
/// An endpoint counts as failing when one event was refused this often: after a good quarter of an hour.
pub const FAILING_AFTER_ATTEMPTS: i64 = 4;
/// How far a step may be moved, in percent to either side.
const JITTER_PERCENT: i64 = 20;
/// The longest pause a receiver may ask for.
pub const PAUSE_SECONDS_MAX: i64 = 24 * 3_600;

/// An event that was refused.
#[derive(Debug, Clone, Copy)]
pub struct Refusal {
    /// Now.
    pub at: Time,
    /// For the first time.
    pub first_at: Time,
    /// Attempts so far, with this one.
    pub attempts: i64,
    /// What the receiver asked for. It makes a step longer and never shorter.
    pub pause_seconds: Option<i64>,
}

/// When the next attempt is due; `None` when it was the last. `random` is any number: the jitter.
pub fn next(refusal: Refusal, random: u16) -> Option<Time> {
    let Refusal { at, first_at, attempts, pause_seconds } = refusal;
    if at >= first_at.plus_seconds(TRIED_FOR_SECONDS) {
        return None;
    }
    let place = usize::try_from(attempts.saturating_sub(1)).unwrap_or(0);
    let step = STEPS_SECONDS.get(place).copied().unwrap_or(LAST_STEP_SECONDS) * 1_000_000;
    let spread = step * JITTER_PERCENT / 100;
    let jitter = 2 * spread * i64::from(random) / i64::from(u16::MAX) - spread;
    let after_step = Time::from_micros(at.micros() + step + jitter);
    // The receiver knows best, but cannot ask for "never".
    let after_pause = at.plus_seconds(pause_seconds.unwrap_or(0).clamp(0, PAUSE_SECONDS_MAX));
    Some(after_step.max(after_pause))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn now() -> Time {
        Time::from_seconds(1_800_000_000)
    }

    fn refused(attempts: i64) -> Refusal {
        Refusal { at: now(), first_at: now(), attempts, pause_seconds: None }
    }

    /// How long a receiver that takes nothing is tried, in seconds, and how often.
    fn tried(pause_seconds: Option<i64>, random: u16) -> (i64, i64) {
        let mut refusal = Refusal { pause_seconds, ..refused(1) };
        while let Some(at) = next(refusal, random) {
            refusal = Refusal { at, attempts: refusal.attempts + 1, ..refusal };
        }
        (refusal.at.seconds() - refusal.first_at.seconds(), refusal.attempts)
    }

    #[test]
    fn the_steps_go_on_for_three_days_by_the_clock() {
        for random in [0, u16::MAX / 2, u16::MAX] {
            let (seconds, attempts) = tried(None, random);

            assert!((72 * 3_600..87 * 3_600).contains(&seconds), "{seconds} seconds");
            assert!((13..=17).contains(&attempts), "{attempts} attempts");
        }
    }

    #[test]
    fn a_short_pause_makes_nothing_shorter() {
        assert!(tried(Some(30), 7).0 >= TRIED_FOR_SECONDS);
        assert_eq!(next(Refusal { pause_seconds: Some(0), ..refused(10) }, 7), next(refused(10), 7));
    }

    #[test]
    fn many_attempts_in_little_time_end_nothing() {
        let often = Refusal { at: now().plus_seconds(TRIED_FOR_SECONDS - 1), ..refused(1_000) };

        assert!(next(Refusal { first_at: now(), ..often }, 0).is_some());
        assert_eq!(next(Refusal { at: now().plus_seconds(TRIED_FOR_SECONDS), ..refused(2) }, 0), None);
    }

    #[test]
    fn a_receiver_may_ask_for_a_pause_within_bounds() {
        let asks = |seconds| next(Refusal { pause_seconds: Some(seconds), ..refused(1) }, 7);

        assert_eq!(asks(90), Some(now().plus_seconds(90)));
        assert_eq!(asks(i64::MAX), Some(now().plus_seconds(PAUSE_SECONDS_MAX)));
    }

    proptest! {
        #[test]
        fn a_step_moves_by_a_fifth_at_most(attempts in 1..20_i64, random: u16) {
            let place = usize::try_from(attempts - 1).unwrap().min(STEPS_SECONDS.len() - 1);
            let step = STEPS_SECONDS[place];

            let waited = next(refused(attempts), random).unwrap().micros() - now().micros();

            prop_assert!((step * 800_000..=step * 1_200_000).contains(&waited));
        }
    }
}
