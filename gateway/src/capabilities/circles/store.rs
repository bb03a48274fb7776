//! All SQL of circles. Reads join the partner, because its legal name is part of every circle.

use quanzi_openapi::circles::{
    Category, Circle, CircleLimits, CircleName, CircleOperator, CircleRights, CircleStatus, CircleText,
    Discoverability, Language, Slug,
};
use quanzi_openapi::id::{CircleId, PartnerId};
use quanzi_openapi::partners::{LegalName, PartnerName, WebAddress};
use quanzi_openapi::{ErrorCode, Limit, Time};
use sqlx::FromRow;

use super::model::CirclePolicy;
use crate::platform::db::{As, Fault as DbFault, Json, Reader, Sql, Tx, enum_columns, id_or_upper_bound};
use crate::platform::fault::Fault;
use crate::sql;

enum_columns!(Category CircleStatus Discoverability);

macro_rules! columns {
    () => {
        "p.name as partner_name, p.legal_name, c.id, c.name, c.slug, c.description, c.category, c.language, c.rules, \
         c.announcement, c.cover, c.discoverability, c.status, c.posts_per_member_per_day, c.comments_per_fan_per_day, c.rights, c.gate_version, c.version, \
         c.created_at, c.updated_at, c.opened_at, c.closed_at from circle c join partner p on p.id = c.partner_id "
    };
}

const FIND: Sql = sql!("select ", columns!(), "where c.partner_id = $1 and c.id = $2");
const LOCK: Sql = sql!("select ", columns!(), "where c.partner_id = $1 and c.id = $2", [" for no key update of c"]);
const POLICY_LOCKED: Sql = sql!(
    "select status, discoverability, posts_per_member_per_day, comments_per_fan_per_day, rights from circle where partner_id = $1 and id = $2",
    [" for share"]
);
const POLICY: Sql = sql!(
    "select status, discoverability, posts_per_member_per_day, comments_per_fan_per_day, rights from circle where partner_id = $1 and id = $2"
);
const EXISTS: Sql = sql!("select id from circle where partner_id = $1 and id = $2");
const OPERATOR: Sql = sql!("select name as partner_name, legal_name from partner where id = $1");
// A partner has few circles: filtering on the way costs less than an index for each filter.
const PAGE: Sql = sql!(
    "select ",
    columns!(),
    "where c.partner_id = $1 and c.id < $2 and (c.status = $3 or $3 is null) and (c.category = $4 or $4 is null) \
     order by c.id desc limit $5"
);
const INSERT: Sql = sql!(
    "insert into circle (partner_id, id, name, slug, description, category, language, rules, announcement, cover, \
     discoverability, status, posts_per_member_per_day, gate_version, version, created_at, updated_at, rights, \
     comments_per_fan_per_day) \
     values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19) on conflict do nothing"
);
const NAMESAKES: Sql =
    sql!("select name from circle where partner_id = $1 and id <> $2 and (name = $3 or slug = $4) order by id limit 2");
const UPDATE: Sql = sql!(
    "update circle set name = $3, slug = $4, description = $5, category = $6, language = $7, rules = $8, \
     announcement = $9, cover = $10, discoverability = $11, status = $12, posts_per_member_per_day = $13, \
     gate_version = $14, version = $15, updated_at = $16, opened_at = $17, closed_at = $18, rights = $19, comments_per_fan_per_day = $20 \
     where partner_id = $1 and id = $2"
);

#[derive(FromRow)]
struct CircleRow {
    #[sqlx(try_from = "As<PartnerName>")]
    partner_name: PartnerName,
    #[sqlx(try_from = "As<LegalName>")]
    legal_name: LegalName,
    #[sqlx(try_from = "As<CircleId>")]
    id: CircleId,
    #[sqlx(try_from = "As<CircleName>")]
    name: CircleName,
    #[sqlx(try_from = "As<Slug>")]
    slug: Slug,
    #[sqlx(try_from = "As<Option<CircleText>>")]
    description: Option<CircleText>,
    #[sqlx(try_from = "As<Category>")]
    category: Category,
    #[sqlx(try_from = "As<Language>")]
    language: Language,
    #[sqlx(try_from = "As<Option<CircleText>>")]
    rules: Option<CircleText>,
    #[sqlx(try_from = "As<Option<CircleText>>")]
    announcement: Option<CircleText>,
    #[sqlx(try_from = "As<Option<WebAddress>>")]
    cover: Option<WebAddress>,
    #[sqlx(try_from = "As<Discoverability>")]
    discoverability: Discoverability,
    #[sqlx(try_from = "As<CircleStatus>")]
    status: CircleStatus,
    posts_per_member_per_day: Option<i64>,
    comments_per_fan_per_day: Option<i64>,
    rights: Option<Json<CircleRights>>,
    gate_version: i64,
    version: i64,
    #[sqlx(try_from = "As<Time>")]
    created_at: Time,
    #[sqlx(try_from = "As<Time>")]
    updated_at: Time,
    #[sqlx(try_from = "As<Option<Time>>")]
    opened_at: Option<Time>,
    #[sqlx(try_from = "As<Option<Time>>")]
    closed_at: Option<Time>,
}

