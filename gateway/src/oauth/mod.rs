//! The authorization server: metadata, tokens, introspection, revocation; and what the API's edge asks of it.
//!
//! Invariants: every token is bound to a key (no bearer token exists); every failure of client authentication looks the same;
//! an assertion is used up in the transaction that issues the token, after everything else was checked; what is revoked is
//! refused by every process within two seconds.

mod client;
mod http;
pub mod keys;
mod model;
pub mod nonce;
pub mod proof;
pub mod revocation;
pub mod service;
pub mod store;
mod token;

#[cfg(test)]
mod tests;

pub use http::routes;
pub use keys::GatewayKeys;
pub use model::challenge;
pub use service::{Grant, authorize};
pub use token::{AccessToken, Tokens};
