//! What can be done with events.

use quanzi_openapi::Time;
use quanzi_openapi::events::{EventType, Subject};
use quanzi_openapi::id::PartnerId;

use super::store;
use crate::app::App;
use crate::db::{self, Fact, Tx};
use crate::fault::Fault;
use crate::jobs;

/// Notes a fact; it is written when the transaction is committed.
pub fn record(tx: &mut Tx, partner: PartnerId, at: Time, kind: EventType, subject: &impl Subject) -> Result<(), Fault> {
    let data = serde_json::to_string(subject).map_err(Fault::internal)?;
    let (object, object_version) = (subject.object(), subject.object_version());
    tx.note(Fact { partner, kind: kind.as_str(), object, object_version, at, data });
    Ok(())
}

/// Numbers and writes what was noted, as the last thing in the transaction, commits, and wakes the readers, and the runner of
/// jobs when something is due soon.
pub async fn commit(app: &App, mut tx: Tx) -> Result<(), db::Fault> {
    let facts = tx.take_facts();
    let (has_facts, due) = (!facts.is_empty(), tx.due());
    if has_facts {
        store::append(&mut tx, &app.clock, facts).await?;
    }
    tx.commit().await?;
    if has_facts {
        app.bell.ring();
    }
    if due.is_some_and(|due| jobs::runner::is_soon(due, app.clock.now())) {
        app.wake.ring();
    }
    Ok(())
}
