//! The endpoints of memberships: extract, one use-case, reply.

use quanzi_openapi::memberships::{
    ApproveMembership, BanMembership, ChangeMembership, GetMembership, JoinCircle, LeaveMembership, ListMemberships,
    Membership, MembershipPath, RejectMembership, RemoveMembership, UnbanMembership,
};
use quanzi_openapi::{Endpoint, Page};

use super::model::Action;
use super::service;
use crate::edge::Routes;
use crate::edge::{Call, Effect};
use crate::platform::db::Tx;
use crate::platform::fault::Fault;

/// The routes of memberships.
pub fn routes(routes: Routes) -> Routes {
    routes
        .mount::<JoinCircle, _>(join)
        .mount::<ListMemberships, _>(list)
        .mount::<GetMembership, _>(get)
        .mount::<ChangeMembership, _>(change)
        .mount::<ApproveMembership, _>(approve)
        .mount::<RejectMembership, _>(reject)
        .mount::<RemoveMembership, _>(remove)
        .mount::<BanMembership, _>(ban)
        .mount::<UnbanMembership, _>(unban)
        .mount::<LeaveMembership, _>(leave)
}

async fn join(call: &mut Call<JoinCircle>) -> Result<Membership, Fault> {
    let (partner, circle) = (call.caller.partner, call.params.circle);
    service::join(&mut call.tx, &call.edge.clock, partner, call.now, circle, &call.body).await
}

async fn list(call: &mut Call<ListMemberships>) -> Result<Page<Membership>, Fault> {
    service::page(&mut call.tx, call.caller.partner, call.params.circle, &call.query).await
}

async fn get(call: &mut Call<GetMembership>) -> Result<Membership, Fault> {
    service::find(&mut call.tx, call.caller.partner, call.params.membership).await
}

async fn change(call: &mut Call<ChangeMembership>) -> Result<Membership, Fault> {
    let before = service::lock_with_circle(&mut call.tx, call.caller.partner, call.params.membership).await?;
    call.check_version(before.version)?;
    service::change(&mut call.tx, call.caller.partner, call.now, before, &call.body).await
}

async fn approve(call: &mut Call<ApproveMembership>) -> Result<Membership, Fault> {
    act(call, Action::Approve).await
}

async fn reject(call: &mut Call<RejectMembership>) -> Result<Membership, Fault> {
    act(call, Action::Reject).await
}

async fn remove(call: &mut Call<RemoveMembership>) -> Result<Membership, Fault> {
    act(call, Action::Remove).await
}

async fn ban(call: &mut Call<BanMembership>) -> Result<Membership, Fault> {
    act(call, Action::Ban).await
}

async fn unban(call: &mut Call<UnbanMembership>) -> Result<Membership, Fault> {
    act(call, Action::Unban).await
}

async fn leave(call: &mut Call<LeaveMembership>) -> Result<Membership, Fault> {
    act(call, Action::Leave).await
}

async fn act<E: Endpoint<Params = MembershipPath, Verb: Effect<Handle = Tx>>>(
    call: &mut Call<E>,
    action: Action,
) -> Result<Membership, Fault> {
    service::act(&mut call.tx, call.caller.partner, call.now, call.params.membership, action).await
}
