//! What the SDK needs from the machine: time, sleep and randomness. No other file uses them.
//!
//! Invariant: every time that is sent (`created`, `iat`, `exp`) comes from [`System::now_seconds`], so one correction by the
//! gateway's clock reaches all of them.

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use quanzi_openapi::jose::encode_base64url;
use ring::rand::{SecureRandom as _, SystemRandom};

use crate::error::{Error, ErrorKind};

/// The system's randomness.
#[expect(clippy::disallowed_methods, reason = "the SDK has no App: this is its one file that asks the system")]
pub(crate) fn random() -> SystemRandom {
    SystemRandom::new()
}

/// The same, as the crate `rsa` requires it.
#[cfg(feature = "rsa")]
pub(crate) struct RandomForRsa(SystemRandom);

#[cfg(feature = "rsa")]
impl RandomForRsa {
    pub(crate) fn new() -> Self {
        Self(random())
    }

    fn bytes<const N: usize>(&self) -> Result<[u8; N], Error> {
        let mut bytes = [0; N];
        fill(&self.0, &mut bytes)?;
        Ok(bytes)
    }
}

#[cfg(feature = "rsa")]
impl rsa::rand_core::TryRng for RandomForRsa {
    type Error = Error;

    fn try_next_u32(&mut self) -> Result<u32, Error> {
        self.bytes().map(u32::from_le_bytes)
    }

    fn try_next_u64(&mut self) -> Result<u64, Error> {
        self.bytes().map(u64::from_le_bytes)
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Error> {
        fill(&self.0, bytes)
    }
}

#[cfg(feature = "rsa")]
impl rsa::rand_core::TryCryptoRng for RandomForRsa {}

fn fill(random: &SystemRandom, bytes: &mut [u8]) -> Result<(), Error> {
    random.fill(bytes).map_err(|_| Error::new(ErrorKind::Key, "the system provides no randomness"))
}

/// Bytes of a nonce, a `jti` or an idempotency key: 128 random bits never collide.
const NONCE_BYTES: usize = 16;

/// The machine, and the known error of its clock.
pub(crate) struct System {
    started: Instant,
    /// Gateway's clock minus this machine's, in seconds.
    skew_seconds: AtomicI64,
    random: SystemRandom,
    #[cfg(test)]
    pub(crate) test: TestTime,
}

/// Time that a test moves instead of waiting.
#[cfg(test)]
#[derive(Default)]
pub(crate) struct TestTime {
    /// Error of the machine's clock, in seconds.
    pub(crate) wrong_seconds: AtomicI64,
    passed_ms: std::sync::atomic::AtomicU64,
    slept: std::sync::Mutex<Vec<Duration>>,
}

impl System {
    pub(crate) fn new() -> Self {
        Self {
            started: Instant::now(),
            skew_seconds: AtomicI64::new(0),
            random: random(),
            #[cfg(test)]
            test: TestTime::default(),
        }
    }

    /// The gateway's time as known here, Unix seconds.
    pub(crate) fn now_seconds(&self) -> i64 {
        self.machine_seconds().saturating_add(self.skew_seconds.load(Ordering::Relaxed))
    }

    /// The machine's own time, Unix seconds: for values that only this machine reads.
    #[expect(clippy::disallowed_methods, reason = "the SDK has no App: this is its one file that asks the system")]
    #[cfg_attr(not(test), expect(clippy::unused_self, reason = "tests move the clock"))]
    pub(crate) fn machine_seconds(&self) -> i64 {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let seconds = i64::try_from(since.as_secs()).unwrap_or(i64::MAX);
        #[cfg(test)]
        let seconds =
            seconds + self.test.wrong_seconds.load(Ordering::Relaxed) + self.test.passed().as_secs().cast_signed();
        seconds
    }

    /// Time since the client was built; never jumps.
    pub(crate) fn uptime(&self) -> Duration {
        let passed = self.started.elapsed();
        #[cfg(test)]
        let passed = passed + self.test.passed();
        passed
    }

    /// Adopts the gateway's clock; returns the previous error in seconds.
    pub(crate) fn set_clock_by(&self, server_seconds: i64) -> i64 {
        let before = server_seconds.saturating_sub(self.now_seconds());
        self.skew_seconds.store(server_seconds.saturating_sub(self.machine_seconds()), Ordering::Relaxed);
        before
    }

    #[cfg(not(test))]
    pub(crate) async fn sleep(&self, time: Duration) {
        tokio::time::sleep(time).await;
    }

    #[cfg(test)]
    pub(crate) async fn sleep(&self, time: Duration) {
        self.test.pass(time);
        self.test.slept.lock().unwrap().push(time);
        tokio::task::yield_now().await;
    }

    pub(crate) fn fill(&self, bytes: &mut [u8]) -> Result<(), Error> {
        fill(&self.random, bytes)
    }

    /// A fresh random text.
    pub(crate) fn nonce(&self) -> Result<String, Error> {
        let mut bytes = [0; NONCE_BYTES];
        self.fill(&mut bytes)?;
        Ok(encode_base64url(bytes))
    }

    /// A random time up to `most`: full jitter, so that a thousand clients do not return at once.
    pub(crate) fn jitter(&self, most: Duration) -> Duration {
        let mut bytes = [0; 4];
        // Without randomness the whole time is as good: jitter is courtesy, not safety.
        let share = self.fill(&mut bytes).map_or(1.0, |()| f64::from(u32::from_le_bytes(bytes)) / f64::from(u32::MAX));
        most.mul_f64(share)
    }
}

#[cfg(test)]
impl TestTime {
    fn passed(&self) -> Duration {
        Duration::from_millis(self.passed_ms.load(Ordering::Relaxed))
    }

    pub(crate) fn pass(&self, time: Duration) {
        self.passed_ms.fetch_add(u64::try_from(time.as_millis()).unwrap(), Ordering::Relaxed);
    }

    pub(crate) fn slept(&self) -> Vec<Duration> {
        self.slept.lock().unwrap().clone()
    }
}
