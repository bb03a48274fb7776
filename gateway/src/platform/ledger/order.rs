//! An order: transfers, and everything that is written together with them.

use quanzi_openapi::id::{AccountId, PartnerId};
use quanzi_openapi::{ErrorCode, Time};

use super::model::{AccountState, NewTransfer, TransferRefusal};
use super::record::{AnyRecord, RecordKind, Replay};
use crate::platform::db::Fact;
use crate::platform::fault::Fault;
use crate::platform::jobs::{Job, JobKind};

/// What is to be posted.
///
/// Nothing of it needs the outcome: ids, times, versions and the reply are settled before. What was read for it and may have
/// changed since is named in its records and in `seen`; when it did change, the order is refused as [`LedgerRefusal::Moved`] and
/// the use-case reads anew.
#[derive(Debug, Clone)]
pub struct LedgerOrder {
    /// Whose log and books.
    pub partner: PartnerId,
    /// The time of the call.
    pub now: Time,
    /// What the transfers are for: an id.
    pub object: String,
    /// Posted whole or not at all, in this order.
    pub transfers: Vec<NewTransfer>,
    /// An account that must still be as the reply says.
    pub seen: Option<(AccountId, AccountState)>,
    /// Facts for the log.
    pub facts: Vec<Fact>,
    /// Jobs to enqueue.
    pub jobs: Vec<Job>,
    /// Jobs that are not to be done after all.
    pub cancelled: Vec<(JobKind, String)>,
    /// What is checked and written with the transfers.
    records: Vec<AnyRecord>,
    /// Where the batch panics that holds it.
    #[cfg(test)]
    pub trap: Option<Trap>,
}

/// A moment of a batch, for tests of what a panic leaves behind.
#[cfg(test)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trap {
    /// Everything is written and nothing committed.
    Written,
    /// Everything is committed and nobody answered.
    Committed,
}

#[cfg(test)]
impl Trap {
    /// Panics when one of the orders wants it now.
    pub fn spring(orders: &[&LedgerOrder], now: Self) {
        assert!(orders.iter().all(|order| order.trap != Some(now)), "a trap in a batch: {now:?}");
    }
}

impl LedgerOrder {
    /// An order without anything in it.
    pub fn new(partner: PartnerId, now: Time, object: impl ToString) -> Self {
        Self {
            partner,
            now,
            object: object.to_string(),
            transfers: Vec::new(),
            seen: None,
            facts: Vec::new(),
            jobs: Vec::new(),
            cancelled: Vec::new(),
            records: Vec::new(),
            #[cfg(test)]
            trap: None,
        }
    }

    /// Adds a record. Of several that are against the order, the first added says why it is refused.
    pub fn add<K: RecordKind>(&mut self, record: K::Record) {
        self.records.push(AnyRecord::new::<K>(record));
    }

    /// Adds a record that is asked before all others: whether the order was executed before.
    pub fn add_first<K: RecordKind>(&mut self, record: K::Record) {
        self.records.insert(0, AnyRecord::new::<K>(record));
    }

    pub(super) fn records(&self) -> &[AnyRecord] {
        &self.records
    }
}

/// What became of an order.
#[derive(Debug)]
pub enum LedgerOutcome {
    /// It was written.
    Posted,
    /// It was written before, and this came of it then.
    Replayed(Replay),
    /// It was refused; nothing was written.
    Refused(LedgerRefusal),
}

/// Why an order was refused.
#[derive(Debug)]
pub enum LedgerRefusal {
    /// Something it was made for has changed: read it anew.
    Moved,
    /// A record was against it.
    Record(Fault),
    /// The transfers cannot be made.
    Transfers(TransferRefusal),
}

/// What a call that moves money wants: an order, and the reply when it is posted.
#[derive(Debug)]
pub struct LedgerCommand<R> {
    /// What is to be posted.
    pub order: LedgerOrder,
    /// The reply then: it is saved and sent only when the order was posted.
    pub reply: R,
    /// What the caller is told when its transfers are refused.
    pub explain: fn(TransferRefusal) -> Fault,
}

impl LedgerRefusal {
    /// What the caller is told.
    pub fn fault(self, explain: fn(TransferRefusal) -> Fault) -> Fault {
        match self {
            Self::Moved => ErrorCode::Overloaded.into(),
            Self::Record(fault) => fault,
            Self::Transfers(refusal) => explain(refusal),
        }
    }
}
