//! The endpoints of tips: extract, one use-case, reply.

use quanzi_openapi::tips::{GetCircleTips, GetLeaderboard, GetPostTips, Leaderboard, TipTotals};

use super::service;
use crate::edge::{Call, Routes};
use crate::platform::fault::Fault;

/// The routes of tips.
pub fn routes(routes: Routes) -> Routes {
    routes.mount::<GetCircleTips, _>(of_circle).mount::<GetPostTips, _>(of_post).mount::<GetLeaderboard, _>(leaderboard)
}

async fn of_circle(call: &mut Call<GetCircleTips>) -> Result<TipTotals, Fault> {
    service::of_circle(&mut call.tx, call.caller.partner, call.params.circle).await
}

async fn of_post(call: &mut Call<GetPostTips>) -> Result<TipTotals, Fault> {
    service::of_post(&mut call.tx, call.caller.partner, call.now, call.params.post).await
}

async fn leaderboard(call: &mut Call<GetLeaderboard>) -> Result<Leaderboard, Fault> {
    service::leaderboard(&mut call.tx, call.caller.partner, call.params.circle, &call.query).await
}
