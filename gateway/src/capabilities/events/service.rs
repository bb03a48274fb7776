//! Reads of the log.

use quanzi_openapi::ErrorCode;
use quanzi_openapi::events::{Event, EventPage, EventsQuery};
use quanzi_openapi::id::{EventId, PartnerId};

use crate::platform::Platform;
use crate::platform::db::Reader;
use crate::platform::fault::Fault;
use crate::platform::outbox::store::{self, EventFilter, SCAN_MAX};

/// A part of the log, in order.
pub async fn page(
    platform: &Platform,
    tx: &mut Reader,
    partner: PartnerId,
    query: &EventsQuery,
) -> Result<EventPage, Fault> {
    let after = query.after.unwrap_or(0);
    let limit = query.limit.unwrap_or_default();
    // Read before the page: what is committed meanwhile must not be skipped.
    let last = store::last(tx, partner).await?;
    check_place(platform, partner, "after", after, last).await?;
    // How far this page looks.
    let to = if query.types.is_some() { last.min(after.saturating_add(SCAN_MAX)) } else { last };
    let wanted = match (&query.object, &query.types) {
        (Some(_), Some(_)) => return Err(Fault::param("types", "filter by types or by object, not by both")),
        (Some(object), None) => EventFilter::Object(object),
        (None, Some(types)) => EventFilter::Types(types.types(), to),
        (None, None) => EventFilter::All,
    };
    let mut data = store::page(tx, partner, wanted, after, limit.rows_and_one()).await?;
    let is_full = data.len() > limit.rows();
    data.truncate(limit.rows());
    let seen = data.last().map_or(after, |event| event.seq);
    // With a filter everything up to there has been looked at, also what was not wanted.
    let next_after = if is_full { seen } else { seen.max(to) };
    Ok(EventPage { data, has_more: is_full || to < last, next_after })
}

/// A position must be in the log: a reader with the number of a different gateway would wait forever. `last` may
/// come from a replica that lags behind.
pub async fn check_place(
    platform: &Platform,
    partner: PartnerId,
    name: &'static str,
    after: i64,
    last: i64,
) -> Result<(), Fault> {
    if after < 0 {
        return Err(Fault::param(name, "expected the sequence number of an event, or 0"));
    }
    if after <= last {
        return Ok(());
    }
    let last = store::last(&mut platform.db.reading_newest().await?, partner).await?;
    if after <= last {
        return Ok(());
    }
    let detail = format!("your log ends with {last}; is this the number of another gateway, or of another partner?");
    Err(Fault::param(name, detail))
}

/// The event.
pub async fn find(tx: &mut Reader, partner: PartnerId, event: EventId) -> Result<Event, Fault> {
    store::find(tx, partner, event).await?.ok_or_else(|| ErrorCode::EventNotFound.into())
}
