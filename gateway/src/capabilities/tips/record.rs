//! What payments add to tips, written by the ledger's poster together with the payments.

use quanzi_openapi::Time;

use super::change::TipChange;
use super::store;
use crate::platform::db::{Fault, Tx};
use crate::platform::ledger::RecordKind;

/// Sums of tips: nothing is read before they are written, as they only ever add.
pub struct TipSums;

impl RecordKind for TipSums {
    type Record = TipChange;
    const NAME: &'static str = "tip_total";

    async fn load(_tx: &mut Tx, _changes: &[&TipChange]) -> Result<Self, Fault> {
        Ok(Self)
    }

    async fn write(&mut self, tx: &mut Tx, accepted: &[&TipChange], _now: Time) -> Result<(), Fault> {
        store::add_tips(tx, accepted).await
    }
}
