//! All SQL of grants.

use std::collections::HashSet;

use quanzi_openapi::grants::{Grant, GrantStatus};
use quanzi_openapi::id::{AppId, FanId, GrantId, PartnerId};
use quanzi_openapi::scope::FanScopes;
use quanzi_openapi::{Limit, Time};
use sqlx::FromRow;

use crate::platform::db::{As, Fault, List, Reader, Sql, Tx, enum_columns, id_or_upper_bound};
use crate::sql;

enum_columns!(GrantStatus);

macro_rules! columns {
    () => {
        "select id, fan_id, app_id, asked, scopes, status, version, created_at, updated_at from fan_grant where partner_id = $1 and "
    };
}
const FIND_ACTIVE: Sql = sql!(columns!(), "fan_id = $2 and app_id = $3 and status = 'active'");
const LOCK_ACTIVE: Sql = sql!(columns!(), "fan_id = $2 and app_id = $3 and status = 'active'", [" for no key update"]);
const LOCK: Sql = sql!(columns!(), "id = $2", [" for no key update"]);
// Shared: many tokens of one grant do not wait for each other, a revocation waits for them.
const LOCK_SHARED_ACTIVE: Sql = sql!(columns!(), "id = $2 and status = 'active'", [" for share"]);
const PAGE: Sql = sql!(columns!(), "id < $2 order by id desc limit $3");
const PAGE_BY_FAN: Sql = sql!(columns!(), "fan_id = $4 and id < $2 order by id desc limit $3");
const ACTIVE_OF_FAN: Sql = sql!(columns!(), "fan_id = $2 and status = 'active' order by id desc limit $3");
const SHOWING_NICKNAME: Sql = sql!(
    "select distinct fan_id from fan_grant where partner_id = $1 and fan_id in (select value ->> 0 from json_each($2)) \
     and status = 'active' and ' ' || scopes || ' ' like '% profile:nickname %'"
);
const ADD: Sql = sql!(
    "insert into fan_grant (partner_id, id, fan_id, app_id, asked, scopes, status, version, created_at, updated_at) \
     values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)"
);
const PUT: Sql = sql!(
    "update fan_grant set asked = $3, scopes = $4, status = $5, version = $6, updated_at = $7 \
     where partner_id = $1 and id = $2"
);

/// A grant as it is kept.
#[derive(Debug, Clone, PartialEq, Eq, FromRow)]
pub struct GrantRow {
    #[sqlx(try_from = "As<GrantId>")]
    pub id: GrantId,
    #[sqlx(try_from = "As<FanId>")]
    pub fan_id: FanId,
    #[sqlx(try_from = "As<AppId>")]
    pub app_id: AppId,
    asked: String,
    scopes: String,
    #[sqlx(try_from = "As<GrantStatus>")]
    pub status: GrantStatus,
    pub version: i64,
    #[sqlx(try_from = "As<Time>")]
    pub created_at: Time,
    #[sqlx(try_from = "As<Time>")]
    pub updated_at: Time,
}

impl GrantRow {
    /// A new grant.
    pub fn new(id: GrantId, fan: FanId, app: AppId, asked: FanScopes, scopes: FanScopes, now: Time) -> Self {
        Self {
            id,
            fan_id: fan,
            app_id: app,
            asked: asked.to_string(),
            scopes: scopes.to_string(),
            status: GrantStatus::Active,
            version: 1,
            created_at: now,
            updated_at: now,
        }
    }

    /// What the fan was asked about.
    pub fn asked(&self) -> FanScopes {
        FanScopes::known(&self.asked)
    }

    /// What the fan agreed to.
    pub fn scopes(&self) -> FanScopes {
        FanScopes::known(&self.scopes)
    }

    /// With more in it.
    pub fn grown(self, asked: FanScopes, scopes: FanScopes, now: Time) -> Self {
        let version = self.version + 1;
        Self { asked: asked.to_string(), scopes: scopes.to_string(), version, updated_at: now, ..self }
    }

    /// Over.
    pub fn revoked(self, now: Time) -> Self {
        let version = self.version + 1;
        Self { status: GrantStatus::Revoked, version, updated_at: now, ..self }
    }

    /// As the partner reads it.
    pub fn grant(&self) -> Grant {
        Grant {
            id: self.id,
            fan: self.fan_id,
            app: self.app_id,
            scopes: self.scopes().iter().map(Into::into).collect(),
            status: self.status.into(),
            version: self.version,
            created_at: self.created_at,
            updated_at: self.updated_at,
        }
    }
}

pub async fn find_active(
    tx: &mut Reader,
    partner: PartnerId,
    fan: FanId,
    app: AppId,
) -> Result<Option<GrantRow>, Fault> {
    tx.query(FIND_ACTIVE).bind(partner).bind(fan).bind(app).optional().await
}

pub async fn lock_active(tx: &mut Tx, partner: PartnerId, fan: FanId, app: AppId) -> Result<Option<GrantRow>, Fault> {
    tx.query(LOCK_ACTIVE).bind(partner).bind(fan).bind(app).optional().await
}

pub async fn lock_shared_active(tx: &mut Tx, partner: PartnerId, grant: GrantId) -> Result<Option<GrantRow>, Fault> {
    tx.query(LOCK_SHARED_ACTIVE).bind(partner).bind(grant).optional().await
}

pub async fn lock(tx: &mut Tx, partner: PartnerId, grant: GrantId) -> Result<Option<GrantRow>, Fault> {
    tx.query(LOCK).bind(partner).bind(grant).optional().await
}

pub async fn page(
    tx: &mut Reader,
    partner: PartnerId,
    fan: Option<FanId>,
    before: Option<GrantId>,
    limit: Limit,
) -> Result<Vec<GrantRow>, Fault> {
    let before = id_or_upper_bound(before);
    let page = tx.query(if fan.is_some() { PAGE_BY_FAN } else { PAGE }).bind(partner).bind(before);
    let page = page.bind(limit.rows_and_one());
    match fan {
        Some(fan) => page.bind(fan).all().await,
        None => page.all().await,
    }
}

pub async fn active_of_fan(tx: &mut Reader, partner: PartnerId, fan: FanId, rows: i64) -> Result<Vec<GrantRow>, Fault> {
    tx.query(ACTIVE_OF_FAN).bind(partner).bind(fan).bind(rows).all().await
}

pub async fn showing_nickname(tx: &mut Reader, partner: PartnerId, fans: &HashSet<FanId>) -> Result<Vec<FanId>, Fault> {
    let rows: Vec<(As<FanId>,)> = tx.query(SHOWING_NICKNAME).bind(partner).bind(List::of(fans)).all().await?;
    Ok(rows.into_iter().map(|(As(fan),)| fan).collect())
}

pub async fn add(tx: &mut Tx, partner: PartnerId, row: &GrantRow) -> Result<(), Fault> {
    let add = tx.query(ADD).bind(partner).bind(row.id).bind(row.fan_id).bind(row.app_id).bind(&row.asked);
    let add = add.bind(&row.scopes).bind(row.status).bind(row.version).bind(row.created_at).bind(row.updated_at);
    add.run().await?;
    Ok(())
}

pub async fn put(tx: &mut Tx, partner: PartnerId, row: &GrantRow) -> Result<(), Fault> {
    let put = tx.query(PUT).bind(partner).bind(row.id).bind(&row.asked).bind(&row.scopes).bind(row.status);
    put.bind(row.version).bind(row.updated_at).run().await?;
    Ok(())
}