impl CircleRow {
    fn circle(self, partner: PartnerId) -> Circle {
        Circle {
            id: self.id,
            name: self.name,
            slug: self.slug,
            description: self.description,
            category: self.category.into(),
            language: self.language,
            rules: self.rules,
            announcement: self.announcement,
            cover: self.cover,
            discoverability: self.discoverability.into(),
            status: self.status.into(),
            operator: CircleOperator { partner, name: self.partner_name, legal_name: self.legal_name },
            gate_version: self.gate_version,
            limits: limits(self.posts_per_member_per_day, self.comments_per_fan_per_day),
            rights: rights(self.rights),
            version: self.version,
            created_at: self.created_at,
            updated_at: self.updated_at,
            opened_at: self.opened_at,
            closed_at: self.closed_at,
        }
    }
}

#[derive(FromRow)]
struct PolicyRow {
    #[sqlx(try_from = "As<CircleStatus>")]
    status: CircleStatus,
    #[sqlx(try_from = "As<Discoverability>")]
    discoverability: Discoverability,
    posts_per_member_per_day: Option<i64>,
    comments_per_fan_per_day: Option<i64>,
    rights: Option<Json<CircleRights>>,
}

impl PolicyRow {
    fn policy(self) -> CirclePolicy {
        CirclePolicy {
            status: self.status,
            limits: limits(self.posts_per_member_per_day, self.comments_per_fan_per_day),
            discoverability: self.discoverability,
            rights: rights(self.rights),
        }
    }
}

#[derive(FromRow)]
struct OperatorRow {
    #[sqlx(try_from = "As<PartnerName>")]
    partner_name: PartnerName,
    #[sqlx(try_from = "As<LegalName>")]
    legal_name: LegalName,
}

pub async fn find(tx: &mut Reader, partner: PartnerId, circle: CircleId) -> Result<Option<Circle>, DbFault> {
    let row: Option<CircleRow> = tx.query(FIND).bind(partner).bind(circle).optional().await?;
    Ok(row.map(|row| row.circle(partner)))
}

pub async fn lock(tx: &mut Tx, partner: PartnerId, circle: CircleId) -> Result<Option<Circle>, DbFault> {
    let row: Option<CircleRow> = tx.query(LOCK).bind(partner).bind(circle).optional().await?;
    Ok(row.map(|row| row.circle(partner)))
}

pub async fn lock_policy_shared(
    tx: &mut Tx,
    partner: PartnerId,
    circle: CircleId,
) -> Result<Option<CirclePolicy>, DbFault> {
    let row: Option<PolicyRow> = tx.query(POLICY_LOCKED).bind(partner).bind(circle).optional().await?;
    Ok(row.map(PolicyRow::policy))
}

/// The same, nobody held.
pub async fn policy(tx: &mut Reader, partner: PartnerId, circle: CircleId) -> Result<Option<CirclePolicy>, DbFault> {
    let row: Option<PolicyRow> = tx.query(POLICY).bind(partner).bind(circle).optional().await?;
    Ok(row.map(PolicyRow::policy))
}

pub async fn exists(tx: &mut Reader, partner: PartnerId, circle: CircleId) -> Result<bool, DbFault> {
    let row: Option<(String,)> = tx.query(EXISTS).bind(partner).bind(circle).optional().await?;
    Ok(row.is_some())
}

pub async fn operator(tx: &mut Reader, partner: PartnerId) -> Result<CircleOperator, DbFault> {
    let row: OperatorRow = tx.query(OPERATOR).bind(partner).one().await?;
    Ok(CircleOperator { partner, name: row.partner_name, legal_name: row.legal_name })
}

