//! The endpoints of circles that concern circles alone; the others are in `workflows/circles`.

use quanzi_openapi::Page;
use quanzi_openapi::circles::{Circle, GetCircle, ListCircles, OpenCircle};

use super::service;
use crate::edge::Call;
use crate::edge::Routes;
use crate::platform::fault::Fault;

/// The routes of circles.
pub fn routes(routes: Routes) -> Routes {
    routes.mount::<ListCircles, _>(list).mount::<GetCircle, _>(get).mount::<OpenCircle, _>(open)
}

async fn list(call: &mut Call<ListCircles>) -> Result<Page<Circle>, Fault> {
    service::page(&mut call.tx, call.caller.partner, &call.query).await
}

async fn get(call: &mut Call<GetCircle>) -> Result<Circle, Fault> {
    service::find(&mut call.tx, call.caller.partner, call.params.circle).await
}

async fn open(call: &mut Call<OpenCircle>) -> Result<Circle, Fault> {
    service::open(&mut call.tx, call.caller.partner, call.now, call.params.circle).await
}
