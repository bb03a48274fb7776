//! Use-cases of events.

use quanzi_openapi::Time;
use quanzi_openapi::apps::AppKey;
use quanzi_openapi::events::{EventType, Subject};
use quanzi_openapi::id::PartnerId;

use super::store::{self, Stored};
use crate::platform::Platform;
use crate::platform::clock::Clock;
use crate::platform::db::{self, Fact, Reader, Tx};
use crate::platform::fault::Fault;
use crate::platform::jobs;

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

/// The number of the last event in the partner's log; 0 before the first.
pub async fn last_seq(tx: &mut Reader, partner: PartnerId) -> Result<i64, db::Fault> {
    store::last(tx, partner).await
}

/// Events as they were written, for those who pass them on: after one number, up to and including another, of these types (all when
/// there are none), in order. The caller keeps the numbers close.
pub async fn range(
    tx: &mut Reader,
    partner: PartnerId,
    range: (i64, i64),
    types: &[String],
    rows_max: i64,
) -> Result<Vec<Stored>, db::Fault> {
    store::range(tx, partner, range, types, rows_max).await
}

/// The same of single events, by their numbers, in no order.
pub async fn by_seq(
    tx: &mut Reader,
    partner: PartnerId,
    seqs: impl IntoIterator<Item = i64>,
) -> Result<Vec<Stored>, db::Fault> {
    store::by_seq(tx, partner, seqs).await
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

/// Locks the partner's log until the end of the transaction, and with it whatever is to be done one after the other for a partner: each
/// change ends with the log. First in the transaction, because every other locks it last.
pub async fn lock(tx: &mut Tx, partner: PartnerId) -> Result<(), db::Fault> {
    store::lock(tx, partner).await
}

/// Numbers and writes what was noted, as the last thing in the transaction, commits, and wakes the readers, and the runner of
/// jobs when something is due soon.
pub async fn commit(platform: &Platform, mut tx: Tx) -> Result<(), db::Fault> {
    let partners = write(&mut tx, &platform.clock).await?;
    let due = tx.due();
    tx.commit().await?;
    if !partners.is_empty() {
        platform.notifier.notify(partners);
    }
    if due.is_some_and(|due| jobs::is_soon(due, platform.clock.now())) {
        platform.wake.notify();
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
