//! Time on the wire: RFC 3339 in UTC, microseconds at most; inside: microseconds since the Unix epoch.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A point in time, microseconds since 1970-01-01T00:00:00Z, between the years 1970 and 9999.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Time(i64);

/// 9999-12-31T23:59:59.999999Z, the last that RFC 3339 can write.
const MICROS_MAX: i64 = 253_402_300_799_999_999;

/// Why a text or number is not a supported time.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("expected an RFC 3339 time with an offset, between the years 1970 and 9999, such as 2026-11-20T08:30:00Z")]
pub struct TimeError;

impl Time {
    /// From microseconds since the epoch; clamped to the years 1970..=9999.
    pub fn from_micros(micros: i64) -> Self {
        Self(micros.clamp(0, MICROS_MAX))
    }

    /// From whole seconds since the epoch.
    pub fn from_seconds(seconds: i64) -> Self {
        Self::from_micros(seconds.saturating_mul(1_000_000))
    }

    /// Microseconds since the epoch.
    pub const fn micros(self) -> i64 {
        self.0
    }

    /// Whole seconds since the epoch.
    pub const fn seconds(self) -> i64 {
        self.0 / 1_000_000
    }

    /// This many seconds later (or earlier, when negative).
    #[must_use]
    pub fn plus_seconds(self, seconds: i64) -> Self {
        Self::from_micros(self.0.saturating_add(seconds.saturating_mul(1_000_000)))
    }

    /// The `Date` header form (RFC 9110, 5.6.7).
    pub fn http_date(self) -> String {
        self.timestamp().strftime("%a, %d %b %Y %H:%M:%S GMT").to_string()
    }

    fn timestamp(self) -> Timestamp {
        // Within MICROS_MAX every value is in jiff's range, so the fallback is never taken.
        Timestamp::from_microsecond(self.0).unwrap_or(Timestamp::UNIX_EPOCH)
    }

    /// A fixed time for examples in the document.
    pub(crate) const fn example() -> Self {
        Self(1_795_163_400_000_000)
    }
}

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.timestamp().fmt(f)
    }
}

impl FromStr for Time {
    type Err = TimeError;

    fn from_str(text: &str) -> Result<Self, TimeError> {
        let micros = text.parse::<Timestamp>().map_err(|_| TimeError)?.as_microsecond();
        if (0..=MICROS_MAX).contains(&micros) { Ok(Self(micros)) } else { Err(TimeError) }
    }
}

impl Serialize for Time {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Time {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Cow::<'de, str>::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_time_survives_its_text(micros in 0..=MICROS_MAX) {
            let time = Time::from_micros(micros);

            prop_assert_eq!(time.to_string().parse(), Ok(time));
        }

        #[test]
        fn no_text_panics(text in "\\PC{0,40}") {
            let _ = text.parse::<Time>();
        }
    }

    #[test]
    fn a_time_without_an_offset_is_refused() {
        assert_eq!("2026-11-20T08:30:00".parse::<Time>(), Err(TimeError));
    }

    #[test]
    fn the_http_date_is_the_one_of_rfc_9110() {
        assert_eq!(Time::from_seconds(784_111_777).http_date(), "Sun, 06 Nov 1994 08:49:37 GMT");
    }
}
