//! Allowances: how much of a daily limit is used. A kind of record, for whatever is limited by day.
//!
//! Rows are not locked while orders are decided, as nobody else waits for them: where another process used some of a limit
//! meanwhile, the batch is decided anew.

use std::collections::{BTreeMap, BTreeSet};

use quanzi_openapi::Time;
use quanzi_openapi::problem::LimitReport;

use super::record::{RecordKind, Verdict};
use super::store;
use crate::platform::db::{self, Tx};
use crate::platform::fault::Fault;

const DAY_SECONDS: i64 = 24 * 3_600;

/// Days since 1970, UTC.
pub const fn day_of(now: Time) -> i64 {
    now.seconds() / DAY_SECONDS
}

/// What a refusal says about a limit of one amount: waiting does not help.
pub fn amount_limit(name: &str, most: i64) -> LimitReport {
    LimitReport {
        name: name.to_owned(),
        allowed: u32::try_from(most).unwrap_or(u32::MAX),
        window_seconds: 0,
        resets_in_seconds: 0,
    }
}

/// A part of a daily limit.
#[derive(Debug, Clone)]
pub struct Allowance {
    /// Whose limit, and which: an id, with a currency where it has several.
    pub subject: String,
    /// Counts to the day of this time, UTC.
    pub at: Time,
    /// How much this takes; less than nothing gives back.
    pub takes: i64,
    /// How much there is in a day.
    pub most: i64,
    /// What the caller is told when less than that is left; it gets how much is left.
    pub refuse: fn(&Self, i64) -> Fault,
}

/// A subject and a day.
type AllowanceKey = (String, i64);

impl Allowance {
    /// What a refusal says about the limit.
    pub fn report(&self, name: &str) -> LimitReport {
        let resets_in = DAY_SECONDS - self.at.seconds() % DAY_SECONDS;
        LimitReport {
            name: name.to_owned(),
            allowed: u32::try_from(self.most).unwrap_or(u32::MAX),
            window_seconds: u32::try_from(DAY_SECONDS).unwrap_or(u32::MAX),
            resets_in_seconds: u32::try_from(resets_in).unwrap_or(u32::MAX),
        }
    }

    fn place(&self) -> AllowanceKey {
        (self.subject.clone(), day_of(self.at))
    }
}

/// How much of each limit is used.
pub struct Allowances(BTreeMap<AllowanceKey, i64>);

impl RecordKind for Allowances {
    type Record = Allowance;
    const NAME: &'static str = "allowance";

    async fn load(tx: &mut Tx, records: &[&Allowance]) -> Result<Self, db::Fault> {
        let places: BTreeSet<AllowanceKey> = records.iter().map(|allowance| allowance.place()).collect();
        Ok(Self(store::allowances(tx, &places).await?))
    }

    fn check(&self, allowance: &Allowance) -> Verdict {
        let used = self.0.get(&allowance.place()).copied().unwrap_or(0);
        let left = allowance.most.saturating_sub(used);
        if allowance.takes > left {
            return Verdict::Refused((allowance.refuse)(allowance, left.max(0)));
        }
        Verdict::Holds
    }

    fn accept(&mut self, allowance: &Allowance) {
        *self.0.entry(allowance.place()).or_default() += allowance.takes;
    }

    async fn write(&mut self, tx: &mut Tx, accepted: &[&Allowance], _now: Time) -> Result<(), db::Fault> {
        let mut taken: BTreeMap<AllowanceKey, i64> = BTreeMap::new();
        for allowance in accepted {
            *taken.entry(allowance.place()).or_default() += allowance.takes;
        }
        let used = store::use_allowances(tx, &taken).await?;
        if used.iter().all(|(place, used)| self.0.get(place) == Some(used)) { Ok(()) } else { Err(db::Fault::Retry) }
    }
}
