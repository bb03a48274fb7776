//! What payments have checked and written by the ledger's poster together with their transfers.

use std::collections::{BTreeSet, HashMap};

use quanzi_openapi::id::{PartnerId, PaymentId};
use quanzi_openapi::payments::MerchantReference;
use quanzi_openapi::{ErrorCode, Time};

use super::model::{PaymentRow, RefundRow};
use super::store;
use crate::platform::db::{self, Tx};
use crate::platform::fault::Fault;
use crate::platform::ledger::{RecordKind, Verdict};

/// A payment that an order changes: it must still have this version, and has the next one afterwards.
#[derive(Debug)]
pub struct PaymentVersion {
    pub partner: PartnerId,
    pub payment: PaymentId,
    pub version: i64,
}

impl PaymentVersion {
    /// That of the payment as it was read.
    pub const fn of(row: &PaymentRow) -> Self {
        Self { partner: row.partner_id, payment: row.id, version: row.version }
    }

    const fn key(&self) -> (PartnerId, PaymentId) {
        (self.partner, self.payment)
    }
}

/// The versions of payments, which are locked.
pub struct PaymentVersions(HashMap<(PartnerId, PaymentId), i64>);

impl RecordKind for PaymentVersions {
    type Record = PaymentVersion;
    const NAME: &'static str = "payment";

    async fn load(tx: &mut Tx, records: &[&PaymentVersion]) -> Result<Self, db::Fault> {
        let payments: BTreeSet<_> = records.iter().map(|record| record.key()).collect();
        Ok(Self(store::lock_versions(tx, &payments).await?.into_iter().collect()))
    }

    fn check(&self, record: &PaymentVersion) -> Verdict {
        if self.0.get(&record.key()) == Some(&record.version) { Verdict::Holds } else { Verdict::Moved }
    }

    fn accept(&mut self, record: &PaymentVersion) {
        self.0.insert(record.key(), record.version + 1);
    }
}

/// A merchant reference that a new payment takes.
#[derive(Debug)]
pub struct TakenReference {
    pub partner: PartnerId,
    pub reference: MerchantReference,
    pub payment: PaymentId,
}

/// The merchant references that are taken, and by what.
pub struct TakenReferences(HashMap<(PartnerId, String), PaymentId>);

impl RecordKind for TakenReferences {
    type Record = TakenReference;
    const NAME: &'static str = "payment_reference";

    async fn load(tx: &mut Tx, records: &[&TakenReference]) -> Result<Self, db::Fault> {
        let references: BTreeSet<_> =
            records.iter().map(|record| (record.partner, record.reference.as_str())).collect();
        Ok(Self(store::references(tx, &references).await?.into_iter().collect()))
    }

    fn check(&self, record: &TakenReference) -> Verdict {
        match self.0.get(&(record.partner, record.reference.to_string())) {
            None => Verdict::Holds,
            Some(payment) => {
                let detail = format!("Payment {payment} already has this merchant_reference.");
                Verdict::Refused(Fault::new(ErrorCode::MerchantReferenceTaken).detail(detail))
            }
        }
    }

    fn accept(&mut self, record: &TakenReference) {
        self.0.insert((record.partner, record.reference.to_string()), record.payment);
    }
}

/// A row of a payment to be written.
#[derive(Debug, Clone)]
pub enum PaymentWrite {
    /// One that is new.
    New(PaymentRow),
    /// One that changed.
    Changed(PaymentRow),
}

impl PaymentWrite {
    /// The payment as it will be.
    pub const fn row(&self) -> &PaymentRow {
        match self {
            Self::New(row) | Self::Changed(row) => row,
        }
    }
}

/// Rows of payments to be written.
pub struct PaymentWrites;

impl RecordKind for PaymentWrites {
    type Record = PaymentWrite;
    const NAME: &'static str = "payment_row";

    async fn load(_tx: &mut Tx, _records: &[&PaymentWrite]) -> Result<Self, db::Fault> {
        Ok(Self)
    }

    async fn write(&mut self, tx: &mut Tx, accepted: &[&PaymentWrite], _now: Time) -> Result<(), db::Fault> {
        let (mut new, mut changed) = (Vec::new(), Vec::new());
        for write in accepted {
            match write {
                PaymentWrite::New(row) => new.push(row),
                PaymentWrite::Changed(row) => changed.push(row),
            }
        }
        if !new.is_empty() {
            store::add(tx, &new).await?;
        }
        if changed.is_empty() { Ok(()) } else { store::put(tx, &changed).await }
    }
}

/// Rows of refunds to be written.
pub struct RefundWrites;

impl RecordKind for RefundWrites {
    type Record = (PartnerId, RefundRow);
    const NAME: &'static str = "refund";

    async fn load(_tx: &mut Tx, _records: &[&Self::Record]) -> Result<Self, db::Fault> {
        Ok(Self)
    }

    async fn write(&mut self, tx: &mut Tx, accepted: &[&Self::Record], _now: Time) -> Result<(), db::Fault> {
        store::add_refunds(tx, accepted.iter().map(|(partner, row)| (*partner, row))).await
    }
}
