//! Fans: persons as one partner knows them.
//!
//! Invariants: a fan id is random for each pair of person and partner, and nothing of it tells the person; what is known
//! of a person ([`Facts`]) is for gates alone and leaves the gateway only in the sandbox, for whom invented the person.

mod http;
mod model;
pub mod service;
mod store;

pub use http::routes;
pub use model::Facts;

#[cfg(test)]
mod tests;
