//! Fans: persons as one partner knows them.
//!
//! Invariants: a fan id is random for each pair of person and partner and reveals nothing about the person; a person's
//! attributes ([`PersonFacts`]) are only for gates, and leave the gateway only in the sandbox, for the partner that created the
//! person.

mod http;
mod model;
pub mod service;
mod store;

pub use http::routes;
pub use model::PersonFacts;

#[cfg(test)]
mod tests;
