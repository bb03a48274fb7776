//! The endpoints of test fans (sandbox only): extract, one use-case, reply.

use quanzi_openapi::fans::{ChangeSandboxFan, CreateSandboxFan, GetSandboxFan, SandboxFan};

use super::service;
use crate::edge::Call;
use crate::edge::Routes;
use crate::platform::fault::Fault;

/// The routes of invented fans; mounted in sandbox mode only.
pub fn routes(routes: Routes) -> Routes {
    routes.mount::<CreateSandboxFan, _>(create).mount::<GetSandboxFan, _>(get).mount::<ChangeSandboxFan, _>(change)
}

async fn create(call: &mut Call<CreateSandboxFan>) -> Result<SandboxFan, Fault> {
    service::invent(&mut call.tx, &call.edge.clock, call.caller.partner, call.now, &call.body).await
}

async fn get(call: &mut Call<GetSandboxFan>) -> Result<SandboxFan, Fault> {
    service::invented(&mut call.tx, call.caller.partner, call.params.fan).await
}

async fn change(call: &mut Call<ChangeSandboxFan>) -> Result<SandboxFan, Fault> {
    service::change(&mut call.tx, call.caller.partner, call.now, call.params.fan, &call.body).await
}
