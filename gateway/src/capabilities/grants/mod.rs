//! Grants: what a fan lets an app do.
//!
//! Invariants: a fan has at most one active grant for an app; a grant only grows, and withdrawing a scope revokes it;
//! revoking a grant revokes its refresh tokens in the same transaction, and its access tokens in every process within two
//! seconds.

mod http;
mod model;
pub mod service;
mod store;

#[cfg(test)]
mod tests;

pub use http::routes;
