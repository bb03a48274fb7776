//! What can be done with events.

use quanzi_openapi::Time;
use quanzi_openapi::events::{EventType, Subject};
use quanzi_openapi::id::PartnerId;

use super::store;
use crate::app::App;
use crate::db::{self, Fact, Tx};
use crate::fault::Fault;

/// Notes a fact; it is written when the transaction is committed.
pub fn record(tx: &mut Tx, partner: PartnerId, at: Time, kind: EventType, subject: &impl Subject) -> Result<(), Fault> {
    tx.note(fact(partner, at, kind, subject)?);
    Ok(())
}

/// A fact, for those who are not in a transaction yet.
pub fn fact(partner: PartnerId, at: Time, kind: EventType, subject: &impl Subject) -> Result<Fact, Fault> {
    let data = serde_json::to_string(subject).map_err(Fault::internal)?;
    let (object, object_version) = (subject.object(), subject.object_version());
    Ok(Fact { partner, kind: kind.as_str(), object, object_version, at, data })
}

/// Numbers and writes what was noted, as the last thing in the transaction, commits, and wakes the readers.
pub async fn commit(app: &App, mut tx: Tx) -> Result<(), db::Fault> {
    let facts = tx.take_facts();
    if facts.is_empty() {
        return tx.commit().await;
    }
    store::append(&mut tx, &app.clock, facts).await?;
    tx.commit().await?;
    app.bell.ring();
    Ok(())
}
