//! The endpoints of circles: extract, one use-case, reply.

use quanzi_openapi::Page;
use quanzi_openapi::circles::{ChangeCircle, Circle, CloseCircle, CreateCircle, GetCircle, ListCircles, OpenCircle};

use super::service;
use crate::edge::Call;
use crate::edge::Routes;
use crate::platform::fault::Fault;

/// The routes of circles.
pub fn routes(routes: Routes) -> Routes {
    routes
        .mount::<CreateCircle, _>(create)
        .mount::<ListCircles, _>(list)
        .mount::<GetCircle, _>(get)
        .mount::<ChangeCircle, _>(change)
        .mount::<OpenCircle, _>(open)
        .mount::<CloseCircle, _>(close)
}

async fn create(call: &mut Call<CreateCircle>) -> Result<Circle, Fault> {
    service::create(&mut call.tx, &call.edge.clock, call.caller.partner, call.now, &call.body).await
}

async fn list(call: &mut Call<ListCircles>) -> Result<Page<Circle>, Fault> {
    service::page(&mut call.tx, call.caller.partner, &call.query).await
}

async fn get(call: &mut Call<GetCircle>) -> Result<Circle, Fault> {
    service::find(&mut call.tx, call.caller.partner, call.params.circle).await
}

async fn change(call: &mut Call<ChangeCircle>) -> Result<Circle, Fault> {
    let circle = service::lock(&mut call.tx, call.caller.partner, call.params.circle).await?;
    call.check_version(circle.version)?;
    service::change(&mut call.tx, call.caller.partner, call.now, circle, &call.body).await
}

async fn open(call: &mut Call<OpenCircle>) -> Result<Circle, Fault> {
    service::open(&mut call.tx, call.caller.partner, call.now, call.params.circle).await
}

async fn close(call: &mut Call<CloseCircle>) -> Result<Circle, Fault> {
    service::close(&mut call.tx, call.caller.partner, call.now, call.params.circle).await
}
