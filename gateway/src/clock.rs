//! Time, ids and randomness: the only file that asks the system for them.
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
}

impl Clock {
    /// The system's clock as it is.
    pub fn system() -> Self {
        Self::default()
    }

    /// Now.
    pub fn now(&self) -> Time {
        Time::from_micros(self.system_now().micros().saturating_add(self.ahead_micros.load(Ordering::Relaxed)))
    }

    /// The system's time, wherever the clock was moved to: for what somebody outside compares with a clock of their own.
    #[expect(clippy::unused_self, reason = "time is asked of the clock, also this one")]
    pub fn system_now(&self) -> Time {
        #[expect(clippy::disallowed_methods, reason = "this is the one place that asks the system")]
        let system = jiff::Timestamp::now().as_microsecond();
        Time::from_micros(system)
    }

    /// Moves the clock ahead.
    pub fn advance_seconds(&self, seconds: i64) {
        self.ahead_micros.fetch_add(seconds.saturating_mul(1_000_000), Ordering::Relaxed);
    }

    /// A new id: a UUIDv7 of now.
    pub fn id<K: Kind>(&self) -> Id<K> {
        let millis = u64::try_from(self.now().micros() / 1_000).unwrap_or_default();
        Id::from_uuid(Builder::from_unix_timestamp_millis(millis, &self.random()).into_uuid())
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
