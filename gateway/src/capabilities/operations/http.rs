//! Handlers.

use quanzi_openapi::ErrorCode;
use quanzi_openapi::operations::{GetLiveness, GetReadiness, Health};

use super::store;
use crate::edge::{Anyone, Call};
use crate::platform::db;
use crate::platform::fault::Fault;

pub(super) async fn liveness(_: &mut Call<GetLiveness, Anyone>) -> Result<Health, Fault> {
    Ok(healthy())
}

pub(super) async fn readiness(call: &mut Call<GetReadiness, Anyone>) -> Result<Health, Fault> {
    let version = store::migration(&mut call.tx).await?;
    // A newer database is fine: migrations expand before they contract, and a newer gateway may run beside us.
    if version < db::latest_version() {
        return Err(Fault::new(ErrorCode::Overloaded).detail("The database is not migrated yet."));
    }
    // Last: the database may have taken its time, and this is about the moment of the answer.
    if call.edge.stopping.is_set() {
        return Err(Fault::new(ErrorCode::Overloaded).detail("The gateway is shutting down."));
    }
    Ok(healthy())
}

fn healthy() -> Health {
    Health { status: "ok".to_owned(), version: env!("CARGO_PKG_VERSION").to_owned() }
}
