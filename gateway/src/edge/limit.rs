//! Rate limits by `governor`: per app for reads and writes, and per IP address before anything is known about the caller.
//!
//! Time is the gateway's clock, so tests move it instead of waiting.

use std::net::{IpAddr, Ipv6Addr};
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use governor::clock::{Clock as GovernorClock, Reference};
use governor::middleware::{StateInformationMiddleware, StateSnapshot};
use governor::state::keyed::DashMapStateStore;
use governor::{Quota, RateLimiter};
use quanzi_openapi::ErrorCode;
use quanzi_openapi::id::AppId;
use quanzi_openapi::problem::LimitReport;

use crate::platform::clock::Clock;
use crate::platform::config::Config;
use crate::platform::fault::Fault;

/// Seconds that a full bucket covers: short bursts pass, a steady flow is held at the rate.
const BURST_SECONDS: u32 = 2;

/// The app's clock as governor reads it.
#[derive(Clone)]
struct AppClock(Arc<Clock>);

impl GovernorClock for AppClock {
    type Instant = Micros;

    fn now(&self) -> Micros {
        Micros(u64::try_from(self.0.now().micros()).unwrap_or_default())
    }
}

/// Microseconds since the epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Micros(u64);

impl Reference for Micros {
    fn duration_since(&self, earlier: Self) -> governor::nanos::Nanos {
        Duration::from_micros(self.0.saturating_sub(earlier.0)).into()
    }

    fn saturating_sub(&self, duration: governor::nanos::Nanos) -> Self {
        Self(self.0.saturating_sub(micros(duration)))
    }
}

fn micros(duration: governor::nanos::Nanos) -> u64 {
    duration.as_u64() / 1_000
}

impl std::ops::Add<governor::nanos::Nanos> for Micros {
    type Output = Self;

    fn add(self, duration: governor::nanos::Nanos) -> Self {
        Self(self.0.saturating_add(micros(duration)))
    }
}

type Keyed<K> = RateLimiter<K, DashMapStateStore<K>, AppClock, StateInformationMiddleware>;

/// One limit: its name, its bucket, its key's buckets.
struct Policy<K: std::hash::Hash + Eq + Clone> {
    name: &'static str,
    allowed: u32,
    window_seconds: u32,
    clock: AppClock,
    buckets: Keyed<K>,
}

/// What is left of a limit after a request; becomes the `RateLimit` headers.
#[derive(Debug, Clone, Copy)]
pub struct Left {
    name: &'static str,
    allowed: u32,
    window_seconds: u32,
    remaining: u32,
}

impl Left {
    /// Name of the limit.
    pub(super) const fn name(&self) -> &'static str {
        self.name
    }

    /// `RateLimit-Policy` (draft-ietf-httpapi-ratelimit-headers).
    pub fn policy(&self) -> String {
        format!("\"{}\";q={};w={}", self.name, self.allowed, self.window_seconds)
    }

    /// `RateLimit`.
    pub fn rest(&self) -> String {
        let used = self.allowed.saturating_sub(self.remaining);
        let reset = (u64::from(used) * u64::from(self.window_seconds)).div_ceil(u64::from(self.allowed.max(1)));
        format!("\"{}\";r={};t={reset}", self.name, self.remaining)
    }
}

impl<K: std::hash::Hash + Eq + Clone> Policy<K> {
    fn new(name: &'static str, per_window: u32, window_seconds: u32, clock: &AppClock) -> Self {
        let allowed = NonZeroU32::new(per_window).unwrap_or(NonZeroU32::MIN);
        let one = Duration::from_secs(u64::from(window_seconds)) / allowed.get();
        let quota = Quota::with_period(one).unwrap_or_else(|| Quota::per_second(allowed)).allow_burst(allowed);
        let buckets = Keyed::new(quota, DashMapStateStore::default(), clock.clone());
        Self { name, allowed: allowed.get(), window_seconds, clock: clock.clone(), buckets }
    }

