//! All SQL of apps and keys.

use quanzi_openapi::Time;
use quanzi_openapi::apps::{AddressRange, App, AppKey, AppName, AppStatus};
use quanzi_openapi::id::{AppId, PartnerId};
use quanzi_openapi::jose::Jwk;
use quanzi_openapi::open::Open;
use quanzi_openapi::partners::WebAddress;
use quanzi_openapi::scope::Scope;
use quanzi_openapi::signature::Algorithm;
use serde_json::Value;
use sqlx::FromRow;

use crate::platform::db::{As, Fault, Json, Reader, Sql, Tx};
use crate::sql;

use super::model::NewKey;

macro_rules! app_columns {
    () => {
        "id, name, status, scopes, redirect_uris, allowed_addresses, version, created_at, updated_at"
    };
}

const INSERT: Sql = sql!(
    "insert into app (id, partner_id, name, status, scopes, redirect_uris, allowed_addresses, version, created_at, updated_at) ",
    "values ($1, $2, $3, $4, $5, $6, $7, 1, $8, $8) returning ",
    app_columns!()
);
const FIND: Sql = sql!("select ", app_columns!(), " from app where partner_id = $1 and id = $2");
// "no key": a plain lock would also stop rows that merely refer to the app.
// The row stands for the app's keys too: who adds or removes one holds it, so that two removals cannot take the last two keys.
const LOCK: Sql =
    sql!("select ", app_columns!(), " from app where partner_id = $1 and id = $2", [" for no key update"]);
const PAGE: Sql = sql!("select ", app_columns!(), " from app where partner_id = $1 and id > $2 order by id limit $3");
const COUNT: Sql = sql!("select count(*) from app where partner_id = $1");
const UPDATE: Sql = sql!(
    "update app set name = $3, status = $4, scopes = $5, redirect_uris = $6, allowed_addresses = $7, version = version + 1, ",
    "updated_at = $8 where partner_id = $1 and id = $2 returning ",
    app_columns!()
);

const INSERT_KEY: Sql = sql!(
    "insert into app_key (kid, partner_id, app_id, algorithm, jwk, created_at) values ($1, $2, $3, $4, $5, $6) on conflict (app_id, kid) do nothing"
);
const KEYS: Sql = sql!(
    "select kid, algorithm, jwk, created_at from app_key where app_id = $1 and partner_id = $2 and removed_at is null ",
    "order by created_at, kid"
);
const REMOVE_KEY: Sql = sql!(
    "update app_key set removed_at = $4 where kid = $1 and app_id = $2 and partner_id = $3 and removed_at is null"
);

#[derive(FromRow)]
struct AppRow {
    #[sqlx(try_from = "As<AppId>")]
    id: AppId,
    #[sqlx(try_from = "As<AppName>")]
    name: AppName,
    status: String,
    scopes: String,
    redirect_uris: Json<Vec<WebAddress>>,
    allowed_addresses: Json<Vec<AddressRange>>,
    version: i64,
    #[sqlx(try_from = "As<Time>")]
    created_at: Time,
    #[sqlx(try_from = "As<Time>")]
    updated_at: Time,
}

impl From<AppRow> for App {
    fn from(row: AppRow) -> Self {
        Self {
            id: row.id,
            name: row.name,
            status: status(&row.status),
            scopes: row.scopes.split(' ').filter(|scope| !scope.is_empty()).map(scope).collect(),
            redirect_uris: row.redirect_uris.0,
            allowed_addresses: row.allowed_addresses.0,
            version: row.version,
            created_at: row.created_at,
            updated_at: row.updated_at,
        }
    }
}

#[derive(FromRow)]
struct KeyRow {
    kid: String,
    algorithm: String,
    jwk: Json<Open<Jwk>>,
    #[sqlx(try_from = "As<Time>")]
    created_at: Time,
}

impl From<KeyRow> for AppKey {
    fn from(row: KeyRow) -> Self {
        let algorithm = row.algorithm.parse::<Algorithm>();
        Self {
            kid: row.kid,
            algorithm: algorithm.map_or_else(|_| Open::Unknown(Value::String(row.algorithm)), Open::Known),
            jwk: row.jwk.0,
            created_at: row.created_at,
        }
    }
}

const ACTIVE: &str = "active";
const SUSPENDED: &str = "suspended";

