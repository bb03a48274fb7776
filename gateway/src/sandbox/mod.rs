//! What only a sandbox has: registering a partner without asking anybody, and a demo partner to begin with.

pub mod demo;
mod http;
mod service;
mod signature_check;

pub use http::routes;
pub use service::register;