    fn take(&self, key: &K) -> Result<Left, (Fault, Left)> {
        let left =
            |remaining| Left { name: self.name, allowed: self.allowed, window_seconds: self.window_seconds, remaining };
        match self.buckets.check_key(key) {
            Ok(snapshot) => Ok(left(StateSnapshot::remaining_burst_capacity(&snapshot))),
            Err(until) => {
                let wait = until.wait_time_from(self.clock.now());
                let seconds = u32::try_from(wait.as_millis().div_ceil(1_000)).unwrap_or(u32::MAX).max(1);
                let report = LimitReport {
                    name: self.name.to_owned(),
                    allowed: self.allowed,
                    window_seconds: self.window_seconds,
                    resets_in_seconds: seconds,
                };
                let detail = format!(
                    "The limit \"{}\" allows {} requests in {} s. Wait {seconds} s.",
                    self.name, self.allowed, self.window_seconds
                );
                Err((Fault::new(ErrorCode::RateLimited).detail(detail).limit(report), left(0)))
            }
        }
    }

    fn shrink(&self) {
        self.buckets.retain_recent();
        self.buckets.shrink_to_fit();
    }
}

/// Every limit of the edge.
pub struct Limits {
    reads: Policy<AppId>,
    writes: Policy<AppId>,
    addresses: Policy<IpAddr>,
    registrations: Policy<IpAddr>,
}

impl Limits {
    /// The limits of this configuration.
    pub fn new(config: &Config, clock: &Arc<Clock>) -> Self {
        let clock = AppClock(Arc::clone(clock));
        let burst = |per_second: u32| per_second.saturating_mul(BURST_SECONDS);
        Self {
            reads: Policy::new("app-read", burst(config.rate_reads_per_second.get()), BURST_SECONDS, &clock),
            writes: Policy::new("app-write", burst(config.rate_writes_per_second.get()), BURST_SECONDS, &clock),
            addresses: Policy::new("address", burst(config.rate_address_per_second.get()), BURST_SECONDS, &clock),
            registrations: Policy::new("registrations", config.rate_registrations_per_minute.get(), 60, &clock),
        }
    }

    /// Takes one request of the app.
    pub fn app(&self, app: AppId, writes: bool) -> Result<Left, (Fault, Left)> {
        if writes { self.writes.take(&app) } else { self.reads.take(&app) }
    }

    /// Takes one request of the address.
    pub fn address(&self, address: IpAddr) -> Result<Left, (Fault, Left)> {
        self.addresses.take(&network(address))
    }

    /// Takes one sandbox registration of the address.
    pub fn registration(&self, address: IpAddr) -> Result<(), Fault> {
        self.registrations.take(&network(address)).map(drop).map_err(|(fault, _)| fault)
    }

    /// Forgets keys whose buckets are full again.
    pub fn shrink(&self) {
        self.reads.shrink();
        self.writes.shrink();
        self.addresses.shrink();
        self.registrations.shrink();
    }
}

/// Who an address stands for: an IPv6 host has a whole /64 to hide in.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(v6) => {
            let [a, b, c, d, ..] = v6.segments();
            IpAddr::V6(Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0))
        }
        v4 @ IpAddr::V4(_) => v4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn policy(clock: &Arc<Clock>) -> Policy<u8> {
        Policy::new("test", 2, 1, &AppClock(Arc::clone(clock)))
    }

    #[test]
    fn past_the_limit_the_refusal_says_how_long_to_wait() {
        let clock = Arc::new(Clock::system());
        let policy = policy(&clock);
        assert!(policy.take(&1).is_ok() && policy.take(&1).is_ok());

        let (refused, left) = policy.take(&1).unwrap_err();

        assert_eq!(refused.code(), ErrorCode::RateLimited);
        assert_eq!(refused.retry_after_seconds(), Some(1));
        assert_eq!(left.rest(), "\"test\";r=0;t=1");
        assert_eq!(left.policy(), "\"test\";q=2;w=1");
        assert!(policy.take(&2).is_ok(), "another key has its own bucket");
    }

    #[test]
    fn the_limit_resets_as_time_moves() {
        let clock = Arc::new(Clock::system());
        let policy = policy(&clock);
        while policy.take(&1).is_ok() {}

        clock.advance_seconds(2);

        assert!(policy.take(&1).is_ok());
    }

    #[test]
    fn one_ipv6_host_is_one_key() {
        let a: IpAddr = "2001:db8:1:2:3::4".parse().unwrap();
        let b: IpAddr = "2001:db8:1:2:9:9:9:9".parse().unwrap();

        assert_eq!(network(a), network(b));
        assert_eq!(network("::ffff:192.0.2.1".parse().unwrap()), "192.0.2.1".parse::<IpAddr>().unwrap());
    }
}
