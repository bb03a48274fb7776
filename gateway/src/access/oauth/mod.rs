//! The authorization server: metadata, pushed requests, tokens, introspection, revocation; and token checks for the API's
//! edge.
//!
//! Invariants: every token is bound to a key (there are no bearer tokens); every failure of client authentication looks the
//! same; an assertion is consumed in the transaction that issues the token, after all other checks; a revoked token is
//! refused by every process within two seconds.

pub mod authorization;
pub(crate) mod client;
pub(crate) mod fan_store;
pub(crate) mod model;
pub mod nonce;
pub mod proof;
pub mod revocation;
mod revocation_window;
pub mod service;
pub mod store;
pub(crate) mod token;

#[cfg(test)]
mod tests;

pub use fan_store::sweep as sweep_consent;
pub use model::{AuthorizationRequest, challenge};
pub use service::{Authorized, authorize};
pub use store::{Assertions, sweep};
pub use token::{AccessToken, Holder, Tokens};
