//! SQL of pushed requests, codes and refresh tokens.

use quanzi_openapi::Time;
use quanzi_openapi::id::{AppId, FanId, GrantId, PartnerId};
use quanzi_openapi::scope::FanScopes;
use sqlx::FromRow;

use super::model::AuthorizationRequest;
use crate::platform::db::{As, Fault, Json, Reader, Sql, Tx};
use crate::sql;

/// How long a code is kept after it has expired: so long it is noticed when it comes again.
const CODE_KEPT_SECONDS: i64 = 24 * 3_600;
/// Clocks of processes differ: what is swept expired this long ago by ours.
const SWEEP_AFTER_SECONDS: i64 = 300;

const PUSH: Sql = sql!(
    "insert into pushed_request (partner_id, uri_hash, app_id, request, created_at, expires_at) values ($1, $2, $3, $4, $5, $6)"
);
const FIND_PUSHED: Sql = sql!(
    "select app_id, request, created_at, expires_at, opened_at, completed_at from pushed_request where partner_id = $1 and uri_hash = $2"
);
const OPEN_PUSHED: Sql = sql!(
    "update pushed_request set opened_at = $3, expires_at = $4 where partner_id = $1 and uri_hash = $2 and opened_at is null"
);
const COMPLETE_PUSHED: Sql = sql!(
    "update pushed_request set completed_at = $3 where partner_id = $1 and uri_hash = $2 and completed_at is null"
);
const SWEEP_PUSHED: Sql = sql!(
    "delete from pushed_request where (partner_id, uri_hash) in ",
    "(select partner_id, uri_hash from pushed_request where expires_at < $1 order by expires_at limit $2)"
);

const ADD_CODE: Sql = sql!(
    "insert into authorization_code (partner_id, code_hash, app_id, grant_id, fan_id, family, redirect_uri, challenge, jkt, \
     nonce, scopes, authenticated_at, created_at, expires_at) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)"
);
const FIND_CODE: Sql = sql!(
    "select partner_id, app_id, grant_id, fan_id, family, redirect_uri, challenge, jkt, nonce, scopes, authenticated_at, \
     expires_at, used_at from authorization_code where partner_id = $1 and code_hash = $2"
);
/// Of two that come at once the second waits for the first, and then finds it used.
const USE_CODE: Sql =
    sql!("update authorization_code set used_at = $3 where partner_id = $1 and code_hash = $2 and used_at is null");
const SWEEP_CODES: Sql = sql!(
    "delete from authorization_code where (partner_id, code_hash) in ",
    "(select partner_id, code_hash from authorization_code where expires_at < $1 order by expires_at limit $2)"
);

const ADD_REFRESH: Sql = sql!(
    "insert into refresh_token (partner_id, token_hash, app_id, grant_id, fan_id, family, scopes, created_at, expires_at) \
     values ($1, $2, $3, $4, $5, $6, $7, $8, $9)"
);
const FIND_REFRESH: Sql = sql!(
    "select partner_id, app_id, grant_id, fan_id, family, scopes, created_at, expires_at from refresh_token where partner_id = $1 and token_hash = $2"
);
const END_FAMILY: Sql = sql!("delete from refresh_token where partner_id = $1 and family = $2");
const END_GRANT: Sql = sql!("delete from refresh_token where partner_id = $1 and grant_id = $2");
const SWEEP_REFRESH: Sql = sql!(
    "delete from refresh_token where (partner_id, token_hash) in ",
    "(select partner_id, token_hash from refresh_token where expires_at < $1 order by expires_at limit $2)"
);

/// A pushed request as it is kept.
#[derive(Debug, FromRow)]
pub struct PushedRow {
    #[sqlx(try_from = "As<AppId>")]
    pub app_id: AppId,
    pub request: Json<AuthorizationRequest>,
    #[sqlx(try_from = "As<Time>")]
    pub created_at: Time,
    #[sqlx(try_from = "As<Time>")]
    pub expires_at: Time,
    #[sqlx(try_from = "As<Option<Time>>")]
    pub opened_at: Option<Time>,
    #[sqlx(try_from = "As<Option<Time>>")]
    pub completed_at: Option<Time>,
}

/// A code as it is kept.
#[derive(Debug, FromRow)]
pub struct CodeRow {
    #[sqlx(try_from = "As<PartnerId>")]
    pub partner_id: PartnerId,
    #[sqlx(try_from = "As<AppId>")]
    pub app_id: AppId,
    #[sqlx(try_from = "As<GrantId>")]
    pub grant_id: GrantId,
    #[sqlx(try_from = "As<FanId>")]
    pub fan_id: FanId,
    pub family: String,
    pub redirect_uri: String,
    pub challenge: String,
    pub jkt: Option<String>,
    pub nonce: Option<String>,
    scopes: String,
    #[sqlx(try_from = "As<Time>")]
    pub authenticated_at: Time,
    #[sqlx(try_from = "As<Time>")]
    pub expires_at: Time,
    #[sqlx(try_from = "As<Option<Time>>")]
    pub used_at: Option<Time>,
}

impl CodeRow {
    /// What its tokens are for.
    pub fn scopes(&self) -> FanScopes {
        FanScopes::known(&self.scopes)
    }
}

/// A code to be kept.
pub struct NewCode<'c> {
    pub hash: [u8; 32],
    pub partner: PartnerId,
    pub app: AppId,
    pub grant: GrantId,
    pub fan: FanId,
    pub family: String,
    pub request: &'c AuthorizationRequest,
    pub scopes: FanScopes,
    pub authenticated_at: Time,
    pub created_at: Time,
    pub expires_at: Time,
}

