//! All SQL of tips. The poster's statements write in batches.

use std::collections::BTreeMap;

use quanzi_openapi::id::{CircleId, FanId, PartnerId};
use quanzi_openapi::tips::TipTotal;
use quanzi_openapi::{Currency, Money};
use serde::Serialize;
use sqlx::FromRow;

use super::change::TipChange;
use crate::platform::db::{As, Fault, List, Reader, Sql, Tx};
use crate::sql;

const TOTALS: Sql = sql!(
    "select currency, tips, amount from tip_total where partner_id = $1 and subject = $2 and tips > 0 order by currency"
);
const TIPPERS: Sql = sql!(
    "select fan_id, score from tipper where partner_id = $1 and circle_id = $2 and currency = $3 and score > 0 \
     and (score < $4 or (score = $4 and fan_id > $5)) order by score desc, fan_id limit $6"
);

const ADD_TIPS: Sql = sql!(
    "insert into tip_total (partner_id, subject, currency, tips, amount) \
     select value ->> 'partner_id', value ->> 'subject', value ->> 'currency', cast(value ->> 'tips' as bigint), \
     cast(value ->> 'amount' as bigint) \
     from json_each($1) where true order by value ->> 'partner_id', value ->> 'subject', value ->> 'currency' \
     on conflict (partner_id, subject, currency) do update set tips = tip_total.tips + excluded.tips, \
     amount = tip_total.amount + excluded.amount"
);
// score: what went to the circle, and to members as far as it is more than what came from members.
const ADD_TIPPERS: Sql = sql!(
    "insert into tipper (partner_id, circle_id, currency, fan_id, to_circle, to_members, from_members, score) \
     select value ->> 'partner_id', value ->> 'circle_id', value ->> 'currency', value ->> 'fan_id', \
     cast(value ->> 'to_circle' as bigint), cast(value ->> 'to_members' as bigint), \
     cast(value ->> 'from_members' as bigint), cast(value ->> 'score' as bigint) \
     from json_each($1) where true \
     order by value ->> 'partner_id', value ->> 'circle_id', value ->> 'currency', value ->> 'fan_id' \
     on conflict (partner_id, circle_id, currency, fan_id) do update set \
     to_circle = tipper.to_circle + excluded.to_circle, to_members = tipper.to_members + excluded.to_members, \
     from_members = tipper.from_members + excluded.from_members, \
     score = tipper.to_circle + excluded.to_circle + case \
     when tipper.to_members + excluded.to_members > tipper.from_members + excluded.from_members \
     then tipper.to_members + excluded.to_members - tipper.from_members - excluded.from_members else 0 end"
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

/// What a batch adds to the tips of a circle or a post.
#[derive(Serialize)]
struct TotalChange {
    partner_id: PartnerId,
    subject: String,
    currency: Currency,
    tips: i64,
    amount: i64,
}

/// What a batch adds to what a fan gave and got in a circle. The score is that of a fan who is new there.
#[derive(Serialize)]
struct TipperChange {
    partner_id: PartnerId,
    circle_id: CircleId,
    currency: Currency,
    fan_id: FanId,
    to_circle: i64,
    to_members: i64,
    from_members: i64,
    score: i64,
}

/// A fan in a circle, and a currency.
type TipperKey = (PartnerId, CircleId, &'static str, FanId);

/// Adds up what a batch of payments and refunds changes, and writes it.
pub async fn add_tips(tx: &mut Tx, changes: &[&TipChange]) -> Result<(), Fault> {
    let mut totals: BTreeMap<(PartnerId, String, &str), TotalChange> = BTreeMap::new();
    let mut tippers: BTreeMap<TipperKey, TipperChange> = BTreeMap::new();
    for change in changes {
        let TipChange { partner, circle, currency, .. } = **change;
        let subjects = std::iter::once(circle.to_string()).chain(change.post.map(|post| post.to_string()));
        for subject in subjects {
            let key = (partner, subject.clone(), currency.code());
            let total =
                totals.entry(key).or_insert(TotalChange { partner_id: partner, subject, currency, tips: 0, amount: 0 });
            total.tips += change.tips;
            total.amount += change.amount;
        }
        let mut tipper = |fan: FanId, count: fn(&mut TipperChange) -> &mut i64| {
            let tipper = tippers.entry((partner, circle, currency.code(), fan)).or_insert(TipperChange {
                partner_id: partner,
                circle_id: circle,
                currency,
                fan_id: fan,
                to_circle: 0,
                to_members: 0,
                from_members: 0,
                score: 0,
            });
            *count(tipper) += change.amount;
        };
        match change.author {
            None => tipper(change.fan, |tipper| &mut tipper.to_circle),
            Some(author) => {
                tipper(change.fan, |tipper| &mut tipper.to_members);
                tipper(author, |tipper| &mut tipper.from_members);
            }
        }
    }
    tx.query(ADD_TIPS).bind(List::rows(totals.into_values())).run().await?;
    let tippers = tippers.into_values().map(|tipper| TipperChange {
        score: tipper.to_circle + (tipper.to_members - tipper.from_members).max(0),
        ..tipper
    });
    tx.query(ADD_TIPPERS).bind(List::rows(tippers)).run().await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::platform::clock::Clock;
    use crate::platform::db::named::test::assert_bound_by_name;

    #[test]
    fn every_number_is_written_to_the_column_of_its_name() {
        let clock = Clock::system();
        let (partner_id, currency) = (clock.id(), Currency::CNY);
        let total = TotalChange { partner_id, subject: String::new(), currency, tips: 1, amount: 1 };
        let (circle_id, fan_id) = (clock.id(), clock.id());
        let (to_circle, to_members, from_members, score) = (1, 1, 1, 1);
        let tipper =
            TipperChange { partner_id, circle_id, currency, fan_id, to_circle, to_members, from_members, score };

        assert_bound_by_name(ADD_TIPS, &total);
        assert_bound_by_name(ADD_TIPPERS, &tipper);
    }
}
