//! The endpoints of gates: extract, one use-case, reply.

use quanzi_openapi::gates::{EvaluateGate, Evaluation, Gate, GetGate, PutGate};

use super::service;
use crate::edge::Call;
use crate::edge::Routes;
use crate::platform::fault::Fault;

/// The routes of gates.
pub fn routes(routes: Routes) -> Routes {
    routes.mount::<GetGate, _>(get).mount::<PutGate, _>(put).mount::<EvaluateGate, _>(evaluate)
}

async fn get(call: &mut Call<GetGate>) -> Result<Gate, Fault> {
    service::find(&mut call.tx, call.caller.partner, call.params.circle).await
}

async fn put(call: &mut Call<PutGate>) -> Result<Gate, Fault> {
    let locked = service::lock(&mut call.tx, call.caller.partner, call.params.circle).await?;
    call.check_version(locked.gate.version)?;
    service::put(&mut call.tx, &call.edge.clock, call.caller.partner, call.now, &locked, &call.body).await
}

async fn evaluate(call: &mut Call<EvaluateGate>) -> Result<Evaluation, Fault> {
    let (partner, circle) = (call.caller.partner, call.params.circle);
    service::evaluate(&mut call.tx, &call.edge.clock, partner, call.now, circle, &call.body).await
}
