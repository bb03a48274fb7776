//! Health of the gateway, for operators and their load balancers.

use serde::{Deserialize, Serialize};

use crate::endpoint::{Access, Endpoint, Nothing, Reply, Tag, verb};
use crate::schema::ToSchema;

/// Health of the gateway.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[cfg_attr(not(feature = "server"), non_exhaustive)]
pub struct Health {
    /// Always `ok`; otherwise the response is an error.
    pub status: String,
    /// Version of the gateway.
    pub version: String,
}

impl Reply for Health {
    const CACHE: Option<&'static str> = Some("no-store");

    fn example_value() -> serde_json::Value {
        serde_json::json!({ "status": "ok", "version": env!("CARGO_PKG_VERSION") })
    }
}

/// Check liveness
///
/// Responds without using the database.
#[derive(ToSchema)]
pub struct GetLiveness;
impl Endpoint for GetLiveness {
    type Verb = verb::Get;
    const PATH: &'static str = "/healthz";
    const TAG: Tag = Tag::Operations;
    const ACCESS: Access = Access::Public;
    type Params = Nothing;
    type Query = Nothing;
    type Body = Nothing;
    type Reply = Health;
}

/// Check readiness
///
/// The database can be reached and its migrations are complete, and the gateway is not shutting down.
#[derive(ToSchema)]
pub struct GetReadiness;
impl Endpoint for GetReadiness {
    type Verb = verb::Get;
    const PATH: &'static str = "/readyz";
    const TAG: Tag = Tag::Operations;
    const ACCESS: Access = Access::Public;
    type Params = Nothing;
    type Query = Nothing;
    type Body = Nothing;
    type Reply = Health;
}
