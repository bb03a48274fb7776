//! Partners: the tenants. Invariant: the legal name is set at registration, and no call of a partner changes it.

mod http;
pub mod service;
mod store;

pub use http::routes;
