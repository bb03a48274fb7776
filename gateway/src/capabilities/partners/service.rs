//! Use-cases of partners.

use quanzi_openapi::circles::CircleOperator;
use quanzi_openapi::events::EventType;
use quanzi_openapi::id::PartnerId;
use quanzi_openapi::partners::{LegalName, Partner, PartnerChange, PartnerName};
use quanzi_openapi::{ErrorCode, Time};

use crate::platform::clock::Clock;
use crate::platform::db::{self, Reader, Tx};
use crate::platform::fault::Fault;
use crate::platform::outbox;

use super::store;

/// The partner. A caller's own partner is always there, so its absence is an internal error.
pub async fn get(tx: &mut Reader, partner: PartnerId) -> Result<Partner, Fault> {
    Ok(store::find(tx, partner).await?.ok_or(ErrorCode::Internal)?)
}

/// The partner, held until the transaction ends.
pub async fn lock(tx: &mut Tx, partner: PartnerId) -> Result<Partner, Fault> {
    Ok(store::lock(tx, partner).await?.ok_or(ErrorCode::Internal)?)
}

/// Changes a partner that was [locked](lock); the same version when nothing changed.
pub async fn change(tx: &mut Tx, before: Partner, change: PartnerChange, now: Time) -> Result<Partner, Fault> {
    let mut after = before.clone();
    after.name = change.name.unwrap_or(after.name);
    after.website = change.website.apply(after.website);
    if after == before {
        return Ok(before);
    }
    after.updated_at = now;
    let after = store::update(tx, &after).await?;
    outbox::service::record(tx, after.id, now, EventType::PartnerChanged, &after)?;
    Ok(after)
}

/// Gives a partner a fee of its own for payments to come, or the platform's again.
pub async fn set_fee(tx: &mut Tx, partner: PartnerId, fee_bps: Option<u16>) -> Result<(), Fault> {
    if store::set_fee(tx, partner, fee_bps.map(i64::from)).await? {
        return Ok(());
    }
    Err(Fault::internal(format!("there is no partner {partner}")))
}

/// The partners after this one in the order of their ids, at most so many.
pub async fn ids_after(tx: &mut Reader, after: Option<PartnerId>, rows_max: i64) -> Result<Vec<PartnerId>, db::Fault> {
    store::ids_after(tx, after, rows_max).await
}

/// Registers a partner.
pub async fn register(
    tx: &mut Tx,
    clock: &Clock,
    now: Time,
    name: PartnerName,
    legal_name: LegalName,
) -> Result<Partner, Fault> {
    let partner =
        Partner { id: clock.id(), name, legal_name, website: None, version: 1, created_at: now, updated_at: now };
    store::insert(tx, &partner).await?;
    Ok(partner)
}

/// The partner as it is disclosed on its circles.
pub async fn operator(tx: &mut Tx, partner: PartnerId) -> Result<CircleOperator, Fault> {
    let Partner { id, name, legal_name, .. } = get(tx, partner).await?;
    Ok(CircleOperator { partner: id, name, legal_name })
}
