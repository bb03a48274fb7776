//! Use-cases of circles.

use quanzi_openapi::circles::{Circle, CircleChange, CirclesQuery, NewCircle};
use quanzi_openapi::events::EventType;
use quanzi_openapi::id::{CircleId, PartnerId};
use quanzi_openapi::{Cursor, ErrorCode, Page, Time};

use super::model::{self, CirclePolicy};
use super::store;
use crate::platform::clock::Clock;
use crate::platform::db::{Reader, Tx};
use crate::platform::fault::Fault;
use crate::platform::outbox;

/// A new circle as a draft, not yet written.
pub async fn draft(
    tx: &mut Tx,
    clock: &Clock,
    partner: PartnerId,
    now: Time,
    new: &NewCircle,
) -> Result<Circle, Fault> {
    let operator = store::operator(tx, partner).await?;
    model::new(clock.id(), operator, new, now)
}

/// Writes a new circle. Its gate follows in the same transaction.
pub async fn create(tx: &mut Tx, partner: PartnerId, circle: &Circle) -> Result<(), Fault> {
    store::insert(tx, partner, circle).await?;
    outbox::service::record(tx, partner, circle.created_at, EventType::CircleCreated, circle)
}

/// A page of the partner's circles, newest first.
pub async fn page(tx: &mut Reader, partner: PartnerId, query: &CirclesQuery) -> Result<Page<Circle>, Fault> {
    let before: Option<CircleId> = query.cursor.as_ref().map(Cursor::position).transpose()?;
    let limit = query.limit.unwrap_or_default();
    let rows = store::page(tx, partner, before, query.status, query.category, limit).await?;
    Ok(Page::cut(rows, limit, |circle| circle.id))
}

/// The circle.
pub async fn find(tx: &mut Reader, partner: PartnerId, circle: CircleId) -> Result<Circle, Fault> {
    store::find(tx, partner, circle).await?.ok_or_else(missing)
}

/// Refuses when there is no such circle.
pub async fn must_exist(tx: &mut Reader, partner: PartnerId, circle: CircleId) -> Result<(), Fault> {
    if store::exists(tx, partner, circle).await? { Ok(()) } else { Err(missing()) }
}

/// The circle, held until the end of the transaction: nobody else changes it, joins it or publishes in it meanwhile.
pub async fn lock(tx: &mut Tx, partner: PartnerId, circle: CircleId) -> Result<Circle, Fault> {
    store::lock(tx, partner, circle).await?.ok_or_else(missing)
}

/// How the circle stands, and will until the end of the transaction; many may hold it so at once.
pub async fn lock_policy_shared(tx: &mut Tx, partner: PartnerId, circle: CircleId) -> Result<CirclePolicy, Fault> {
    store::lock_policy_shared(tx, partner, circle).await?.ok_or_else(missing)
}

/// How the circle stands now; nobody is held.
pub async fn policy(tx: &mut Reader, partner: PartnerId, circle: CircleId) -> Result<CirclePolicy, Fault> {
    store::policy(tx, partner, circle).await?.ok_or_else(missing)
}

/// The circle after a change, not yet written.
pub fn changed(before: &Circle, change: &CircleChange, now: Time) -> Result<Circle, Fault> {
    model::changed(before, change, now)
}

/// Writes a changed circle, which is locked.
pub async fn change(tx: &mut Tx, partner: PartnerId, before: &Circle, after: Circle) -> Result<Circle, Fault> {
    save(tx, partner, before, after, EventType::CircleChanged).await
}

/// Opens a circle.
pub async fn open(tx: &mut Tx, partner: PartnerId, now: Time, circle: CircleId) -> Result<Circle, Fault> {
    let before = lock(tx, partner, circle).await?;
    let after = model::opened(&before, now)?;
    save(tx, partner, &before, after, EventType::CircleOpened).await
}

/// Closes a circle, which is locked, for good.
pub async fn close(tx: &mut Tx, partner: PartnerId, now: Time, before: &Circle) -> Result<Circle, Fault> {
    save(tx, partner, before, model::closed(before, now), EventType::CircleClosed).await
}

/// Notes that another version of the gate decides now.
pub async fn put_gate(
    tx: &mut Tx,
    partner: PartnerId,
    now: Time,
    before: &Circle,
    gate_version: i64,
) -> Result<Circle, Fault> {
    let after = model::gated(before, gate_version, now)?;
    save(tx, partner, before, after, EventType::CircleChanged).await
}

async fn save(
    tx: &mut Tx,
    partner: PartnerId,
    before: &Circle,
    after: Circle,
    kind: EventType,
) -> Result<Circle, Fault> {
    if after != *before {
        store::update(tx, partner, &after).await?;
        outbox::service::record(tx, partner, after.updated_at, kind, &after)?;
    }
    Ok(after)
}

fn missing() -> Fault {
    ErrorCode::CircleNotFound.into()
}
