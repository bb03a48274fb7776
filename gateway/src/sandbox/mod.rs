//! What only a sandbox has: registering a partner without asking anybody, and a demo partner to begin with.

pub mod clock;
pub mod demo;
mod http;
mod service;
mod signature_check;
mod store;

pub use http::routes;
pub use service::register;