fn status(text: &str) -> Open<AppStatus> {
    match text {
        ACTIVE => Open::Known(AppStatus::Active),
        SUSPENDED => Open::Known(AppStatus::Suspended),
        other => Open::Unknown(Value::String(other.to_owned())),
    }
}

/// What a newer gateway wrote is kept as it is.
fn status_text(status: &Open<AppStatus>) -> String {
    match status {
        Open::Known(AppStatus::Active) => ACTIVE.to_owned(),
        Open::Known(_) => SUSPENDED.to_owned(),
        Open::Unknown(value) => value.as_str().unwrap_or(SUSPENDED).to_owned(),
    }
}

fn scope(text: &str) -> Open<Scope> {
    text.parse().map_or_else(|_| Open::Unknown(Value::String(text.to_owned())), Open::Known)
}

fn scopes_text(scopes: &[Open<Scope>]) -> String {
    scopes.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
}

/// Adds an app.
pub(super) async fn insert(tx: &mut Tx, partner: PartnerId, app: &App) -> Result<App, Fault> {
    let row: AppRow = tx
        .query(INSERT)
        .bind(app.id)
        .bind(partner)
        .bind(&app.name)
        .bind(status_text(&app.status))
        .bind(scopes_text(&app.scopes))
        .bind(Json(&app.redirect_uris))
        .bind(Json(&app.allowed_addresses))
        .bind(app.created_at)
        .one()
        .await?;
    Ok(row.into())
}

/// An app of the partner.
pub(super) async fn find(tx: &mut Reader, partner: PartnerId, app: AppId) -> Result<Option<App>, Fault> {
    Ok(tx.query(FIND).bind(partner).bind(app).optional::<AppRow>().await?.map(Into::into))
}

/// An app of the partner, held until the transaction ends.
pub(super) async fn lock(tx: &mut Tx, partner: PartnerId, app: AppId) -> Result<Option<App>, Fault> {
    Ok(tx.query(LOCK).bind(partner).bind(app).optional::<AppRow>().await?.map(Into::into))
}

/// Apps after this id, oldest first.
pub(super) async fn page(tx: &mut Reader, partner: PartnerId, after: &str, rows: i64) -> Result<Vec<App>, Fault> {
    let rows: Vec<AppRow> = tx.query(PAGE).bind(partner).bind(after).bind(rows).all().await?;
    Ok(rows.into_iter().map(Into::into).collect())
}

/// How many apps the partner has.
pub(super) async fn count(tx: &mut Reader, partner: PartnerId) -> Result<i64, Fault> {
    Ok(tx.query(COUNT).bind(partner).one::<(i64,)>().await?.0)
}

/// Puts the app's fields in place and counts its version.
pub(super) async fn update(tx: &mut Tx, partner: PartnerId, app: &App) -> Result<App, Fault> {
    let row: AppRow = tx
        .query(UPDATE)
        .bind(partner)
        .bind(app.id)
        .bind(&app.name)
        .bind(status_text(&app.status))
        .bind(scopes_text(&app.scopes))
        .bind(Json(&app.redirect_uris))
        .bind(Json(&app.allowed_addresses))
        .bind(app.updated_at)
        .one()
        .await?;
    Ok(row.into())
}

/// Registers a key; `app_key_pkey` refuses one that was ever registered.
pub(super) async fn insert_key(
    tx: &mut Tx,
    partner: PartnerId,
    app: AppId,
    key: &NewKey,
    now: Time,
) -> Result<bool, Fault> {
    let added = tx
        .query(INSERT_KEY)
        .bind(&key.kid)
        .bind(partner)
        .bind(app)
        .bind(key.algorithm.as_str())
        .bind(Json(&key.jwk))
        .bind(now)
        .run()
        .await?;
    Ok(added == 1)
}

/// The app's keys, oldest first; at most `KEYS_MAX`.
pub(super) async fn keys(tx: &mut Reader, partner: PartnerId, app: AppId) -> Result<Vec<AppKey>, Fault> {
    let rows: Vec<KeyRow> = tx.query(KEYS).bind(app).bind(partner).all().await?;
    Ok(rows.into_iter().map(Into::into).collect())
}

/// Marks a key as removed; false when there is no such key.
pub(super) async fn remove_key(
    tx: &mut Tx,
    partner: PartnerId,
    app: AppId,
    kid: &str,
    now: Time,
) -> Result<bool, Fault> {
    Ok(tx.query(REMOVE_KEY).bind(kid).bind(app).bind(partner).bind(now).run().await? == 1)
}
