//! All SQL of mandates.

use std::collections::BTreeSet;
use std::fmt;

use quanzi_openapi::id::{CircleId, FanId, MandateId, PartnerId};
use quanzi_openapi::mandates::{Mandate, MandateStatus};
use quanzi_openapi::{Currency, Limit, Money, Time};
use sqlx::FromRow;

use crate::platform::db::{As, Fault, List, Reader, Sql, Tx, enum_columns, id_or_upper_bound};
use crate::sql;

enum_columns!(MandateStatus);

macro_rules! columns {
    () => {
        "select id, fan_id, circle_id, status, currency, per_payment, per_day, expires_at, token, consent_until, \
         version, created_at, updated_at from mandate "
    };
}
const FIND: Sql = sql!(columns!(), "where partner_id = $1 and id = $2");
const LOCK: Sql = sql!(columns!(), "where partner_id = $1 and id = $2", [" for no key update"]);
const FIND_BY_TOKEN: Sql = sql!("select partner_id, id from mandate where token = $1");
const PAGE: Sql = sql!(columns!(), "where partner_id = $1 and id < $2 order by id desc limit $3");
const PAGE_BY_FAN: Sql =
    sql!(columns!(), "where partner_id = $1 and fan_id = $4 and id < $2 order by id desc limit $3");
/// Those a fan lets be charged within now.
const ACTIVE_OF_FAN: Sql =
    sql!(columns!(), "where partner_id = $1 and fan_id = $2 and status = 'active' order by id desc limit $3");
const OPEN_OF_FAN: Sql = sql!(
    "select count(*) from mandate where partner_id = $1 and fan_id = $2 and status = 'requires_consent' and consent_until > $3"
);
// Asked for and over with the next change: nobody ever agreed, so no payment names it.
const SWEEP: Sql = sql!(
    "delete from mandate where (partner_id, id) in (select partner_id, id from mandate where consent_until < $1 \
     and version = 2 and status in ('declined', 'expired', 'revoked') order by consent_until limit $2)"
);
const ADD: Sql = sql!(
    "insert into mandate (partner_id, id, fan_id, circle_id, status, currency, per_payment, per_day, expires_at, version, \
     created_at, updated_at, token, consent_until) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)"
);
const PUT: Sql =
    sql!("update mandate set status = $3, version = $4, updated_at = $5 where partner_id = $1 and id = $2");
// Shared: many payments within one mandate do not wait for each other, a revocation waits for them.
const LOCK_SHARED_VERSIONS: Sql = sql!(
    "select partner_id, id, version from mandate where (partner_id, id) in \
     (select value ->> 0, value ->> 1 from json_each($1)) order by partner_id, id",
    [" for share"]
);

/// A mandate as it is kept.
#[derive(Clone, PartialEq, Eq, FromRow)]
pub struct MandateRow {
    #[sqlx(try_from = "As<MandateId>")]
    pub id: MandateId,
    #[sqlx(try_from = "As<FanId>")]
    pub fan_id: FanId,
    #[sqlx(try_from = "As<Option<CircleId>>")]
    pub circle_id: Option<CircleId>,
    #[sqlx(try_from = "As<MandateStatus>")]
    pub status: MandateStatus,
    #[sqlx(try_from = "As<Currency>")]
    pub currency: Currency,
    pub per_payment: i64,
    pub per_day: i64,
    #[sqlx(try_from = "As<Option<Time>>")]
    pub expires_at: Option<Time>,
    /// Names the page where the fan decides.
    pub token: Option<String>,
    #[sqlx(try_from = "As<Option<Time>>")]
    pub consent_until: Option<Time>,
    pub version: i64,
    #[sqlx(try_from = "As<Time>")]
    pub created_at: Time,
    #[sqlx(try_from = "As<Time>")]
    pub updated_at: Time,
}

/// Without the page: its address is how a fan decides.
impl fmt::Debug for MandateRow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut row = f.debug_struct("Row");
        row.field("id", &self.id).field("status", &self.status).field("version", &self.version).finish_non_exhaustive()
    }
}

impl MandateRow {
    /// As the partner reads it.
    pub fn mandate(self, public_url: &str) -> Mandate {
        let money = |amount| Money::new(amount, self.currency);
        let waits = self.status == MandateStatus::RequiresConsent;
        Mandate {
            id: self.id,
            fan: self.fan_id,
            circle: self.circle_id,
            status: self.status.into(),
            per_payment: money(self.per_payment),
            per_day: money(self.per_day),
            expires_at: self.expires_at,
            consent_url: self.token.filter(|_| waits).map(|token| format!("{public_url}/mandate/{token}")),
            consent_until: self.consent_until.filter(|_| waits),
            version: self.version,
            created_at: self.created_at,
            updated_at: self.updated_at,
        }
    }
}

