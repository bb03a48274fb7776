//! Use-cases of apps and keys.

use quanzi_openapi::apps::{APPS_MAX, App, AppChange, AppKey, AppKeys, AppStatus, KEYS_MAX, NewApp, NewAppKey};
use quanzi_openapi::events::EventType;
use quanzi_openapi::id::{AppId, PartnerId};
use quanzi_openapi::scope::Scopes;
use quanzi_openapi::{Cursor, ErrorCode, Limit, Page, Time};

use crate::access::oauth;
use crate::capabilities::partners;
use crate::edge::Caller;
use crate::platform::Platform;
use crate::platform::clock::Clock;
use crate::platform::db::{Reader, Tx};
use crate::platform::fault::Fault;
use crate::platform::outbox;

use super::model::{self, NewKey};
use super::store;

/// What a use-case needs besides its transaction.
#[derive(Debug, Clone, Copy)]
pub struct Context<'a> {
    /// Ids.
    pub clock: &'a Clock,
    /// When it happens.
    pub now: Time,
    /// Whether this gateway is a sandbox.
    pub sandbox: bool,
}

impl<'a> Context<'a> {
    /// Of a call at this time.
    pub fn new(platform: &'a Platform, now: Time) -> Self {
        Self { clock: &platform.clock, now, sandbox: platform.config.mode.is_sandbox() }
    }
}

/// The partner's apps, oldest first.
pub async fn list(
    tx: &mut Reader,
    partner: PartnerId,
    limit: Limit,
    cursor: Option<&Cursor>,
) -> Result<Page<App>, Fault> {
    let after =
        cursor.map(Cursor::position::<AppId>).transpose().map_err(|error| Fault::param("cursor", error.to_string()))?;
    let after = after.map(|app| app.to_string()).unwrap_or_default();
    let rows = store::page(tx, partner, &after, limit.rows_and_one()).await?;
    Ok(Page::cut(rows, limit, |app| app.id))
}

/// Makes an app with its keys. `grants` is what its maker may give away, `pointer` where the app stands in the body, for
/// refusals.
pub async fn create(
    tx: &mut Tx,
    context: Context<'_>,
    partner: PartnerId,
    grants: Scopes,
    new: &NewApp,
    pointer: &str,
) -> Result<App, Fault> {
    model::check_lists(new.redirect_uris.len(), new.allowed_addresses.len(), pointer)?;
    let keys = model::read_keys(&new.jwks.keys, &format!("{pointer}/jwks/keys"))?;
    let scopes = model::scopes(new.scopes.as_deref(), grants, context.sandbox, &format!("{pointer}/scopes"))?;
    // Held, so that two calls cannot both make the last app that is allowed.
    partners::service::lock(tx, partner).await?;
    if store::count(tx, partner).await? >= as_count(APPS_MAX) {
        return Err(ErrorCode::AppLimitReached.into());
    }
    let app = App {
        id: context.clock.id(),
        name: new.name.clone(),
        status: AppStatus::Active.into(),
        scopes: scopes.iter().map(Into::into).collect(),
        redirect_uris: new.redirect_uris.clone(),
        allowed_addresses: new.allowed_addresses.clone(),
        version: 1,
        created_at: context.now,
        updated_at: context.now,
    };
    let app = store::insert(tx, partner, &app).await?;
    outbox::service::record(tx, partner, context.now, EventType::AppCreated, &app)?;
    for (place, key) in keys.into_iter().enumerate() {
        insert_key(tx, partner, app.id, key, context.now, &format!("{pointer}/jwks/keys/{place}")).await?;
    }
    Ok(app)
}

/// One app of the partner.
pub async fn get(tx: &mut Reader, partner: PartnerId, app: AppId) -> Result<App, Fault> {
    Ok(store::find(tx, partner, app).await?.ok_or(ErrorCode::AppNotFound)?)
}

/// One app of the partner, held until the transaction ends.
pub async fn lock(tx: &mut Tx, partner: PartnerId, app: AppId) -> Result<App, Fault> {
    Ok(store::lock(tx, partner, app).await?.ok_or(ErrorCode::AppNotFound)?)
}

/// Changes an app that was [locked](lock); the same version, and nobody hears of it, when nothing changed.
pub async fn change(
    tx: &mut Tx,
    context: Context<'_>,
    caller: &Caller,
    before: App,
    change: AppChange,
) -> Result<App, Fault> {
    let mut after = model::change(before.clone(), change, caller, context.sandbox)?;
    if after == before {
        return Ok(before);
    }
    after.updated_at = context.now;
    let after = store::update(tx, caller.partner, &after).await?;
    outbox::service::record(tx, caller.partner, context.now, EventType::AppChanged, &after)?;
    oauth::service::announce_app(tx, context.clock, after.id).await?;
    Ok(after)
}

/// The app's keys, oldest first.
pub async fn keys(tx: &mut Reader, partner: PartnerId, app: AppId) -> Result<AppKeys, Fault> {
    get(tx, partner, app).await?;
    Ok(AppKeys { data: store::keys(tx, partner, app).await? })
}

/// Registers another key. Its holder can do everything the app can, so the caller must already be able to do that.
pub async fn add_key(
    tx: &mut Tx,
    context: Context<'_>,
    caller: &Caller,
    app: AppId,
    new: &NewAppKey,
) -> Result<AppKey, Fault> {
    let partner = caller.partner;
    let owner = lock(tx, partner, app).await?;
    model::check_grant(&owner.scopes, &[], caller.scopes, None)?;
    let key = model::read_key(&new.key, new.algorithm, "/key")?;
    if store::keys(tx, partner, app).await?.len() >= KEYS_MAX {
        return Err(ErrorCode::KeyLimitReached.into());
    }
    let key = insert_key(tx, partner, app, key, context.now, "/key").await?;
    oauth::service::announce_app(tx, context.clock, app).await?;
    Ok(key)
}

/// Removes a key; its signatures and tokens are refused from then on.
pub async fn remove_key(
    tx: &mut Tx,
    context: Context<'_>,
    partner: PartnerId,
    app: AppId,
    kid: &str,
) -> Result<(), Fault> {
    lock(tx, partner, app).await?;
    let keys = store::keys(tx, partner, app).await?;
    let removed = keys.iter().find(|key| key.kid == kid).ok_or(ErrorCode::KeyNotFound)?;
    let usable = |key: &AppKey| key.algorithm.known().is_some_and(|algorithm| model::can_authenticate(*algorithm));
    if !keys.iter().any(|key| key.kid != kid && usable(key)) {
        return Err(ErrorCode::LastKey.into());
    }
    store::remove_key(tx, partner, app, kid, context.now).await?;
    outbox::service::record_key(tx, partner, context.now, EventType::AppKeyRemoved, removed)?;
    oauth::service::announce_app(tx, context.clock, app).await
}

async fn insert_key(
    tx: &mut Tx,
    partner: PartnerId,
    app: AppId,
    key: NewKey,
    now: Time,
    pointer: &str,
) -> Result<AppKey, Fault> {
    if !store::insert_key(tx, partner, app, &key, now).await? {
        return Err(Fault::new(ErrorCode::KeyExists).pointer(pointer));
    }
    let key = AppKey { kid: key.kid, algorithm: key.algorithm.into(), jwk: key.jwk.into(), created_at: now };
    outbox::service::record_key(tx, partner, now, EventType::AppKeyAdded, &key)?;
    Ok(key)
}

fn as_count(limit: usize) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX)
}
