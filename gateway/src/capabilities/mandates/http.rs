//! The endpoints of mandates: extract, one use-case, reply.

use quanzi_openapi::Page;
use quanzi_openapi::mandates::{CreateSandboxMandate, GetMandate, ListMandates, Mandate, RevokeMandate};

use super::service;
use crate::edge::{Call, Routes};
use crate::platform::Context;
use crate::platform::fault::Fault;

/// The routes of mandates.
pub fn routes(routes: Routes) -> Routes {
    routes.mount::<ListMandates, _>(list).mount::<GetMandate, _>(get).mount::<RevokeMandate, _>(revoke)
}

/// Routes of a sandbox.
pub fn sandbox_routes(routes: Routes) -> Routes {
    routes.mount::<CreateSandboxMandate, _>(create)
}

async fn create(call: &mut Call<CreateSandboxMandate>) -> Result<Mandate, Fault> {
    let context = Context { platform: &call.edge, partner: call.caller.partner, now: call.now };
    service::create(&mut call.tx, context, &call.body).await
}

async fn list(call: &mut Call<ListMandates>) -> Result<Page<Mandate>, Fault> {
    let context = Context { platform: &call.edge, partner: call.caller.partner, now: call.now };
    service::page(&mut call.tx, context, &call.query).await
}

async fn get(call: &mut Call<GetMandate>) -> Result<Mandate, Fault> {
    let context = Context { platform: &call.edge, partner: call.caller.partner, now: call.now };
    service::find(&mut call.tx, context, call.params.mandate).await
}

async fn revoke(call: &mut Call<RevokeMandate>) -> Result<Mandate, Fault> {
    let context = Context { platform: &call.edge, partner: call.caller.partner, now: call.now };
    service::revoke(&mut call.tx, context, call.params.mandate).await
}
