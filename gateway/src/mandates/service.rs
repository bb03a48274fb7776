//! What can be done with mandates.

use std::collections::BTreeSet;

use quanzi_openapi::events::EventType;
use quanzi_openapi::id::{CircleId, FanId, MandateId, PartnerId};
use quanzi_openapi::mandates::{Mandate, MandateStatus, MandatesQuery, NewMandate};
use quanzi_openapi::payments::NewPayment;
use quanzi_openapi::{Currency, Cursor, ErrorCode, Money, Page, Time};

use super::store::{self, Row};
use crate::clock::Clock;
use crate::db::{self, Tx};
use crate::fault::Fault;
use crate::jobs::{Job, JobKind};
use crate::{circles, events, fans, jobs, payments};

/// Notes a fan's consent.
pub async fn create(
    tx: &mut Tx,
    clock: &Clock,
    partner: PartnerId,
    now: Time,
    new: &NewMandate,
) -> Result<Mandate, Fault> {
    let positive = |pointer: &'static str, amount: Money| {
        if amount.amount > 0 { Ok(()) } else { Err(Fault::field(pointer, "expected more than zero, in minor units")) }
    };
    positive("/per_payment/amount", new.per_payment)?;
    positive("/per_day/amount", new.per_day)?;
    if new.per_day.currency != new.per_payment.currency {
        return Err(Fault::field("/per_day/currency", "expected the currency of per_payment"));
    }
    if new.per_day.amount < new.per_payment.amount {
        return Err(Fault::field("/per_day/amount", "expected at least per_payment"));
    }
    if new.expires_at.is_some_and(|expires_at| expires_at <= now) {
        return Err(Fault::field("/expires_at", "expected a time in the future"));
    }
    fans::service::find(tx, partner, new.fan).await?;
    if let Some(circle) = new.circle {
        circles::service::must_exist(tx, partner, circle).await?;
    }
    let row = Row {
        id: clock.id(),
        fan_id: new.fan,
        circle_id: new.circle,
        status: MandateStatus::Active,
        currency: new.per_payment.currency,
        per_payment: new.per_payment.amount,
        per_day: new.per_day.amount,
        expires_at: new.expires_at,
        version: 1,
        created_at: now,
        updated_at: now,
    };
    store::add(tx, partner, &row).await?;
    if let Some(expires_at) = new.expires_at {
        jobs::service::enqueue(tx, clock, Job::new(JobKind::ExpireMandate, partner, row.id, expires_at)).await?;
    }
    let mandate = row.mandate();
    events::service::record(tx, partner, now, EventType::MandateCreated, &mandate)?;
    Ok(mandate)
}

/// The mandate.
pub async fn find(tx: &mut Tx, partner: PartnerId, mandate: MandateId) -> Result<Mandate, Fault> {
    Ok(store::find(tx, partner, mandate).await?.ok_or_else(missing)?.mandate())
}

/// A page of the partner's mandates, newest first.
pub async fn page(tx: &mut Tx, partner: PartnerId, query: &MandatesQuery) -> Result<Page<Mandate>, Fault> {
    let before: Option<MandateId> = query.cursor.as_ref().map(Cursor::position).transpose()?;
    let limit = query.limit.unwrap_or_default();
    let rows = store::page(tx, partner, query.fan, before, limit).await?;
    Ok(Page::cut(rows, limit, |row| row.id).map(Row::mandate))
}

/// Ends a mandate. One that is over stays as it is.
pub async fn revoke(tx: &mut Tx, partner: PartnerId, now: Time, mandate: MandateId) -> Result<Mandate, Fault> {
    end(tx, partner, now, mandate, MandateStatus::Revoked, EventType::MandateRevoked).await
}

/// Ends a mandate whose time is over; nothing when it is not.
pub async fn expire(tx: &mut Tx, partner: PartnerId, now: Time, mandate: MandateId) -> Result<Mandate, Fault> {
    let row = store::lock(tx, partner, mandate).await?.ok_or_else(missing)?;
    if row.expires_at.is_none_or(|expires_at| expires_at > now) {
        return Ok(row.mandate());
    }
    end(tx, partner, now, mandate, MandateStatus::Expired, EventType::MandateExpired).await
}

async fn end(
    tx: &mut Tx,
    partner: PartnerId,
    now: Time,
    mandate: MandateId,
    status: MandateStatus,
    kind: EventType,
) -> Result<Mandate, Fault> {
    let before = store::lock(tx, partner, mandate).await?.ok_or_else(missing)?;
    if before.status != MandateStatus::Active {
        return Ok(before.mandate());
    }
    let after = Row { status, version: before.version + 1, updated_at: now, ..before };
    store::put(tx, partner, &after).await?;
    if status == MandateStatus::Revoked {
        jobs::service::cancel(tx, JobKind::ExpireMandate, mandate).await?;
    }
    let mandate = after.mandate();
    events::service::record(tx, partner, now, kind, &mandate)?;
    Ok(mandate)
}

/// What a mandate allows.
#[derive(Debug, Clone, Copy)]
pub struct Terms {
    pub id: MandateId,
    pub fan: FanId,
    pub circle: Option<CircleId>,
    pub status: MandateStatus,
    pub currency: Currency,
    pub per_payment: i64,
    pub per_day: i64,
    pub expires_at: Option<Time>,
    pub version: i64,
}

/// The mandate, when this payment can be made within it, as far as that can be said before what was used today is known.
pub fn usable(terms: Option<Terms>, new: &NewPayment, now: Time) -> Result<Terms, Fault> {
    // Of another fan: it says no more than that there is none.
    let row = terms.filter(|terms| terms.fan == new.fan).ok_or_else(missing)?;
    let refused = |detail: &'static str| Err(Fault::new(ErrorCode::MandateNotActive).detail(detail));
    match row.status {
        MandateStatus::Active if row.expires_at.is_some_and(|expires_at| expires_at <= now) => {
            return refused("The mandate has expired; ask the fan for a new one.");
        }
        MandateStatus::Active => {}
        MandateStatus::Expired => return refused("The mandate has expired; ask the fan for a new one."),
        _ => return refused("The mandate is revoked; ask the fan for a new one."),
    }
    if row.circle.is_some_and(|circle| circle != new.circle) {
        return refused("The mandate is for another circle.");
    }
    if row.currency != new.amount.currency {
        return refused("The mandate is in another currency.");
    }
    if new.amount.amount > row.per_payment {
        let most = Money::new(row.per_payment, row.currency);
        let detail = format!("One payment within the mandate can be at most {most}.");
        let report = payments::per_payment("mandate_per_payment", row.per_payment);
        return Err(Fault::new(ErrorCode::MandateLimitReached).detail(detail).limit(report));
    }
    Ok(row)
}

/// Holds mandates as they are, for the ledger's poster, and says which version each has.
pub async fn hold_versions(
    tx: &mut Tx,
    mandates: &BTreeSet<(PartnerId, MandateId)>,
) -> Result<Vec<(PartnerId, MandateId, i64)>, db::Fault> {
    store::versions(tx, mandates).await
}

fn missing() -> Fault {
    ErrorCode::MandateNotFound.into()
}
