//! Use-cases of grants.

use std::collections::HashSet;

use quanzi_openapi::events::EventType;
use quanzi_openapi::grants::{Grant, GrantStatus, GrantsQuery};
use quanzi_openapi::id::{AppId, FanId, GrantId, PartnerId};
use quanzi_openapi::scope::FanScopes;
use quanzi_openapi::{Cursor, ErrorCode, Page, Time};

use super::model::{self, GrantChange};
use super::store::{self, GrantRow};
use crate::access::oauth;
use crate::capabilities::fans;
use crate::platform::clock::Clock;
use crate::platform::db::{Reader, Tx};
use crate::platform::fault::Fault;
use crate::platform::outbox;

/// Most grants of one fan on the fan's own page.
const OWN_ROWS_MAX: i64 = 50;

/// The grant that stands, if there is one; nobody is held.
pub async fn find(tx: &mut Reader, partner: PartnerId, fan: FanId, app: AppId) -> Result<Option<GrantRow>, Fault> {
    Ok(store::find_active(tx, partner, fan, app).await?)
}

/// Those of these fans who let an app of the partner read what they are called.
pub async fn showing_nickname(
    tx: &mut Reader,
    partner: PartnerId,
    fans: impl IntoIterator<Item = FanId>,
) -> Result<Vec<FanId>, Fault> {
    let fans: HashSet<FanId> = fans.into_iter().collect();
    if fans.is_empty() {
        return Ok(Vec::new());
    }
    Ok(store::showing_nickname(tx, partner, &fans).await?)
}

/// The grant, held as it is until the end of the transaction; nothing when it is over.
pub async fn lock_shared(tx: &mut Tx, partner: PartnerId, grant: GrantId) -> Result<Option<GrantRow>, Fault> {
    Ok(store::lock_shared_active(tx, partner, grant).await?)
}

/// Notes what a fan was asked and agreed to: the grant that stands from now on.
pub async fn agree(
    tx: &mut Tx,
    clock: &Clock,
    partner: PartnerId,
    now: Time,
    (fan, app): (FanId, AppId),
    asked: FanScopes,
    agreed: FanScopes,
) -> Result<GrantRow, Fault> {
    // The fan is held, so that two consents at once cannot both make the first grant.
    fans::service::lock(tx, partner, fan).await?;
    let before = store::lock_active(tx, partner, fan, app).await?;
    let told = before.as_ref().map(|row| (row.asked(), row.scopes())).unwrap_or_default();
    match (before, model::decide(told, asked, agreed)) {
        (Some(before), GrantChange::Same) => Ok(before),
        (Some(before), GrantChange::Grown { asked, scopes }) => {
            let after = before.grown(asked, scopes, now);
            store::put(tx, partner, &after).await?;
            outbox::service::record(tx, partner, now, EventType::GrantChanged, &after.grant())?;
            Ok(after)
        }
        (Some(before), GrantChange::Replaced { asked, scopes }) => {
            end(tx, clock, partner, now, before).await?;
            begin(tx, partner, GrantRow::new(clock.id(), fan, app, asked, scopes, now)).await
        }
        (None, _) => begin(tx, partner, GrantRow::new(clock.id(), fan, app, asked, agreed.within(asked), now)).await,
    }
}

async fn begin(tx: &mut Tx, partner: PartnerId, row: GrantRow) -> Result<GrantRow, Fault> {
    store::add(tx, partner, &row).await?;
    outbox::service::record(tx, partner, row.created_at, EventType::GrantCreated, &row.grant())?;
    Ok(row)
}

/// Ends a grant and everything that was issued for it. One that is over stays as it is.
pub async fn revoke(tx: &mut Tx, clock: &Clock, partner: PartnerId, now: Time, grant: GrantId) -> Result<(), Fault> {
    let before = store::lock(tx, partner, grant).await?.ok_or(ErrorCode::GrantNotFound)?;
    if before.status == GrantStatus::Active {
        end(tx, clock, partner, now, before).await?;
    }
    Ok(())
}

/// The same by the fan itself; another's grant is none. What the app may do no more: nothing, when it had ended before.
pub async fn revoke_own(
    tx: &mut Tx,
    clock: &Clock,
    partner: PartnerId,
    now: Time,
    fan: FanId,
    grant: GrantId,
) -> Result<FanScopes, Fault> {
    let before = store::lock(tx, partner, grant).await?.filter(|row| row.fan_id == fan);
    let before = before.ok_or(ErrorCode::GrantNotFound)?;
    if before.status != GrantStatus::Active {
        return Ok(FanScopes::default());
    }
    let scopes = before.scopes();
    end(tx, clock, partner, now, before).await?;
    Ok(scopes)
}

async fn end(tx: &mut Tx, clock: &Clock, partner: PartnerId, now: Time, before: GrantRow) -> Result<(), Fault> {
    let after = before.revoked(now);
    store::put(tx, partner, &after).await?;
    oauth::service::end_grant(tx, clock, partner, after.id).await?;
    outbox::service::record(tx, partner, now, EventType::GrantRevoked, &after.grant())
}

/// A page of the partner's grants, newest first.
pub async fn page(tx: &mut Reader, partner: PartnerId, query: &GrantsQuery) -> Result<Page<Grant>, Fault> {
    let before: Option<GrantId> = query.cursor.as_ref().map(Cursor::position).transpose()?;
    let limit = query.limit.unwrap_or_default();
    let rows = store::page(tx, partner, query.fan, before, limit).await?;
    Ok(Page::cut(rows, limit, |row| row.id).map(|row| row.grant()))
}

/// What a fan grants at this partner now, newest first.
pub async fn of_fan(tx: &mut Reader, partner: PartnerId, fan: FanId) -> Result<Vec<GrantRow>, Fault> {
    Ok(store::active_of_fan(tx, partner, fan, OWN_ROWS_MAX).await?)
}
