//! Handlers of the sandbox.

use std::sync::Arc;

use quanzi_openapi::sandbox::{
    AdvanceClock, CheckSignature, ClockAdvanced, GetClock, RegisterPartner, Registration, SandboxClock,
};

use crate::capabilities::apps::service::Context;
use crate::edge::Routes;
use crate::edge::{Anyone, Call};
use crate::platform::fault::Fault;
use crate::platform::jobs::Jobs;
use crate::platform::outbox;

use super::{clock, service, signature_check};

/// The capability's routes; mounted in sandbox mode only.
pub fn routes(routes: Routes, jobs: &Arc<Jobs>) -> Routes {
    let jobs = Arc::clone(jobs);
    let advance_clock = async move |call: &mut Call<AdvanceClock>| advance_clock(call, &jobs).await;
    routes
        .mount::<RegisterPartner, _>(register)
        .mount::<CheckSignature, _>(signature_check::check)
        .mount::<GetClock, _>(read_clock)
        .mount::<AdvanceClock, _>(advance_clock)
}

async fn register(call: &mut Call<RegisterPartner, Anyone>) -> Result<Registration, Fault> {
    call.edge.limits.registration(call.request.address)?;
    let mut tx = call.edge.db.begin().await?;
    let registered = service::register(&mut tx, Context::new(&call.edge, call.now), &call.body).await?;
    outbox::service::commit(&call.edge, tx).await?;
    Ok(registered)
}

async fn read_clock(call: &mut Call<GetClock>) -> Result<SandboxClock, Fault> {
    clock::read(&mut call.tx, &call.edge.clock).await
}

async fn advance_clock(call: &mut Call<AdvanceClock>, jobs: &Arc<Jobs>) -> Result<ClockAdvanced, Fault> {
    call.end_transaction().await?;
    clock::advance((call.edge.access(), jobs), call.caller.partner, &call.body.advance).await.map_err(Fault::once)
}
