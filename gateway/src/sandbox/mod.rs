//! Only in sandbox mode: self-service partner registration, signature checks, the movable clock, and the demo partner.

pub mod clock;
pub mod demo;
mod http;
mod service;
mod signature_check;
mod store;

pub use http::routes;
pub use service::register;
