//! All SQL of events.

use std::collections::BTreeMap;

use quanzi_openapi::id::{EventId, PartnerId};

use crate::clock::Clock;
use crate::db::{Fact, Fault, List, Sql, Tx};
use crate::sql;

// The partners in order, so that two transactions with facts of the same partners wait for each other instead of dying.
const TAKE_NUMBERS: Sql = sql!(
    "insert into event_log (partner_id, last_seq) \
     select value ->> 0, cast(value ->> 1 as bigint) from json_each($1) where true order by key \
     on conflict (partner_id) do update set last_seq = event_log.last_seq + excluded.last_seq \
     returning partner_id, last_seq"
);
const APPEND: Sql = sql!(
    "insert into event (partner_id, seq, id, type, object, object_version, created_at, data) \
     select value ->> 0, cast(value ->> 1 as bigint), value ->> 2, value ->> 3, value ->> 4, \
     cast(value ->> 5 as bigint), cast(value ->> 6 as bigint), value ->> 7 from json_each($1) where true"
);

/// Gives the facts their numbers and writes them. The partners' counters stay held until the end of the transaction.
pub async fn append(tx: &mut Tx, clock: &Clock, facts: Vec<Fact>) -> Result<(), Fault> {
    let mut counts: BTreeMap<PartnerId, i64> = BTreeMap::new();
    for fact in &facts {
        *counts.entry(fact.partner).or_default() += 1;
    }
    let rows: Vec<(String, i64)> = tx.query(TAKE_NUMBERS).bind(List::rows(&counts)).all().await?;
    let mut next = BTreeMap::new();
    for (partner, last) in rows {
        let partner: PartnerId = partner.parse().map_err(|error| Fault::Other(Box::new(error)))?;
        next.insert(partner, last - counts.get(&partner).copied().unwrap_or(0));
    }
    let rows = facts.into_iter().map(|fact| {
        let seq = next.entry(fact.partner).or_default();
        *seq += 1;
        let id: EventId = clock.id();
        let (at, kind) = (fact.at.micros(), fact.kind);
        (fact.partner, *seq, id, kind, fact.object, fact.object_version, at, fact.data)
    });
    let rows = List::rows(rows);
    tx.query(APPEND).bind(rows).run().await?;
    Ok(())
}
