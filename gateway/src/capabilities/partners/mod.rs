//! Partners: the tenants. Invariant: the legal name is set at registration and changes through no partner's call.

mod http;
pub mod service;
mod store;

pub use http::routes;
