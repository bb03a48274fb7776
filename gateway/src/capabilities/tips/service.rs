//! Reads of tips.

use quanzi_openapi::id::{CircleId, PartnerId, PostId};
use quanzi_openapi::tips::{Leaderboard, LeaderboardQuery, TipDisclosure, TipTotals, Tipper};
use quanzi_openapi::{Money, Time};

use super::store;
use crate::capabilities::circles;
use crate::capabilities::content;
use crate::capabilities::fans;
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
    let rows_max = limit.rows();
    let mut data: Vec<Tipper> = Vec::with_capacity(rows_max);
    let mut after = None;
    while data.len() < rows_max {
        let rows = store::tippers(tx, partner, (circle, query.currency), after.as_ref(), rows_max).await?;
        let appearances = fans::service::appearances(tx, partner, rows.iter().map(|row| row.fan_id)).await?;
        let is_last = rows.len() < rows_max;
        for row in &rows {
            let Some((nickname, disclosure)) = appearances.get(&row.fan_id) else { continue };
            // Who wants to be absent has no place.
            if *disclosure == TipDisclosure::Absent || data.len() == rows_max {
                continue;
            }
            let amount = Money::new(row.score, query.currency);
            let number = u32::try_from(data.len()).unwrap_or(u32::MAX).saturating_add(1);
            let place = data.last().filter(|last| last.amount == amount).map_or(number, |last| last.place);
            let named = Some(nickname).filter(|_| *disclosure == TipDisclosure::Named);
            data.push(Tipper {
                place,
                fan: named.map(|_| row.fan_id),
                nickname: named.map(ToString::to_string),
                amount,
            });
        }
        after = rows.into_iter().next_back();
        if is_last {
            break;
        }
    }
    Ok(Leaderboard { data })
}
