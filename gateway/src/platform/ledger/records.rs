//! All records of a batch, kind by kind.

use std::collections::BTreeMap;

use quanzi_openapi::Time;

use super::order::LedgerOrder;
use super::record::{RecordOrder, Room, Stage, Verdict};
use crate::platform::db::{self, Tx};
use crate::platform::fault::Fault;

/// All records of a batch.
pub(super) struct Records<'o>(BTreeMap<RecordOrder, Box<dyn Room<'o> + 'o>>);

impl<'o> Records<'o> {
    /// Those of these orders; nothing is loaded.
    pub fn gather(orders: &[&'o LedgerOrder]) -> Self {
        let mut rooms: BTreeMap<RecordOrder, Box<dyn Room<'o> + 'o>> = BTreeMap::new();
        for record in orders.iter().flat_map(|order| order.records()) {
            rooms.entry(record.0.place()).or_insert_with(|| record.0.room()).gather(record.0.value());
        }
        Self(rooms)
    }

    /// Loads the kinds of a stage, one after another in their order.
    pub async fn load(&mut self, tx: &mut Tx, stage: Stage) -> Result<(), db::Fault> {
        for (_, room) in self.0.iter_mut().filter(|((at, ..), _)| *at == stage) {
            room.load(tx).await?;
        }
        Ok(())
    }

    /// The first thing that any of an order's records has against it, in the order in which they were added.
    pub fn check(&self, order: &LedgerOrder) -> Verdict {
        let verdicts = order.records().iter().map(|record| match self.0.get(&record.0.place()) {
            Some(room) => room.check(record.0.value()),
            None => Verdict::Refused(Fault::internal("a record of an order that is not in the batch")),
        });
        verdicts.into_iter().find(|verdict| !matches!(verdict, Verdict::Holds)).unwrap_or(Verdict::Holds)
    }

    /// Counts the records of an order that is accepted.
    pub fn accept(&mut self, order: &'o LedgerOrder) {
        for record in order.records() {
            if let Some(room) = self.0.get_mut(&record.0.place()) {
                room.accept(record.0.value());
            }
        }
    }

    /// Writes what was accepted, kind by kind.
    pub async fn write(&mut self, tx: &mut Tx, now: Time) -> Result<(), db::Fault> {
        for room in self.0.values_mut() {
            room.write(tx, now).await?;
        }
        Ok(())
    }
}
