//! What can be done with events.

use quanzi_openapi::apps::AppKey;
use quanzi_openapi::events::{Event, EventPage, EventType, EventsQuery, Subject};
use quanzi_openapi::id::{EventId, PartnerId};
use quanzi_openapi::{ErrorCode, Time};

use super::store::{self, Wanted};
use crate::app::App;
use crate::clock::Clock;
use crate::db::{self, Fact, Tx};
use crate::fault::Fault;
use crate::jobs;

/// Notes a fact; it is written when the transaction is committed.
pub fn record(tx: &mut Tx, partner: PartnerId, at: Time, kind: EventType, subject: &impl Subject) -> Result<(), Fault> {
    tx.note(fact(partner, at, kind, subject)?);
    Ok(())
}

/// Notes a fact about a key: it has no version of its own, as it is added once and removed once.
pub fn record_key(tx: &mut Tx, partner: PartnerId, at: Time, kind: EventType, key: &AppKey) -> Result<(), Fault> {
    let data = serde_json::to_string(key).map_err(Fault::internal)?;
    let object_version = if kind == EventType::AppKeyRemoved { 2 } else { 1 };
    tx.note(Fact { partner, kind: kind.as_str(), object: key.kid.clone(), object_version, at, data });
    Ok(())
}

/// A fact, for those who are not in a transaction yet.
pub fn fact(partner: PartnerId, at: Time, kind: EventType, subject: &impl Subject) -> Result<Fact, Fault> {
    let data = serde_json::to_string(subject).map_err(Fault::internal)?;
    let (object, object_version) = (subject.object(), subject.object_version());
    Ok(Fact { partner, kind: kind.as_str(), object, object_version, at, data })
}

/// A part of the log, in order.
pub async fn page(app: &App, tx: &mut Tx, partner: PartnerId, query: &EventsQuery) -> Result<EventPage, Fault> {
    let after = query.after.unwrap_or(0);
    let limit = query.limit.unwrap_or_default();
    // Read before the page: what is committed meanwhile must not be skipped.
    let last = store::last(tx, partner).await?;
    check_place(app, partner, "after", after, last).await?;
    let wanted = match (&query.object, &query.types) {
        (Some(_), Some(_)) => return Err(Fault::param("types", "ask for types or for an object, not for both")),
        (Some(object), None) => Wanted::Object(object),
        (None, Some(types)) => Wanted::Types(types.types()),
        (None, None) => Wanted::All,
    };
    let mut data = store::page(tx, partner, wanted, after, limit.rows_and_one()).await?;
    let has_more = data.len() > limit.rows();
    data.truncate(limit.rows());
    let seen = data.last().map_or(after, |event| event.seq);
    // With a filter everything up to the last number has been looked at, also what was not wanted.
    let next_after = if has_more { seen } else { seen.max(last) };
    Ok(EventPage { data, has_more, next_after })
}

/// A place to read on from must be in the log: whoever comes with the number of another gateway would wait for ever. `last` may
/// come from a replica that lags behind.
pub async fn check_place(
    app: &App,
    partner: PartnerId,
    name: &'static str,
    after: i64,
    last: i64,
) -> Result<(), Fault> {
    if after < 0 {
        return Err(Fault::param(name, "expected the number of an event, or 0"));
    }
    if after <= last {
        return Ok(());
    }
    let last = store::last(&mut app.db.reading_newest().await?, partner).await?;
    if after <= last {
        return Ok(());
    }
    let detail = format!("your log ends with {last}; is this the number of another gateway, or of another partner?");
    Err(Fault::param(name, detail))
}

/// The event.
pub async fn find(tx: &mut Tx, partner: PartnerId, event: EventId) -> Result<Event, Fault> {
    store::find(tx, partner, event).await?.ok_or_else(|| ErrorCode::EventNotFound.into())
}

/// Numbers and writes what was noted, as the last thing in the transaction, commits, and wakes the readers, and the runner of
/// jobs when something is due soon.
pub async fn commit(app: &App, mut tx: Tx) -> Result<(), db::Fault> {
    let partners = write(&mut tx, &app.clock).await?;
    let due = tx.due();
    tx.commit().await?;
    if !partners.is_empty() {
        app.bell.ring(partners);
    }
    if due.is_some_and(|due| jobs::runner::is_soon(due, app.clock.now())) {
        app.wake.ring();
    }
    Ok(())
}

/// Numbers and writes what was noted; gives back in whose logs. Nothing but the commit may follow.
pub async fn write(tx: &mut Tx, clock: &Clock) -> Result<Vec<PartnerId>, db::Fault> {
    let facts = tx.take_facts();
    if facts.is_empty() {
        return Ok(Vec::new());
    }
    store::append(tx, clock, facts).await
}
