//! All SQL of events.

use std::collections::BTreeMap;

use quanzi_openapi::Time;
use quanzi_openapi::events::{Event, EventType};
use quanzi_openapi::id::{EventId, PartnerId};
use sqlx::FromRow;

use crate::platform::clock::Clock;
use crate::platform::db::{As, Fact, Fault, List, Reader, Sql, Tx};
use crate::sql;

/// Numbers that are looked at for one page of some types: a type that is rare must not have the whole log walked in one statement.
pub const SCAN_MAX: i64 = 10_000;
const TAKE_NUMBERS: Sql = sql!(
    "insert into event_log (partner_id, last_seq) values ($1, $2) \
     on conflict (partner_id) do update set last_seq = event_log.last_seq + excluded.last_seq returning last_seq"
);
// From the log's own row, which the statement before has written: an engine that shards by partner then sees whose rows these are, and
// writes them where they belong instead of by way of its coordinator.
const APPEND: Sql = sql!(
    "insert into event (partner_id, seq, id, type, object, object_version, created_at, data) \
     select l.partner_id, cast(value ->> 0 as bigint), value ->> 1, value ->> 2, value ->> 3, \
     cast(value ->> 4 as bigint), cast(value ->> 5 as bigint), value ->> 6 from event_log l, json_each($2) where l.partner_id = $1"
);

macro_rules! columns {
    () => {
        "select id, seq, type, object, object_version, created_at, data from event "
    };
}
// One range of an index each. Of types it is the numbers from one to another, which the caller keeps close: those of a rare type may be
// hundreds of thousands apart, and both engines walk there by number.
const PAGE: Sql = sql!(columns!(), "where partner_id = $1 and seq > $2 order by seq limit $3");
const PAGE_OF_OBJECT: Sql =
    sql!(columns!(), "where partner_id = $1 and object = $4 and seq > $2 order by seq limit $3");
const PAGE_OF_TYPES: Sql = sql!(
    columns!(),
    "where partner_id = $1 and seq > $2 and seq <= $4 and type in (select value ->> 0 from json_each($5)) order by seq limit $3"
);
const RANGE: Sql = sql!(columns!(), "where partner_id = $1 and seq > $2 and seq <= $4 order by seq limit $3");
const BY_SEQ: Sql =
    sql!(columns!(), "where partner_id = $1 and seq in (select cast(value ->> 0 as bigint) from json_each($2))");
const FIND: Sql = sql!(columns!(), "where partner_id = $1 and id = $2");
const CREATED_AT: Sql = sql!("select created_at from event where partner_id = $1 and seq = $2");
const FIRST_SINCE: Sql =
    sql!("select seq from event where partner_id = $1 and seq >= $2 and created_at >= $3 order by seq limit 1");
const LAST: Sql = sql!("select last_seq from event_log where partner_id = $1");

/// An event as it was written, its data byte for byte.
#[derive(Debug, Clone, FromRow)]
pub struct Stored {
    /// Its id.
    #[sqlx(try_from = "As<EventId>")]
    pub id: EventId,
    /// Its number.
    pub seq: i64,
    /// Its type, as on the wire.
    #[sqlx(rename = "type")]
    pub kind: String,
    /// The object's id.
    pub object: String,
    /// The object's version after the change.
    pub object_version: i64,
    /// When it happened.
    #[sqlx(try_from = "As<Time>")]
    pub created_at: Time,
    /// The object as JSON.
    pub data: String,
}

impl Stored {
    fn event(self) -> Result<Event, Fault> {
        let broken = |cause: serde_json::Error| Fault::Other(cause.into());
        Ok(Event {
            id: self.id,
            seq: self.seq,
            // A type of a newer gateway stays what it is.
            r#type: serde_json::from_value(self.kind.into()).map_err(broken)?,
            object: self.object,
            object_version: self.object_version,
            created_at: self.created_at,
            data: serde_json::from_str(&self.data).map_err(broken)?,
        })
    }
}