/// A refresh token as it is kept.
#[derive(Debug, FromRow)]
pub struct RefreshRow {
    #[sqlx(try_from = "As<PartnerId>")]
    pub partner_id: PartnerId,
    #[sqlx(try_from = "As<AppId>")]
    pub app_id: AppId,
    #[sqlx(try_from = "As<GrantId>")]
    pub grant_id: GrantId,
    #[sqlx(try_from = "As<FanId>")]
    pub fan_id: FanId,
    pub family: String,
    scopes: String,
    #[sqlx(try_from = "As<Time>")]
    pub created_at: Time,
    #[sqlx(try_from = "As<Time>")]
    pub expires_at: Time,
}

impl RefreshRow {
    /// One that is to be kept.
    pub fn new(code: &CodeRow, scopes: FanScopes, created_at: Time, expires_at: Time) -> Self {
        Self {
            partner_id: code.partner_id,
            app_id: code.app_id,
            grant_id: code.grant_id,
            fan_id: code.fan_id,
            family: code.family.clone(),
            scopes: scopes.to_string(),
            created_at,
            expires_at,
        }
    }

    /// What its tokens are for at most.
    pub fn scopes(&self) -> FanScopes {
        FanScopes::known(&self.scopes)
    }
}

pub async fn push(
    tx: &mut Tx,
    (partner, app): (PartnerId, AppId),
    hash: [u8; 32],
    request: &AuthorizationRequest,
    now: Time,
    expires_at: Time,
) -> Result<(), Fault> {
    tx.query(PUSH).bind(partner).bind(hash).bind(app).bind(Json(request)).bind(now).bind(expires_at).run().await?;
    Ok(())
}

pub async fn find_pushed(tx: &mut Reader, partner: PartnerId, hash: [u8; 32]) -> Result<Option<PushedRow>, Fault> {
    tx.query(FIND_PUSHED).bind(partner).bind(hash).optional().await
}

pub async fn open_pushed(
    tx: &mut Tx,
    partner: PartnerId,
    hash: [u8; 32],
    now: Time,
    expires_at: Time,
) -> Result<(), Fault> {
    tx.query(OPEN_PUSHED).bind(partner).bind(hash).bind(now).bind(expires_at).run().await?;
    Ok(())
}

/// Marks the request as done; false when it was done before.
pub async fn complete_pushed(tx: &mut Tx, partner: PartnerId, hash: [u8; 32], now: Time) -> Result<bool, Fault> {
    Ok(tx.query(COMPLETE_PUSHED).bind(partner).bind(hash).bind(now).run().await? == 1)
}

pub async fn add_code(tx: &mut Tx, code: &NewCode<'_>) -> Result<(), Fault> {
    let request = code.request;
    let add = tx.query(ADD_CODE).bind(code.partner).bind(code.hash).bind(code.app).bind(code.grant).bind(code.fan);
    let add = add.bind(&code.family).bind(&request.redirect_uri).bind(&request.challenge).bind(&request.jkt);
    let add = add.bind(&request.nonce).bind(code.scopes.to_string()).bind(code.authenticated_at);
    add.bind(code.created_at).bind(code.expires_at).run().await?;
    Ok(())
}

pub async fn find_code(tx: &mut Reader, partner: PartnerId, hash: [u8; 32]) -> Result<Option<CodeRow>, Fault> {
    tx.query(FIND_CODE).bind(partner).bind(hash).optional().await
}

/// Uses a code up; false when it was used before.
pub async fn use_code(tx: &mut Tx, partner: PartnerId, hash: [u8; 32], now: Time) -> Result<bool, Fault> {
    Ok(tx.query(USE_CODE).bind(partner).bind(hash).bind(now).run().await? == 1)
}

pub async fn add_refresh(tx: &mut Tx, hash: [u8; 32], row: &RefreshRow) -> Result<(), Fault> {
    let add = tx.query(ADD_REFRESH).bind(row.partner_id).bind(hash).bind(row.app_id).bind(row.grant_id);
    let add = add.bind(row.fan_id).bind(&row.family).bind(&row.scopes).bind(row.created_at).bind(row.expires_at);
    add.run().await?;
    Ok(())
}

pub async fn find_refresh(tx: &mut Reader, partner: PartnerId, hash: [u8; 32]) -> Result<Option<RefreshRow>, Fault> {
    tx.query(FIND_REFRESH).bind(partner).bind(hash).optional().await
}

/// Ends the refresh token of a family.
pub async fn end_family(tx: &mut Tx, partner: PartnerId, family: &str) -> Result<(), Fault> {
    tx.query(END_FAMILY).bind(partner).bind(family).run().await?;
    Ok(())
}

/// Ends the refresh tokens of a grant.
pub async fn end_grant(tx: &mut Tx, partner: PartnerId, grant: GrantId) -> Result<(), Fault> {
    tx.query(END_GRANT).bind(partner).bind(grant).run().await?;
    Ok(())
}

/// Deletes up to `limit` rows of each kind that are no longer needed; returns how many.
pub async fn sweep(tx: &mut Tx, now: Time, limit: i64) -> Result<u64, Fault> {
    let expired = now.plus_seconds(-SWEEP_AFTER_SECONDS);
    let requests = tx.query(SWEEP_PUSHED).bind(expired).bind(limit).run().await?;
    let codes = tx.query(SWEEP_CODES).bind(now.plus_seconds(-CODE_KEPT_SECONDS)).bind(limit).run().await?;
    let refresh = tx.query(SWEEP_REFRESH).bind(expired).bind(limit).run().await?;
    Ok(requests + codes + refresh)
}
