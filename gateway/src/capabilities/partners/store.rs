//! All SQL of partners.

use quanzi_openapi::Time;
use quanzi_openapi::id::PartnerId;
use quanzi_openapi::partners::{LegalName, Partner, PartnerName, WebAddress};
use sqlx::FromRow;

use crate::platform::db::{As, Fault, Reader, Sql, Tx};
use crate::sql;

macro_rules! columns {
    () => {
        "id, name, legal_name, website, version, created_at, updated_at"
    };
}

const INSERT: Sql = sql!(
    "insert into partner (id, name, legal_name, website, version, created_at, updated_at) values ($1, $2, $3, $4, 1, $5, $5)"
);
const FIND: Sql = sql!("select ", columns!(), " from partner where id = $1");
const LOCK: Sql = sql!("select ", columns!(), " from partner where id = $1", [" for no key update"]);
const UPDATE: Sql = sql!(
    "update partner set name = $2, website = $3, version = version + 1, updated_at = $4 where id = $1 returning ",
    columns!()
);

const IDS_AFTER: Sql = sql!("select id from partner where id > $1 order by id limit $2");
const SET_FEE: Sql = sql!("update partner set fee_bps = $2 where id = $1");

#[derive(FromRow)]
struct PartnerRow {
    #[sqlx(try_from = "As<PartnerId>")]
    id: PartnerId,
    #[sqlx(try_from = "As<PartnerName>")]
    name: PartnerName,
    #[sqlx(try_from = "As<LegalName>")]
    legal_name: LegalName,
    #[sqlx(try_from = "As<Option<WebAddress>>")]
    website: Option<WebAddress>,
    version: i64,
    #[sqlx(try_from = "As<Time>")]
    created_at: Time,
    #[sqlx(try_from = "As<Time>")]
    updated_at: Time,
}

impl From<PartnerRow> for Partner {
    fn from(PartnerRow { id, name, legal_name, website, version, created_at, updated_at }: PartnerRow) -> Self {
        Self { id, name, legal_name, website, version, created_at, updated_at }
    }
}

/// Adds a partner.
pub(super) async fn insert(tx: &mut Tx, partner: &Partner) -> Result<(), Fault> {
    tx.query(INSERT)
        .bind(partner.id)
        .bind(&partner.name)
        .bind(&partner.legal_name)
        .bind(&partner.website)
        .bind(partner.created_at)
        .run()
        .await?;
    Ok(())
}

/// The partner.
pub(super) async fn find(tx: &mut Reader, partner: PartnerId) -> Result<Option<Partner>, Fault> {
    Ok(tx.query(FIND).bind(partner).optional::<PartnerRow>().await?.map(Into::into))
}

/// The partner, held until the transaction ends.
pub(super) async fn lock(tx: &mut Tx, partner: PartnerId) -> Result<Option<Partner>, Fault> {
    Ok(tx.query(LOCK).bind(partner).optional::<PartnerRow>().await?.map(Into::into))
}

/// Puts the partner's fields in place and counts its version.
pub(super) async fn update(tx: &mut Tx, partner: &Partner) -> Result<Partner, Fault> {
    let row: PartnerRow = tx
        .query(UPDATE)
        .bind(partner.id)
        .bind(&partner.name)
        .bind(&partner.website)
        .bind(partner.updated_at)
        .one()
        .await?;
    Ok(row.into())
}

/// False when there is no such partner.
pub(super) async fn set_fee(tx: &mut Tx, partner: PartnerId, fee_bps: Option<i64>) -> Result<bool, Fault> {
    Ok(tx.query(SET_FEE).bind(partner).bind(fee_bps).run().await? == 1)
}

/// The ids after this one, in order, at most so many.
pub(super) async fn ids_after(
    tx: &mut Reader,
    after: Option<PartnerId>,
    rows_max: i64,
) -> Result<Vec<PartnerId>, Fault> {
    #[derive(FromRow)]
    struct IdRow {
        #[sqlx(try_from = "As<PartnerId>")]
        id: PartnerId,
    }
    let after = after.map(|id| id.to_string()).unwrap_or_default();
    let rows: Vec<IdRow> = tx.query(IDS_AFTER).bind(after).bind(rows_max).all().await?;
    Ok(rows.into_iter().map(|row| row.id).collect())
}
