//! The rules of jobs and their retries. Pure.

use std::fmt;

use quanzi_openapi::Time;
use quanzi_openapi::id::{Id, Kind, PartnerId};
use serde_json::Value;

use crate::platform::fault::Fault;

/// What is to be done: a name that only its capability gives. Never renamed, because rows carry it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct JobKind(&'static str);

impl JobKind {
    /// A kind, declared as a constant beside its handler.
    pub const fn new(name: &'static str) -> Self {
        Self(name)
    }

    /// As it stands in the table and in answers.
    pub const fn as_str(self) -> &'static str {
        self.0
    }
}

impl fmt::Display for JobKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

/// Names a job; of two made in one process the earlier is smaller, so that what is due at one time has an order.
pub type JobId = Id<Marker>;

/// The kind of [`JobId`]. It never leaves the gateway.
#[derive(Debug)]
pub struct Marker;
impl Kind for Marker {
    const PREFIX: &'static str = "job";
    const NAME: &'static str = "JobId";
}

/// Something to be done at a time.
#[derive(Debug, Clone, PartialEq)]
pub struct Job {
    /// What.
    pub kind: JobKind,
    /// For whom; `None` for the platform's own.
    pub partner: Option<PartnerId>,
    /// To what: an id. A kind has one job for each object.
    pub object: String,
    /// When.
    pub due_at: Time,
    /// What else its handler needs to know; best nothing, so that it looks at how things are then.
    pub body: Value,
}

impl Job {
    /// A job of a partner that needs no more than its object.
    pub fn new(kind: JobKind, partner: PartnerId, object: impl fmt::Display, due_at: Time) -> Self {
        Self { kind, partner: Some(partner), object: object.to_string(), due_at, body: Value::Null }
    }
}

/// A job somebody works on.
#[derive(Debug, Clone)]
pub struct Claimed {
    /// Its id; changes when the job is enqueued anew.
    pub id: JobId,
    /// What is to be done.
    pub kind: JobKind,
    /// For whom; `None` for the platform's own.
    pub partner: Option<PartnerId>,
    /// To what.
    pub object: String,
    /// When it was due.
    pub due_at: Time,
    /// What else was said.
    pub body: Value,
    /// How often it was tried, this time included.
    pub attempts: i64,
    /// The time of this try, for everything that happens in it: `due_at`, or later.
    pub now: Time,
    pub(super) claim: String,
}

impl Claimed {
    /// Whose job it is.
    pub fn partner(&self) -> Result<PartnerId, Fault> {
        self.partner.ok_or_else(|| Fault::internal(format!("a job of kind {} without a partner", self.kind)))
    }

    /// What it is to be done to.
    pub fn object<T: std::str::FromStr>(&self) -> Result<T, Fault> {
        self.object
            .parse()
            .map_err(|_| Fault::internal(format!("a job of kind {} about something else: {}", self.kind, self.object)))
    }
}

/// What a handler came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// There is nothing left to do.
    Done,
    /// It is to be done again then; no failure.
    Again(Time),
}

/// How a try ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// It took effect.
    Ended(Outcome),
    /// It took no effect; it is tried again then.
    Failed(Time),
    /// It took no effect, because meanwhile somebody moved or cancelled the job, or took it over.
    Lost,
}

/// A job's end, kept with its effect or not at all. Made by [`service::end`](super::service::end) and [`service::end_after`](super::service::end_after) only.
#[derive(Debug)]
#[must_use = "a handler gives it back, so that the job's end is known"]
pub struct Ended(pub(super) Ending);

/// The first wait after a failure; doubled for each further one.
const BACKOFF_SECONDS: i64 = 5;
/// The longest.
const BACKOFF_SECONDS_MAX: i64 = 3_600;

/// When a job that failed so often is tried again: after the wait and up to a quarter more, so that many that failed together do
/// not come back together. How much more follows from the job itself: a sandbox shall do the same things in the same order.
pub(super) fn retry_at(id: JobId, attempts: i64, now: Time) -> Time {
    let doublings = u32::try_from(attempts.clamp(1, 32) - 1).unwrap_or_default();
    let wait = BACKOFF_SECONDS.saturating_mul(1_i64 << doublings).min(BACKOFF_SECONDS_MAX);
    let seed =
        id.uuid().as_bytes().iter().fold(attempts, |seed, byte| seed.wrapping_mul(31).wrapping_add((*byte).into()));
    let micros = wait * 1_000_000;
    Time::from_micros(now.micros() + micros + seed.rem_euclid(micros / 4))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(number: u128) -> JobId {
        JobId::from_uuid(uuid::Uuid::from_u128(number))
    }

    #[test]
    fn each_wait_is_twice_as_long_up_to_an_hour_and_a_quarter() {
        let now = Time::from_seconds(1_000);
        let waits: Vec<i64> = (1..40).map(|attempts| retry_at(id(1), attempts, now).seconds() - 1_000).collect();

        assert!((5..=6).contains(&waits[0]) && (10..=12).contains(&waits[1]), "{waits:?}");
        assert!(waits.iter().all(|wait| *wait <= 4_500) && waits[38] >= 3_600, "{waits:?}");
    }

    #[test]
    fn jobs_that_failed_together_come_back_apart() {
        let now = Time::from_seconds(1_000);

        assert_ne!(retry_at(id(1), 3, now), retry_at(id(2), 3, now));
        assert_eq!(retry_at(id(1), 3, now), retry_at(id(1), 3, now));
    }
}
