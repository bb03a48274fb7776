//! The endpoints of circles that concern gates and posts too: extract, one use-case, reply.

use quanzi_openapi::circles::{ChangeCircle, Circle, CloseCircle, CreateCircle};

use super::service;
use crate::capabilities::circles;
use crate::edge::{Call, Routes};
use crate::platform::fault::Fault;

/// The routes of these use-cases.
pub fn routes(routes: Routes) -> Routes {
    routes.mount::<CreateCircle, _>(create).mount::<ChangeCircle, _>(change).mount::<CloseCircle, _>(close)
}

async fn create(call: &mut Call<CreateCircle>) -> Result<Circle, Fault> {
    service::create(&mut call.tx, &call.edge.clock, call.caller.partner, call.now, &call.body).await
}

async fn change(call: &mut Call<ChangeCircle>) -> Result<Circle, Fault> {
    let circle = circles::service::lock(&mut call.tx, call.caller.partner, call.params.circle).await?;
    call.check_version(circle.version)?;
    service::change(&mut call.tx, call.caller.partner, call.now, &circle, &call.body).await
}

async fn close(call: &mut Call<CloseCircle>) -> Result<Circle, Fault> {
    service::close(&mut call.tx, call.caller.partner, call.now, call.params.circle).await
}
