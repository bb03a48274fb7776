//! Time, ids and randomness: the only file that gets them from the system.
//!
//! Everything else gets them from [`crate::app::App`], so a test moves time instead of sleeping.

use std::sync::atomic::{AtomicI64, Ordering};

use aws_lc_rs::rand;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use quanzi_openapi::Time;
use quanzi_openapi::id::{Id, Kind};
use uuid::Builder;

/// The system's clock, moved by an offset.
#[derive(Debug, Default)]
pub struct Clock {
    ahead_micros: AtomicI64,
    /// The microsecond the last id was made for.
    last_id: AtomicI64,
}

impl Clock {
    /// The system's clock as it is.
    pub fn system() -> Self {
        Self::default()
    }

    /// Now.
    pub fn now(&self) -> Time {
        Time::from_micros(self.machine().micros().saturating_add(self.ahead_micros()))
    }

    /// The machine's own time, which a sandbox cannot move: for what must not end because the sandbox's time jumps.
    pub fn machine(&self) -> Time {
        #[expect(clippy::disallowed_methods, reason = "this is the one place that asks the system")]
        let system = jiff::Timestamp::now().as_microsecond();
        Time::from_micros(system)
    }

    /// How far this clock is ahead of the machine's.
    pub fn ahead_micros(&self) -> i64 {
        self.ahead_micros.load(Ordering::Relaxed)
    }

    /// Puts the clock this far ahead of the machine's, unless it is further already: it never goes back.
    pub fn put_ahead(&self, micros: i64) {
        self.ahead_micros.fetch_max(micros, Ordering::Relaxed);
    }

    /// Moves the clock ahead.
    pub fn advance_seconds(&self, seconds: i64) {
        self.ahead_micros.fetch_add(seconds.saturating_mul(1_000_000), Ordering::Relaxed);
    }

    /// A new id: a UUIDv7 of now, greater than every id this clock made before.
    ///
    /// Its first twelve random bits are parts of the millisecond instead (RFC 9562, 6.2, method 3): with chance there, two
    /// things of one millisecond would stand in a different order each time.
    pub fn id<K: Kind>(&self) -> Id<K> {
        let now = self.now().micros();
        let next = |last: i64| last.saturating_add(1).max(now);
        // The closure never refuses, so both arms carry the last value.
        let last = self.last_id.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |last| Some(next(last)));
        let micros = next(last.unwrap_or_else(|last| last));
        let millis = u64::try_from(micros / 1_000).unwrap_or_default();
        // 1,000 microseconds in 12 bits.
        let [high, low] = u16::try_from(micros % 1_000 * 4).unwrap_or_default().to_be_bytes();
        let mut random = self.random::<10>();
        let [first, second, ..] = &mut random;
        (*first, *second) = (high, low);
        Id::from_uuid(Builder::from_unix_timestamp_millis(millis, &random).into_uuid())
    }

    /// Random bytes from the system.
    ///
    /// # Panics
    /// When the system gives no randomness: nothing here would be safe to go on.
    pub fn random<const N: usize>(&self) -> [u8; N] {
        let mut bytes = [0; N];
        #[expect(
            clippy::expect_used,
            clippy::disallowed_methods,
            reason = "the one place that asks the system; without randomness nothing is safe to go on"
        )]
        rand::fill(&mut bytes).expect("the system gives randomness");
        bytes
    }

    /// A random text of 128 bits, base64url: nonces and token ids.
    pub fn random_text(&self) -> String {
        URL_SAFE_NO_PAD.encode(self.random::<16>())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use quanzi_openapi::id::PostId;

    #[test]
    fn ids_are_in_the_order_in_which_they_were_made() {
        let clock = Clock::system();

        let ids: Vec<PostId> = (0..5_000).map(|_| clock.id()).collect();

        assert!(ids.is_sorted_by(|one, next| one < next));
        assert_eq!((ids[0].uuid().get_version_num(), ids[0].uuid().get_variant()), (7, uuid::Variant::RFC4122));
    }

    #[test]
    fn the_clock_never_goes_back() {
        let clock = Clock::system();
        clock.put_ahead(5_000_000);
        clock.put_ahead(3_000_000);

        assert_eq!(clock.ahead_micros(), 5_000_000);
        assert!(clock.now().micros() - clock.machine().micros() >= 4_900_000);
    }
}
