//! Grants: what a fan lets an app do.
//!
//! Invariants: a fan has at most one active grant for an app; a grant only grows, and a part that is taken back ends it; with a
//! grant end its refresh tokens in the same transaction, and its access tokens at every process within two seconds.

mod http;
mod model;
pub mod service;
mod store;

#[cfg(test)]
mod tests;

pub use http::routes;