/// Which events a page is about.
#[derive(Debug, Clone, Copy)]
pub enum EventFilter<'w> {
    /// All of them.
    All,
    /// Those about this object.
    Object(&'w str),
    /// Those of these types, up to a number.
    Types(&'w [EventType], i64),
}

/// Events after this number, in order.
pub async fn page(
    tx: &mut Reader,
    partner: PartnerId,
    wanted: EventFilter<'_>,
    after: i64,
    rows: i64,
) -> Result<Vec<Event>, Fault> {
    let query = |tx, sql| Reader::query(tx, sql).bind(partner).bind(after).bind(rows);
    let rows: Vec<Stored> = match wanted {
        EventFilter::All => query(tx, PAGE).all().await?,
        EventFilter::Object(object) => query(tx, PAGE_OF_OBJECT).bind(object).all().await?,
        EventFilter::Types(types, to) => query(tx, PAGE_OF_TYPES).bind(to).bind(List::of(types)).all().await?,
    };
    rows.into_iter().map(Stored::event).collect()
}

/// Events after one number, up to and including another, of these types (all when there are none).
pub async fn range(
    tx: &mut Reader,
    partner: PartnerId,
    (after, to): (i64, i64),
    types: &[String],
    rows: i64,
) -> Result<Vec<Stored>, Fault> {
    if types.is_empty() {
        return tx.query(RANGE).bind(partner).bind(after).bind(rows).bind(to).all().await;
    }
    let part = tx.query(PAGE_OF_TYPES).bind(partner).bind(after).bind(rows).bind(to);
    part.bind(List::of(types)).all().await
}

/// The events with these numbers, in no order.
pub async fn by_seq(
    tx: &mut Reader,
    partner: PartnerId,
    seqs: impl IntoIterator<Item = i64>,
) -> Result<Vec<Stored>, Fault> {
    tx.query(BY_SEQ).bind(partner).bind(List::of(seqs)).all().await
}

/// The event.
pub async fn find(tx: &mut Reader, partner: PartnerId, event: EventId) -> Result<Option<Event>, Fault> {
    let row: Option<Stored> = tx.query(FIND).bind(partner).bind(event).optional().await?;
    row.map(Stored::event).transpose()
}

/// The last number of the partner's log; 0 before the first.
pub async fn last(tx: &mut Reader, partner: PartnerId) -> Result<i64, Fault> {
    let row: Option<(i64,)> = tx.query(LAST).bind(partner).optional().await?;
    Ok(row.map_or(0, |(last,)| last))
}

/// When the event with this number was written, if there is one.
pub async fn created_at(tx: &mut Reader, partner: PartnerId, seq: i64) -> Result<Option<Time>, Fault> {
    let row: Option<(i64,)> = tx.query(CREATED_AT).bind(partner).bind(seq).optional().await?;
    Ok(row.map(|(micros,)| Time::from_micros(micros)))
}

/// The first event from this number on that was written at this time or later.
pub async fn first_since(tx: &mut Reader, partner: PartnerId, from: i64, since: Time) -> Result<Option<i64>, Fault> {
    let row: Option<(i64,)> = tx.query(FIRST_SINCE).bind(partner).bind(from).bind(since).optional().await?;
    Ok(row.map(|(seq,)| seq))
}

/// Locks the partner's log, which is made when there is none yet.
pub async fn lock(tx: &mut Tx, partner: PartnerId) -> Result<(), Fault> {
    tx.query(TAKE_NUMBERS).bind(partner).bind(0_i64).one::<(i64,)>().await?;
    Ok(())
}

/// Gives the facts their numbers and writes them; gives back in whose logs. The partners' counters stay held until the end of the
/// transaction.
pub async fn append(tx: &mut Tx, clock: &Clock, facts: Vec<Fact>) -> Result<Vec<PartnerId>, Fault> {
    // The partners in order, so that two transactions with facts of the same partners wait for each other instead of dying. It is one
    // partner, but for what a person does about several.
    let mut logs: BTreeMap<PartnerId, Vec<Fact>> = BTreeMap::new();
    for fact in facts {
        logs.entry(fact.partner).or_default().push(fact);
    }
    let partners = logs.keys().copied().collect();
    for (partner, facts) in logs {
        let count = i64::try_from(facts.len()).unwrap_or(i64::MAX);
        let (last,): (i64,) = tx.query(TAKE_NUMBERS).bind(partner).bind(count).one().await?;
        let rows = (last - count + 1..).zip(facts).map(|(seq, fact)| {
            let id: EventId = clock.id();
            let (at, kind) = (fact.at.micros(), fact.kind);
            (seq, id, kind, fact.object, fact.object_version, at, fact.data)
        });
        tx.query(APPEND).bind(partner).bind(List::rows(rows)).run().await?;
    }
    Ok(partners)
}
