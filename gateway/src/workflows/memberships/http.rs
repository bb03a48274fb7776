//! The endpoints of memberships that concern posts too: extract, one use-case, reply.

use quanzi_openapi::Endpoint;
use quanzi_openapi::memberships::{
    ApproveMembership, BanMembership, LeaveMembership, Membership, MembershipPath, RejectMembership, RemoveMembership,
    UnbanMembership,
};

use super::service;
use crate::capabilities::memberships::MembershipAction;
use crate::edge::{Call, Effect, Routes};
use crate::platform::db::Tx;
use crate::platform::fault::Fault;

/// The routes of these use-cases.
pub fn routes(routes: Routes) -> Routes {
    routes
        .mount::<ApproveMembership, _>(approve)
        .mount::<RejectMembership, _>(reject)
        .mount::<RemoveMembership, _>(remove)
        .mount::<BanMembership, _>(ban)
        .mount::<UnbanMembership, _>(unban)
        .mount::<LeaveMembership, _>(leave)
}

async fn approve(call: &mut Call<ApproveMembership>) -> Result<Membership, Fault> {
    act(call, MembershipAction::Approve).await
}

async fn reject(call: &mut Call<RejectMembership>) -> Result<Membership, Fault> {
    act(call, MembershipAction::Reject).await
}

async fn remove(call: &mut Call<RemoveMembership>) -> Result<Membership, Fault> {
    act(call, MembershipAction::Remove).await
}

async fn ban(call: &mut Call<BanMembership>) -> Result<Membership, Fault> {
    act(call, MembershipAction::Ban).await
}

async fn unban(call: &mut Call<UnbanMembership>) -> Result<Membership, Fault> {
    act(call, MembershipAction::Unban).await
}

async fn leave(call: &mut Call<LeaveMembership>) -> Result<Membership, Fault> {
    act(call, MembershipAction::Leave).await
}

async fn act<E: Endpoint<Params = MembershipPath, Verb: Effect<Handle = Tx>>>(
    call: &mut Call<E>,
    action: MembershipAction,
) -> Result<Membership, Fault> {
    service::act(&mut call.tx, call.caller.partner, call.now, call.params.membership, action).await
}
