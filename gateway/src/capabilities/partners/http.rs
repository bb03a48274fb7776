//! Handlers of partners.

use quanzi_openapi::partners::{ChangePartner, GetPartner, Partner};

use crate::edge::Call;
use crate::edge::Routes;
use crate::platform::fault::Fault;

use super::service;

/// The capability's routes.
pub fn routes(routes: Routes) -> Routes {
    routes.mount::<GetPartner, _>(get).mount::<ChangePartner, _>(change)
}

async fn get(call: &mut Call<GetPartner>) -> Result<Partner, Fault> {
    service::get(&mut call.tx, call.caller.partner).await
}

async fn change(call: &mut Call<ChangePartner>) -> Result<Partner, Fault> {
    let before = service::lock(&mut call.tx, call.caller.partner).await?;
    call.check_version(before.version)?;
    // Cloned: after a conflict the edge runs the handler again with the same body.
    service::change(&mut call.tx, before, call.body.clone(), call.now).await
}
