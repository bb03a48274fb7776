//! When an event is tried again: about three days, in growing steps, none of them for two endpoints at the same time.

use quanzi_openapi::Time;

/// The steps between attempts, in seconds: together a little more than three days.
const STEPS_SECONDS: [i64; 14] =
    [5, 30, 120, 600, 1_800, 3_600, 7_200, 14_400, 28_800, 43_200, 43_200, 43_200, 43_200, 43_200];
/// An endpoint counts as failing when one event was refused this often: after a good quarter of an hour.
pub const FAILING_AFTER_ATTEMPTS: i64 = 4;
/// How far a step may be moved, in percent to either side.
const JITTER_PERCENT: i64 = 20;
/// The longest pause a receiver may ask for.
pub const PAUSE_SECONDS_MAX: i64 = 24 * 3_600;

/// When the attempt after this many is due; `None` when there is none left. `random` is any number: the jitter.
pub fn next(now: Time, attempts: i64, pause_seconds: Option<i64>, random: u16) -> Option<Time> {
    let place = usize::try_from(attempts.checked_sub(1)?).ok()?;
    let step = STEPS_SECONDS.get(place)?;
    if let Some(pause) = pause_seconds {
        // The receiver knows best, but nobody may ask for "never" or "at once, again and again".
        return Some(now.plus_seconds(pause.clamp(1, PAUSE_SECONDS_MAX)));
    }
    let spread = step * 1_000_000 * JITTER_PERCENT / 100;
    let jitter = 2 * spread * i64::from(random) / i64::from(u16::MAX) - spread;
    Some(Time::from_micros(now.micros() + step * 1_000_000 + jitter))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Attempts in all.
    fn attempts_max() -> i64 {
        i64::try_from(STEPS_SECONDS.len()).expect("few steps") + 1
    }

    fn now() -> Time {
        Time::from_seconds(1_800_000_000)
    }

    #[test]
    fn the_steps_are_about_three_days() {
        let hours = STEPS_SECONDS.iter().sum::<i64>() / 3_600;

        assert!((72..84).contains(&hours), "{hours}");
        assert_eq!(next(now(), attempts_max(), None, 0), None);
        assert_eq!(next(now(), attempts_max(), Some(5), 0), None);
    }

    #[test]
    fn a_receiver_may_ask_for_a_pause_within_bounds() {
        assert_eq!(next(now(), 1, Some(90), 7), Some(now().plus_seconds(90)));
        assert_eq!(next(now(), 1, Some(0), 7), Some(now().plus_seconds(1)));
        assert_eq!(next(now(), 1, Some(i64::MAX), 7), Some(now().plus_seconds(PAUSE_SECONDS_MAX)));
    }

    proptest! {
        #[test]
        fn a_step_moves_by_a_fifth_at_most(attempts in 1..attempts_max(), random: u16) {
            let step = STEPS_SECONDS[usize::try_from(attempts - 1).unwrap()];

            let waited = next(now(), attempts, None, random).unwrap().micros() - now().micros();

            prop_assert!((step * 800_000..=step * 1_200_000).contains(&waited));
        }
    }
}
