//! Reads of tips.

use quanzi_openapi::id::{CircleId, PartnerId, PostId};
use quanzi_openapi::tips::{Leaderboard, LeaderboardQuery, TipDisclosure, TipTotals, Tipper};
use quanzi_openapi::{Money, Time};

use super::store;
use crate::capabilities::circles;
use crate::capabilities::content;
use crate::platform::db::Reader;
use crate::platform::fault::Fault;

/// What a circle was given.
pub async fn of_circle(tx: &mut Reader, partner: PartnerId, circle: CircleId) -> Result<TipTotals, Fault> {
    circles::service::must_exist(tx, partner, circle).await?;
    Ok(TipTotals { data: store::totals(tx, partner, &circle.to_string()).await? })
}

/// What a post was given.
pub async fn of_post(tx: &mut Reader, partner: PartnerId, now: Time, post: PostId) -> Result<TipTotals, Fault> {
    content::service::find(tx, partner, now, post).await?;
    Ok(TipTotals { data: store::totals(tx, partner, &post.to_string()).await? })
}

/// Who gives most.
pub async fn leaderboard(
    tx: &mut Reader,
    partner: PartnerId,
    circle: CircleId,
    query: &LeaderboardQuery,
) -> Result<Leaderboard, Fault> {
    circles::service::must_exist(tx, partner, circle).await?;
    let limit = query.limit.unwrap_or_default();
    let rows = store::tippers(tx, partner, circle, query.currency, limit).await?;
    let mut data: Vec<Tipper> = Vec::with_capacity(rows.len());
    for (number, row) in (1..).zip(rows) {
        let amount = Money::new(row.score, query.currency);
        let place = data.last().filter(|last| last.amount == amount).map_or(number, |last| last.place);
        let is_named = row.tip_disclosure == Some(TipDisclosure::Named);
        let (fan, nickname) = (is_named.then_some(row.fan_id), is_named.then_some(row.nickname));
        data.push(Tipper { place, fan, nickname, amount });
    }
    Ok(Leaderboard { data })
}