pub async fn find(tx: &mut Reader, partner: PartnerId, mandate: MandateId) -> Result<Option<MandateRow>, Fault> {
    tx.query(FIND).bind(partner).bind(mandate).optional().await
}

/// The mandate whose page this is, and whose partner it is.
pub async fn find_by_token(tx: &mut Reader, token: &str) -> Result<Option<(PartnerId, MandateId)>, Fault> {
    #[derive(FromRow)]
    struct Found {
        #[sqlx(try_from = "As<PartnerId>")]
        partner_id: PartnerId,
        #[sqlx(try_from = "As<MandateId>")]
        id: MandateId,
    }
    let found: Option<Found> = tx.query(FIND_BY_TOKEN).bind(token).optional().await?;
    Ok(found.map(|found| (found.partner_id, found.id)))
}

pub async fn lock(tx: &mut Tx, partner: PartnerId, mandate: MandateId) -> Result<Option<MandateRow>, Fault> {
    tx.query(LOCK).bind(partner).bind(mandate).optional().await
}

pub async fn page(
    tx: &mut Reader,
    partner: PartnerId,
    fan: Option<FanId>,
    before: Option<MandateId>,
    limit: Limit,
) -> Result<Vec<MandateRow>, Fault> {
    let before = id_or_upper_bound(before);
    let page = tx.query(if fan.is_some() { PAGE_BY_FAN } else { PAGE }).bind(partner).bind(before);
    let page = page.bind(limit.rows_and_one());
    match fan {
        Some(fan) => page.bind(fan).all().await,
        None => page.all().await,
    }
}

pub async fn active_of_fan(
    tx: &mut Reader,
    partner: PartnerId,
    fan: FanId,
    rows: i64,
) -> Result<Vec<MandateRow>, Fault> {
    tx.query(ACTIVE_OF_FAN).bind(partner).bind(fan).bind(rows).all().await
}

/// How many consents this fan can decide about.
pub async fn open_of_fan(tx: &mut Reader, partner: PartnerId, fan: FanId, now: Time) -> Result<i64, Fault> {
    let (open,): (i64,) = tx.query(OPEN_OF_FAN).bind(partner).bind(fan).bind(now).one().await?;
    Ok(open)
}

/// Deletes up to `limit` consents that were asked for until `before` and never given; how many went.
pub async fn sweep(tx: &mut Tx, before: Time, limit: i64) -> Result<u64, Fault> {
    tx.query(SWEEP).bind(before).bind(limit).run().await
}

pub async fn add(tx: &mut Tx, partner: PartnerId, row: &MandateRow) -> Result<(), Fault> {
    let add = tx.query(ADD).bind(partner).bind(row.id).bind(row.fan_id).bind(row.circle_id).bind(row.status);
    let add = add.bind(row.currency).bind(row.per_payment).bind(row.per_day).bind(row.expires_at);
    let add = add.bind(row.version).bind(row.created_at).bind(row.updated_at);
    add.bind(&row.token).bind(row.consent_until).run().await?;
    Ok(())
}

pub async fn put(tx: &mut Tx, partner: PartnerId, row: &MandateRow) -> Result<(), Fault> {
    tx.query(PUT).bind(partner).bind(row.id).bind(row.status).bind(row.version).bind(row.updated_at).run().await?;
    Ok(())
}

/// Holds mandates as they are, and says which version each has.
pub async fn lock_shared_versions(
    tx: &mut Tx,
    mandates: &BTreeSet<(PartnerId, MandateId)>,
) -> Result<Vec<((PartnerId, MandateId), i64)>, Fault> {
    #[derive(FromRow)]
    struct VersionRow {
        #[sqlx(try_from = "As<PartnerId>")]
        partner_id: PartnerId,
        #[sqlx(try_from = "As<MandateId>")]
        id: MandateId,
        version: i64,
    }
    let rows: Vec<VersionRow> = tx.query(LOCK_SHARED_VERSIONS).bind(List::rows(mandates)).all().await?;
    Ok(rows.into_iter().map(|row| ((row.partner_id, row.id), row.version)).collect())
}
