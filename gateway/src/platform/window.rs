//! Limits over a rolling time window. Pure. Invariant: the reported reset time is when the next attempt can succeed, never
//! earlier.

use quanzi_openapi::Time;
use quanzi_openapi::problem::LimitReport;

/// So many in so many seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    /// Its name in answers and in the guide.
    pub name: &'static str,
    /// How many are allowed.
    pub allowed: u32,
    /// Its length.
    pub seconds: u32,
}

impl Window {
    /// What happened at this time or before counts no more.
    pub fn start(&self, now: Time) -> Time {
        now.plus_seconds(-i64::from(self.seconds))
    }

    /// When what happened at this time counts no more.
    pub fn end(&self, happened: Time) -> Time {
        happened.plus_seconds(self.seconds.into())
    }

    /// When one more is allowed again, given all that happened in the window; `None` when it is allowed now.
    pub fn next(&self, happened: &[Time], now: Time) -> Option<Time> {
        let mut happened: Vec<Time> = happened.iter().copied().filter(|time| self.end(*time) > now).collect();
        happened.sort_unstable();
        // As many must leave the window as stand above `allowed - 1`; the last of those decides.
        let allowed = usize::try_from(self.allowed).unwrap_or(usize::MAX);
        let last = happened.len().checked_sub(allowed)?;
        Some(happened.get(last).map_or_else(|| self.end(now), |time| self.end(*time)))
    }

    /// The report for a try that can succeed then.
    pub fn report(&self, now: Time, then: Time) -> LimitReport {
        let micros = then.micros().saturating_sub(now.micros()).max(0);
        let seconds = micros.saturating_add(999_999) / 1_000_000;
        LimitReport {
            name: self.name.to_owned(),
            allowed: self.allowed,
            window_seconds: self.seconds,
            resets_in_seconds: u32::try_from(seconds).unwrap_or(u32::MAX),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn window(allowed: u32) -> Window {
        Window { name: "test", allowed, seconds: 100 }
    }

    proptest! {
        #[test]
        fn the_next_try_succeeds_when_promised_and_not_a_moment_before(
            mut happened in proptest::collection::vec(900_i64..1_000, 0..8), allowed in 1_u32..4,
        ) {
            happened.sort_unstable();
            let times: Vec<_> = happened.iter().map(|second| Time::from_seconds(*second)).collect();
            let now = Time::from_seconds(1_000);
            let counted = |at: i64| happened.iter().filter(|second| **second > at - 100).count();

            let next = window(allowed).next(&times, now);

            let free = |at: i64| counted(at) < allowed as usize;
            match next {
                None => prop_assert!(free(1_000)),
                Some(then) => {
                    prop_assert!(!free(1_000) && !free(then.seconds() - 1) && free(then.seconds()));
                }
            }
        }
    }

    #[test]
    fn a_report_rounds_up_to_whole_seconds() {
        let report = window(3).report(Time::from_micros(5), Time::from_micros(1_000_006));

        assert_eq!((report.allowed, report.window_seconds, report.resets_in_seconds), (3, 100, 2));
    }

    #[test]
    fn where_nothing_is_allowed_the_report_names_the_whole_window() {
        let now = Time::from_seconds(1_000);

        assert_eq!(window(0).next(&[], now), Some(Time::from_seconds(1_100)));
    }
}
