//! The directory's reads of apps and keys. They are written only by the capability `apps`.

use quanzi_openapi::Time;
use quanzi_openapi::apps::{AddressRange, AppKey};
use quanzi_openapi::id::{AppId, PartnerId};
use quanzi_openapi::jose::Jwk;
use quanzi_openapi::open::Open;
use quanzi_openapi::partners::WebAddress;
use quanzi_openapi::scope::{Scope, Scopes};
use quanzi_openapi::signature::Algorithm;
use serde_json::Value;
use sqlx::FromRow;

use crate::platform::db::{As, Fault, Json, Reader, Sql};
use crate::sql;

/// Removed keys remembered per app by the directory. A token outlives its key by five minutes at most, so the latest suffice.
const REMOVED_MAX: i64 = 100;

const ACTIVE: &str = "active";

const FACTS: Sql = sql!("select partner_id, status, scopes, allowed_addresses, redirect_uris from app where id = $1");
const FACTS_KEYS: Sql = sql!(
    "select kid, algorithm, jwk, created_at from app_key where app_id = $1 and removed_at is null order by created_at, kid"
);
const FACTS_REMOVED: Sql =
    sql!("select kid from app_key where app_id = $1 and removed_at is not null order by removed_at desc, kid limit $2");
const OWNER: Sql = sql!("select app_id from app_key where kid = $1 order by created_at, app_id limit 1");

#[derive(FromRow)]
struct RegisteredKeyRow {
    kid: String,
    algorithm: String,
    jwk: Json<Open<Jwk>>,
    #[sqlx(try_from = "As<Time>")]
    created_at: Time,
}

impl From<RegisteredKeyRow> for AppKey {
    fn from(row: RegisteredKeyRow) -> Self {
        let algorithm = row.algorithm.parse::<Algorithm>();
        Self {
            kid: row.kid,
            algorithm: algorithm.map_or_else(|_| Open::Unknown(Value::String(row.algorithm)), Open::Known),
            jwk: row.jwk.0,
            created_at: row.created_at,
        }
    }
}

/// What a caller of this app is checked against.
pub(super) struct AppRow {
    pub partner: PartnerId,
    pub active: bool,
    pub scopes: Scopes,
    pub addresses: Vec<AddressRange>,
    pub redirect_uris: Vec<WebAddress>,
    pub keys: Vec<AppKey>,
    pub removed: Vec<String>,
}

#[derive(FromRow)]
struct FactsRow {
    #[sqlx(try_from = "As<PartnerId>")]
    partner_id: PartnerId,
    status: String,
    scopes: String,
    allowed_addresses: Json<Vec<AddressRange>>,
    redirect_uris: Json<Vec<WebAddress>>,
}

/// The app's facts, for any partner: only the directory reads them, before the caller is known.
pub(super) async fn facts(tx: &mut Reader, app: AppId) -> Result<Option<AppRow>, Fault> {
    let Some(row) = tx.query(FACTS).bind(app).optional::<FactsRow>().await? else { return Ok(None) };
    let keys: Vec<RegisteredKeyRow> = tx.query(FACTS_KEYS).bind(app).all().await?;
    let removed: Vec<(String,)> = tx.query(FACTS_REMOVED).bind(app).bind(REMOVED_MAX).all().await?;
    Ok(Some(AppRow {
        partner: row.partner_id,
        active: row.status == ACTIVE,
        // A scope of a newer gateway means nothing to this one.
        scopes: row.scopes.split(' ').filter_map(|scope| scope.parse::<Scope>().ok()).collect(),
        addresses: row.allowed_addresses.0,
        redirect_uris: row.redirect_uris.0,
        keys: keys.into_iter().map(Into::into).collect(),
        removed: removed.into_iter().map(|(kid,)| kid).collect(),
    }))
}

/// Whose key this is or was.
pub(super) async fn owner(tx: &mut Reader, kid: &str) -> Result<Option<AppId>, Fault> {
    let owner: Option<(As<AppId>,)> = tx.query(OWNER).bind(kid).optional().await?;
    Ok(owner.map(|(As(app),)| app))
}
