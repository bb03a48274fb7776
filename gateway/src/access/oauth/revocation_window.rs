//! How far back revocations are read, and which of them a process has applied.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use quanzi_openapi::Time;
use quanzi_openapi::oauth::TOKEN_SECONDS;

/// How far back each reading goes before the last one: longer than any transaction may last and clocks of processes may differ.
const WINDOW_SECONDS: i64 = 120;
/// How far back the first reading goes: over the life of every token there can be.
pub(super) const FIRST_WINDOW_SECONDS: i64 = TOKEN_SECONDS + WINDOW_SECONDS;
/// How long a row is kept at least.
pub(super) const KEPT_SECONDS: i64 = 2 * FIRST_WINDOW_SECONDS;

/// What was read so far.
#[derive(Debug, Default)]
pub struct SeenRevocations(Mutex<Read>);

#[derive(Debug, Default)]
pub(super) struct Read {
    /// When the rows were last read to their end; none before the first reading.
    pub until: Option<Time>,
    /// Rows that were applied, by id, with their time; those that fell out of the window are forgotten.
    pub rows: HashMap<String, Time>,
}

impl SeenRevocations {
    pub(super) fn lock(&self) -> MutexGuard<'_, Read> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Where a reading begins: a window before the last that succeeded, however long ago that was, as far as tokens can matter.
pub(super) fn begins(until: Option<Time>, now: Time) -> Time {
    let first = now.plus_seconds(-FIRST_WINDOW_SECONDS);
    // A sandbox's clock may have been behind at the last reading by any time, or ahead.
    until.map_or(first, |until| until.min(now).plus_seconds(-WINDOW_SECONDS).max(first))
}
