//! Handlers of the sandbox.

use quanzi_openapi::sandbox::{
    AdvanceClock, CheckSignature, ClockAdvanced, GetClock, RegisterPartner, Registration, SandboxClock,
};

use crate::capabilities::apps::service::Context;
use crate::edge::Routes;
use crate::edge::{Anyone, Call};
use crate::platform::fault::Fault;
use crate::platform::outbox;

use super::{clock, service, signature_check};

/// The capability's routes; mounted in sandbox mode only.
pub fn routes(routes: Routes) -> Routes {
    routes
        .mount_public::<RegisterPartner>(register)
        .mount_public::<CheckSignature>(signature_check::check)
        .mount::<GetClock>(read_clock)
        .mount::<AdvanceClock>(advance_clock)
}

async fn register(call: &mut Call<RegisterPartner, Anyone>) -> Result<Registration, Fault> {
    call.app.limits.registration(call.request.address)?;
    let mut tx = call.app.db.begin().await?;
    let registered = service::register(&mut tx, Context::new(&call.app, call.now), &call.body).await?;
    outbox::service::commit(&call.app, tx).await?;
    Ok(registered)
}

async fn read_clock(call: &mut Call<GetClock>) -> Result<SandboxClock, Fault> {
    clock::read(&mut call.tx, &call.app.clock).await
}

async fn advance_clock(call: &mut Call<AdvanceClock>) -> Result<ClockAdvanced, Fault> {
    call.end_transaction().await?;
    clock::advance(&call.app, call.caller.partner, &call.body.advance).await.map_err(Fault::once)
}