pub async fn page(
    tx: &mut Reader,
    partner: PartnerId,
    before: Option<CircleId>,
    status: Option<CircleStatus>,
    category: Option<Category>,
    limit: Limit,
) -> Result<Vec<Circle>, DbFault> {
    let before = id_or_upper_bound(before);
    let page = tx.query(PAGE).bind(partner).bind(before).bind(status).bind(category).bind(limit.rows_and_one());
    let rows: Vec<CircleRow> = page.all().await?;
    Ok(rows.into_iter().map(|row| row.circle(partner)).collect())
}

pub async fn insert(tx: &mut Tx, partner: PartnerId, circle: &Circle) -> Result<(), Fault> {
    let insert = tx
        .query(INSERT)
        .bind(partner)
        .bind(circle.id)
        .bind(&circle.name)
        .bind(&circle.slug)
        .bind(&circle.description)
        .bind(circle.category.known())
        .bind(&circle.language)
        .bind(&circle.rules)
        .bind(&circle.announcement)
        .bind(&circle.cover)
        .bind(circle.discoverability.known())
        .bind(circle.status.known())
        .bind(circle.limits.posts_per_member_per_day.map(i64::from))
        .bind(circle.gate_version)
        .bind(circle.version)
        .bind(circle.created_at)
        .bind(circle.updated_at)
        .bind(kept(&circle.rights))
        .bind(circle.limits.comments_per_fan_per_day.map(i64::from));
    if insert.run().await? == 1 {
        return Ok(());
    }
    check_names(tx, partner, circle).await?;
    // Whoever had the name has given it up since.
    Err(DbFault::Retry.into())
}

pub async fn update(tx: &mut Tx, partner: PartnerId, circle: &Circle) -> Result<(), Fault> {
    check_names(tx, partner, circle).await?;
    let update = tx
        .query(UPDATE)
        .bind(partner)
        .bind(circle.id)
        .bind(&circle.name)
        .bind(&circle.slug)
        .bind(&circle.description)
        .bind(circle.category.known())
        .bind(&circle.language)
        .bind(&circle.rules)
        .bind(&circle.announcement)
        .bind(&circle.cover)
        .bind(circle.discoverability.known())
        .bind(circle.status.known())
        .bind(circle.limits.posts_per_member_per_day.map(i64::from))
        .bind(circle.gate_version)
        .bind(circle.version)
        .bind(circle.updated_at)
        .bind(circle.opened_at)
        .bind(circle.closed_at)
        .bind(kept(&circle.rights))
        .bind(circle.limits.comments_per_fan_per_day.map(i64::from));
    match update.run().await {
        Ok(_) => Ok(()),
        // Somebody took one of the names since it was looked for: the next run sees whose it is.
        Err(DbFault::Unique(_)) => Err(DbFault::Retry.into()),
        Err(fault) => Err(fault.into()),
    }
}

/// Refuses names that another circle has. Which one is not read from the name of a constraint: an engine that shards does not tell it.
async fn check_names(tx: &mut Reader, partner: PartnerId, circle: &Circle) -> Result<(), Fault> {
    let query = tx.query(NAMESAKES).bind(partner).bind(circle.id).bind(&circle.name).bind(&circle.slug);
    let names: Vec<(String,)> = query.all().await?;
    if names.iter().any(|(name,)| *name == circle.name.to_string()) {
        return Err(ErrorCode::CircleNameTaken.into());
    }
    if names.is_empty() { Ok(()) } else { Err(ErrorCode::CircleSlugTaken.into()) }
}

fn limits(posts: Option<i64>, comments: Option<i64>) -> CircleLimits {
    // What was written fits; anything else would be the strictest reading of a broken row.
    let read = |kept: Option<i64>| kept.map(|kept| u16::try_from(kept).unwrap_or(0));
    CircleLimits { posts_per_member_per_day: read(posts), comments_per_fan_per_day: read(comments) }
}

fn rights(kept: Option<Json<CircleRights>>) -> CircleRights {
    kept.map(|kept| kept.0).unwrap_or_default()
}

/// The defaults are not kept, so that better ones reach the circles that never chose.
fn kept(rights: &CircleRights) -> Option<Json<&CircleRights>> {
    (*rights != CircleRights::default()).then_some(Json(rights))
}
