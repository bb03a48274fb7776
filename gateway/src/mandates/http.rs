//! The endpoints of mandates: extract, one use-case, reply.

use quanzi_openapi::Page;
use quanzi_openapi::mandates::{CreateSandboxMandate, GetMandate, ListMandates, Mandate, RevokeMandate};

use super::service;
use crate::fault::Fault;
use crate::http::{Call, Routes};

/// The routes of mandates.
pub fn routes(routes: Routes) -> Routes {
    routes.mount::<ListMandates>(list).mount::<GetMandate>(get).mount::<RevokeMandate>(revoke)
}

/// Routes of a sandbox.
pub fn sandbox_routes(routes: Routes) -> Routes {
    routes.mount::<CreateSandboxMandate>(create)
}

async fn create(call: &mut Call<CreateSandboxMandate>) -> Result<Mandate, Fault> {
    service::create(&mut call.tx, &call.app.clock, call.caller.partner, call.now, &call.body).await
}

async fn list(call: &mut Call<ListMandates>) -> Result<Page<Mandate>, Fault> {
    service::page(&mut call.tx, call.caller.partner, &call.query).await
}

async fn get(call: &mut Call<GetMandate>) -> Result<Mandate, Fault> {
    service::find(&mut call.tx, call.caller.partner, call.params.mandate).await
}

async fn revoke(call: &mut Call<RevokeMandate>) -> Result<Mandate, Fault> {
    service::revoke(&mut call.tx, call.caller.partner, call.now, call.params.mandate).await
}
