//! What can be done with events.

use quanzi_openapi::apps::AppKey;
use quanzi_openapi::events::{Event, EventPage, EventType, EventsQuery, Subject};
use quanzi_openapi::id::{EventId, PartnerId};
use quanzi_openapi::{ErrorCode, Time};

use super::store::{self, Stored, Wanted};
use crate::app::App;
use crate::platform::clock::Clock;
use crate::platform::db::{self, Fact, Tx};
use crate::platform::fault::Fault;
use crate::platform::jobs;

/// Numbers that are looked at for one page of some types: a type that is rare must not have the whole log walked in one statement.
pub const SCAN_MAX: i64 = 10_000;

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
    // How far this page looks.
    let to = if query.types.is_some() { last.min(after.saturating_add(SCAN_MAX)) } else { last };
    let wanted = match (&query.object, &query.types) {
        (Some(_), Some(_)) => return Err(Fault::param("types", "ask for types or for an object, not for both")),
        (Some(object), None) => Wanted::Object(object),
        (None, Some(types)) => Wanted::Types(types.types(), to),
        (None, None) => Wanted::All,
    };
    let mut data = store::page(tx, partner, wanted, after, limit.rows_and_one()).await?;
    let is_full = data.len() > limit.rows();
    data.truncate(limit.rows());
    let seen = data.last().map_or(after, |event| event.seq);
    // With a filter everything up to there has been looked at, also what was not wanted.
    let next_after = if is_full { seen } else { seen.max(to) };
    Ok(EventPage { data, has_more: is_full || to < last, next_after })
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

/// The number of the last event in the partner's log; 0 before the first.
pub async fn last_seq(tx: &mut Tx, partner: PartnerId) -> Result<i64, db::Fault> {
    store::last(tx, partner).await
}

/// Events as they were written, for those who pass them on: after one number, up to and including another, of these types (all when
/// there are none), in order. The caller keeps the numbers close.
pub async fn part(
    tx: &mut Tx,
    partner: PartnerId,
    range: (i64, i64),
    types: &[String],
    rows_max: i64,
) -> Result<Vec<Stored>, db::Fault> {
    store::part(tx, partner, range, types, rows_max).await
}

/// The same of single events, by their numbers, in no order.
pub async fn these(
    tx: &mut Tx,
    partner: PartnerId,
    seqs: impl IntoIterator<Item = i64>,
) -> Result<Vec<Stored>, db::Fault> {
    store::these(tx, partner, seqs).await
}

/// The first event at or after this time. Times and numbers run side by side except for transactions that overlapped: so a little
/// before is searched by halving, and from there the very one.
pub async fn first_since(tx: &mut Tx, partner: PartnerId, since: Time, last_seq: i64) -> Result<i64, db::Fault> {
    let a_little_before = since.plus_seconds(-60);
    let (mut low, mut high) = (1, last_seq + 1);
    while low < high {
        let middle = low + (high - low) / 2;
        let at = store::created_at(tx, partner, middle).await?;
        if at.is_some_and(|at| at < a_little_before) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    Ok(store::first_since(tx, partner, low, since).await?.unwrap_or(last_seq + 1))
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
        app.notifier.ring(partners);
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
