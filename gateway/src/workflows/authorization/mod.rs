//! The authorization server's endpoints: metadata, pushed requests, tokens for apps and for fans, introspection, revocation.

mod exchange;
mod http;
mod id_token;
pub mod service;

pub use http::routes;
