//! The partner's endpoints of grants: extract, one use-case, reply.

use quanzi_openapi::grants::{Grant, ListGrants, RevokeGrant};
use quanzi_openapi::{Nothing, Page};

use super::service;
use crate::edge::{Call, Routes};
use crate::platform::fault::Fault;

/// The routes of grants.
pub fn routes(routes: Routes) -> Routes {
    routes.mount::<ListGrants, _>(list).mount::<RevokeGrant, _>(revoke)
}

async fn list(call: &mut Call<ListGrants>) -> Result<Page<Grant>, Fault> {
    service::page(&mut call.tx, call.caller.partner, &call.query).await
}

async fn revoke(call: &mut Call<RevokeGrant>) -> Result<Nothing, Fault> {
    service::revoke(&mut call.tx, &call.edge.clock, call.caller.partner, call.now, call.params.grant).await?;
    call.access_changed = true;
    Ok(Nothing {})
}
