//! All SQL that reads totals of tips.

use quanzi_openapi::id::{CircleId, FanId, PartnerId};
use quanzi_openapi::tips::{TipDisclosure, TipTotal};
use quanzi_openapi::{Currency, Limit, Money};
use sqlx::FromRow;

use crate::platform::db::{As, Fault, Reader, Sql, enum_columns};
use crate::sql;

enum_columns!(TipDisclosure);

const TOTALS: Sql = sql!(
    "select currency, tips, amount from tip_total where partner_id = $1 and subject = $2 and tips > 0 order by currency"
);
// Who wants to be absent has no place.
const TIPPERS: Sql = sql!(
    "select t.fan_id, t.score, f.tip_disclosure, p.nickname from tipper t \
     join fan f on f.partner_id = t.partner_id and f.id = t.fan_id join person p on p.id = f.person_id \
     where t.partner_id = $1 and t.circle_id = $2 and t.currency = $3 and t.score > 0 \
     and coalesce(f.tip_disclosure, 'anonymous') <> 'absent' order by t.score desc, t.fan_id limit $4"
);

#[derive(FromRow)]
struct TotalRow {
    #[sqlx(try_from = "As<Currency>")]
    currency: Currency,
    tips: i64,
    amount: i64,
}

/// A place among the tippers.
#[derive(Debug, FromRow)]
pub struct TipperRow {
    #[sqlx(try_from = "As<FanId>")]
    pub fan_id: FanId,
    pub score: i64,
    #[sqlx(try_from = "As<Option<TipDisclosure>>")]
    pub tip_disclosure: Option<TipDisclosure>,
    pub nickname: String,
}

pub async fn totals(tx: &mut Reader, partner: PartnerId, subject: &str) -> Result<Vec<TipTotal>, Fault> {
    let rows: Vec<TotalRow> = tx.query(TOTALS).bind(partner).bind(subject).all().await?;
    Ok(rows.into_iter().map(|row| TipTotal { tips: row.tips, amount: Money::new(row.amount, row.currency) }).collect())
}

pub async fn tippers(
    tx: &mut Reader,
    partner: PartnerId,
    circle: CircleId,
    currency: Currency,
    limit: Limit,
) -> Result<Vec<TipperRow>, Fault> {
    let rows = i64::try_from(limit.rows()).unwrap_or(i64::MAX);
    tx.query(TIPPERS).bind(partner).bind(circle).bind(currency).bind(rows).all().await
}
