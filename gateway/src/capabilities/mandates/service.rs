//! Use-cases of mandates.

use quanzi_openapi::id::{CircleId, FanId, MandateId, PartnerId};
use quanzi_openapi::mandates::{Mandate, MandateStatus, MandatesQuery, NewMandate};
use quanzi_openapi::me::NewMyMandate;
use quanzi_openapi::payments::NewPayment;
use quanzi_openapi::{Currency, Cursor, ErrorCode, Money, Page, Time};

use super::model::{self, Terms};
use super::store::{self, MandateRow};
use crate::capabilities::circles;
use crate::capabilities::fans;
use crate::platform::Context;
use crate::platform::db::{self, Reader, Tx};
use crate::platform::fault::Fault;
use crate::platform::jobs;
use crate::platform::jobs::Job;
use crate::platform::ledger::amount_limit;
use crate::platform::outbox;

/// Consents that can wait for one fan at once: a page asks, it does not pester.
const OPEN_MAX: i64 = 5;
/// Mandates of a fan at one partner that can be charged: more than anybody agrees to one by one.
const ACTIVE_ROWS_MAX: i64 = 10_000;
/// How long a consent that was never given is kept.
const NEVER_GIVEN_SECONDS: i64 = 30 * 24 * 3_600;

/// Notes a fan's consent (sandbox).
pub async fn create(tx: &mut Tx, context: Context<'_>, new: &NewMandate) -> Result<Mandate, Fault> {
    let Context { platform, now, .. } = context;
    let NewMandate { fan, circle, per_payment, per_day, expires_at, .. } = *new;
    let terms = Terms { fan, circle, per_payment, per_day, expires_at };
    terms.check(now)?;
    begin(tx, context, terms.given(platform.clock.id(), now)).await
}

/// Asks a fan for consent, on a page of its own.
pub async fn ask(tx: &mut Tx, context: Context<'_>, fan: FanId, new: &NewMyMandate) -> Result<Mandate, Fault> {
    let Context { platform, partner, now } = context;
    let NewMyMandate { circle, per_payment, per_day, expires_at, .. } = *new;
    let terms = Terms { fan, circle, per_payment, per_day, expires_at };
    terms.check(now)?;
    // The fan is held: of two at once the second counts the first.
    fans::service::lock(tx, partner, fan).await?;
    if store::open_of_fan(tx, partner, fan, now).await? >= OPEN_MAX {
        return Err(ErrorCode::MandatesWaiting.into());
    }
    begin(tx, context, terms.asked_for(platform.clock.id(), platform.clock.random_text(), now)).await
}

async fn begin(tx: &mut Tx, context: Context<'_>, row: MandateRow) -> Result<Mandate, Fault> {
    let Context { platform, partner, now } = context;
    fans::service::lock(tx, partner, row.fan_id).await?;
    if let Some(circle) = row.circle_id {
        circles::service::must_exist(tx, partner, circle).await?;
    }
    store::add(tx, partner, &row).await?;
    if let Some(ends_at) = model::ends_at(&row) {
        jobs::service::enqueue(tx, &platform.clock, Job::new(model::EXPIRE_MANDATE, partner, row.id, ends_at)).await?;
    }
    let kind = model::event(row.status);
    let mandate = row.mandate(&platform.config.public_url);
    outbox::service::record(tx, partner, now, kind, &mandate)?;
    Ok(mandate)
}

/// The mandate.
pub async fn find(tx: &mut Reader, context: Context<'_>, mandate: MandateId) -> Result<Mandate, Fault> {
    let row = store::find(tx, context.partner, mandate).await?.ok_or_else(missing)?;
    Ok(row.mandate(&context.platform.config.public_url))
}

/// The mandate of this fan.
pub async fn find_own(tx: &mut Reader, context: Context<'_>, fan: FanId, mandate: MandateId) -> Result<Mandate, Fault> {
    Some(find(tx, context, mandate).await?).filter(|mandate| mandate.fan == fan).ok_or_else(missing)
}

/// The mandate whose page this is, and whose partner it is.
pub async fn find_by_token(tx: &mut Reader, token: &str) -> Result<Option<(PartnerId, MandateRow)>, Fault> {
    let Some((partner, mandate)) = store::find_by_token(tx, token).await? else { return Ok(None) };
    Ok(store::find(tx, partner, mandate).await?.map(|row| (partner, row)))
}

/// A page of the partner's mandates, newest first.
pub async fn page(tx: &mut Reader, context: Context<'_>, query: &MandatesQuery) -> Result<Page<Mandate>, Fault> {
    let before: Option<MandateId> = query.cursor.as_ref().map(Cursor::position).transpose()?;
    let limit = query.limit.unwrap_or_default();
    let rows = store::page(tx, context.partner, query.fan, before, limit).await?;
    Ok(Page::cut(rows, limit, |row| row.id).map(|row| row.mandate(&context.platform.config.public_url)))
}

