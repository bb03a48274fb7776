//! Health, for load balancers. Invariant: liveness is about this process alone; readiness means that a request sent now
//! would be served.

mod http;
mod store;

use crate::edge::Routes;
use quanzi_openapi::operations::{GetLiveness, GetReadiness};

/// Its routes.
pub fn routes(routes: Routes) -> Routes {
    routes.mount::<GetLiveness, _>(http::liveness).mount::<GetReadiness, _>(http::readiness)
}
