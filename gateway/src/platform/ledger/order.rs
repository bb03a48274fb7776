//! An order: transfers, and everything that is written together with them.

use quanzi_openapi::Time;
use quanzi_openapi::id::{AccountId, MandateId, PartnerId, PaymentId};
use quanzi_openapi::payments::MerchantReference;

use super::model::{self, NewTransfer, Standing};
use crate::capabilities::payments::{RecordWrite, TipChange};
use crate::edge::{Answer, IdempotencyEntry};
use crate::platform::db::Fact;
use crate::platform::jobs::{Job, JobKind};

/// What is to be posted.
///
/// Nothing of it needs the outcome: ids, times, versions and the answer are settled before. What was read for it and may have
/// changed since is named in `versions` and `seen`; when it did change, the order is refused as [`Refused::Moved`] and the use-case
/// reads anew.
#[derive(Debug, Clone)]
pub struct Order {
    /// Whose log and books.
    pub partner: PartnerId,
    /// The time of the call.
    pub now: Time,
    /// Signature and idempotency key of the call, with the answer to be saved; none for work of our own.
    pub claim: Option<IdempotencyEntry>,
    /// What the transfers are for: the id of a payment, refund or fan.
    pub object: String,
    /// Posted whole or not at all, in this order.
    pub transfers: Vec<NewTransfer>,
    /// Limits it uses.
    pub allowances: Vec<Allowance>,
    /// Objects that must still have the version that was read.
    pub versions: Vec<(Versioned, i64)>,
    /// An account that must still stand as the answer says.
    pub seen: Option<(AccountId, Standing)>,
    /// The partner's own number of a new payment.
    pub merchant_reference: Option<MerchantReference>,
    /// Rows of payments and refunds.
    pub records: Vec<RecordWrite>,
    /// What tips it adds or takes off.
    pub tip: Option<TipChange>,
    /// Facts for the log.
    pub facts: Vec<Fact>,
    /// Jobs to enqueue.
    pub jobs: Vec<Job>,
    /// Jobs that are not to be done after all.
    pub cancelled: Vec<(JobKind, String)>,
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
    pub fn spring(orders: &[&Order], now: Self) {
        assert!(orders.iter().all(|order| order.trap != Some(now)), "a trap in a batch: {now:?}");
    }
}

impl Order {
    /// An order without anything in it.
    pub fn new(partner: PartnerId, now: Time, object: impl ToString) -> Self {
        Self {
            partner,
            now,
            claim: None,
            object: object.to_string(),
            transfers: Vec::new(),
            allowances: Vec::new(),
            versions: Vec::new(),
            seen: None,
            merchant_reference: None,
            records: Vec::new(),
            tip: None,
            facts: Vec::new(),
            jobs: Vec::new(),
            cancelled: Vec::new(),
            #[cfg(test)]
            trap: None,
        }
    }
}

/// An object that an order was made for as it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Versioned {
    /// A payment.
    Payment(PartnerId, PaymentId),
    /// A mandate.
    Mandate(PartnerId, MandateId),
}

/// A part of a daily limit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Allowance {
    /// Which limit.
    pub limit: LimitName,
    /// Whose limit, and which: an id, with a currency where it has several.
    pub subject: String,
    /// Days since 1970, UTC.
    pub day: i64,
    /// How much this takes.
    pub takes: i64,
    /// How much there is in a day.
    pub most: i64,
}

/// A daily limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LimitName {
    /// What a fan may pay one partner.
    FanPerDay,
    /// What may be charged within a mandate.
    MandatePerDay,
}

/// What became of an order.
#[derive(Debug, Clone)]
pub enum Outcome {
    /// It was written.
    Posted,
    /// It was written before: this was the answer.
    Again(Answer),
    /// It was refused; nothing was written.
    Refused(Refused),
}

/// Why an order was refused.
#[derive(Debug, Clone, PartialEq)]
pub enum Refused {
    /// The transfers were.
    Transfers(model::Refused),
    /// A limit is used up.
    Allowance {
        /// Which.
        allowance: Allowance,
        /// How much is left of it.
        left: i64,
    },
    /// Something it was made for has changed: read it anew.
    Moved,
    /// The partner has a payment under this number.
    MerchantReferenceTaken(PaymentId),
    /// The idempotency key belongs to another request.
    KeyReused,
    /// The signature was used before.
    NonceReplayed,
}