/// All mandates within which the fan can be charged at this partner, newest first.
pub async fn active_of_fan(tx: &mut Reader, context: Context<'_>, fan: FanId) -> Result<Vec<Mandate>, Fault> {
    let rows = store::active_of_fan(tx, context.partner, fan, ACTIVE_ROWS_MAX).await?;
    Ok(rows.into_iter().map(|row| row.mandate(&context.platform.config.public_url)).collect())
}

/// Deletes up to `limit` consents that were asked for long ago and never given; how many went.
pub async fn sweep(tx: &mut Tx, now: Time, limit: i64) -> Result<u64, db::Fault> {
    store::sweep(tx, now.plus_seconds(-NEVER_GIVEN_SECONDS), limit).await
}

/// The fan, who was asked, agrees or does not; false when it was too late, or decided before.
pub async fn decide(tx: &mut Tx, context: Context<'_>, mandate: MandateId, agrees: bool) -> Result<bool, Fault> {
    let Context { platform, partner, now } = context;
    let before = store::lock(tx, partner, mandate).await?.ok_or_else(missing)?;
    if !model::waits(&before, now) {
        return Ok(false);
    }
    let status = if agrees { MandateStatus::Active } else { MandateStatus::Declined };
    let after = model::with(before, status, now);
    match model::ends_at(&after).filter(|_| agrees) {
        Some(ends_at) => {
            jobs::service::enqueue(tx, &platform.clock, Job::new(model::EXPIRE_MANDATE, partner, mandate, ends_at))
                .await?;
        }
        None => jobs::service::cancel(tx, partner, model::EXPIRE_MANDATE, mandate).await?,
    }
    save(tx, context, after).await?;
    Ok(true)
}

/// Ends a mandate. One that is over stays as it is.
pub async fn revoke(tx: &mut Tx, context: Context<'_>, mandate: MandateId) -> Result<Mandate, Fault> {
    let before = store::lock(tx, context.partner, mandate).await?.ok_or_else(missing)?;
    if model::is_over(&before) {
        return Ok(before.mandate(&context.platform.config.public_url));
    }
    jobs::service::cancel(tx, context.partner, model::EXPIRE_MANDATE, mandate).await?;
    save(tx, context, model::with(before, MandateStatus::Revoked, context.now)).await
}

/// Ends a mandate of this fan.
pub async fn revoke_own(tx: &mut Tx, context: Context<'_>, fan: FanId, mandate: MandateId) -> Result<(), Fault> {
    find_own(tx, context, fan, mandate).await?;
    revoke(tx, context, mandate).await.map(drop)
}

/// Ends a mandate whose time is over, or the time to decide about it; nothing when it is not.
pub async fn expire(tx: &mut Tx, context: Context<'_>, mandate: MandateId) -> Result<(), Fault> {
    let row = store::lock(tx, context.partner, mandate).await?.ok_or_else(missing)?;
    let ended = model::ends_at(&row).is_some_and(|ends_at| ends_at <= context.now);
    if model::is_over(&row) || !ended {
        return Ok(());
    }
    save(tx, context, model::with(row, MandateStatus::Expired, context.now)).await.map(drop)
}

async fn save(tx: &mut Tx, context: Context<'_>, after: MandateRow) -> Result<Mandate, Fault> {
    store::put(tx, context.partner, &after).await?;
    let kind = model::event(after.status);
    let mandate = after.mandate(&context.platform.config.public_url);
    outbox::service::record(tx, context.partner, context.now, kind, &mandate)?;
    Ok(mandate)
}

/// A mandate as far as it decides about a payment.
#[derive(Debug, Clone, Copy)]
pub struct MandateTerms {
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
pub fn usable(terms: Option<MandateTerms>, new: &NewPayment, now: Time) -> Result<MandateTerms, Fault> {
    // Of another fan: it says no more than that there is none.
    let row = terms.filter(|terms| terms.fan == new.fan).ok_or_else(missing)?;
    let refused = |detail: &'static str| Err(Fault::new(ErrorCode::MandateNotActive).detail(detail));
    match row.status {
        MandateStatus::Active if row.expires_at.is_some_and(|expires_at| expires_at <= now) => {
            return refused("The mandate has expired; ask the fan for a new one.");
        }
        MandateStatus::Active => {}
        MandateStatus::RequiresConsent => return refused("The fan has not agreed yet."),
        MandateStatus::Declined => return refused("The fan did not agree."),
        MandateStatus::Expired => return refused("The mandate has expired; ask the fan for a new one."),
        _ => return refused("The mandate was revoked; ask the fan for a new one."),
    }
    if row.circle.is_some_and(|circle| circle != new.circle) {
        return refused("The mandate is for another circle.");
    }
    if row.currency != new.amount.currency {
        return refused("The mandate is in another currency.");
    }
    if new.amount.amount > row.per_payment {
        let most = Money::new(row.per_payment, row.currency);
        let detail = format!("A payment within the mandate can be at most {most}.");
        let report = amount_limit("mandate_per_payment", row.per_payment);
        return Err(Fault::new(ErrorCode::MandateLimitReached).detail(detail).limit(report));
    }
    Ok(row)
}

fn missing() -> Fault {
    ErrorCode::MandateNotFound.into()
}
