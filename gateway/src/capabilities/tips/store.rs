//! All SQL that reads totals of tips.

use quanzi_openapi::id::{CircleId, FanId, PartnerId};
use quanzi_openapi::tips::TipTotal;
use quanzi_openapi::{Currency, Money};
use sqlx::FromRow;

use crate::platform::db::{As, Fault, Reader, Sql};
use crate::sql;

const TOTALS: Sql = sql!(
    "select currency, tips, amount from tip_total where partner_id = $1 and subject = $2 and tips > 0 order by currency"
);
const TIPPERS: Sql = sql!(
    "select fan_id, score from tipper where partner_id = $1 and circle_id = $2 and currency = $3 and score > 0 \
     and (score < $4 or (score = $4 and fan_id > $5)) order by score desc, fan_id limit $6"
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
}

pub async fn totals(tx: &mut Reader, partner: PartnerId, subject: &str) -> Result<Vec<TipTotal>, Fault> {
    let rows: Vec<TotalRow> = tx.query(TOTALS).bind(partner).bind(subject).all().await?;
    Ok(rows.into_iter().map(|row| TipTotal { tips: row.tips, amount: Money::new(row.amount, row.currency) }).collect())
}

/// Tippers after this one, or from the first on.
pub async fn tippers(
    tx: &mut Reader,
    partner: PartnerId,
    (circle, currency): (CircleId, Currency),
    after: Option<&TipperRow>,
    rows: usize,
) -> Result<Vec<TipperRow>, Fault> {
    let (score, fan) = after.map_or((i64::MAX, String::new()), |after| (after.score, after.fan_id.to_string()));
    let query = tx.query(TIPPERS).bind(partner).bind(circle).bind(currency).bind(score).bind(fan);
    query.bind(i64::try_from(rows).unwrap_or(i64::MAX)).all().await
}
