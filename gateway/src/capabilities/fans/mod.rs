//! Fans: persons as one partner knows them.
//!
//! Invariants: a fan id is random for each pair of person and partner and reveals nothing about the person; a person's
//! attributes ([`Facts`]) are only for gates, and leave the gateway only in the sandbox, for the partner that created the
//! person.

mod http;
mod model;
pub mod service;
mod store;

pub use http::routes;
pub use model::Facts;

#[cfg(test)]
mod tests;
