//! The endpoints of memberships: extract, one use-case, reply. Those that end one are in `workflows/memberships`.

use quanzi_openapi::Page;
use quanzi_openapi::memberships::{ChangeMembership, GetMembership, JoinCircle, ListMemberships, Membership};

use super::service;
use crate::edge::{Call, Routes};
use crate::platform::fault::Fault;

/// The routes of memberships.
pub fn routes(routes: Routes) -> Routes {
    routes
        .mount::<JoinCircle, _>(join)
        .mount::<ListMemberships, _>(list)
        .mount::<GetMembership, _>(get)
        .mount::<ChangeMembership, _>(change)
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
