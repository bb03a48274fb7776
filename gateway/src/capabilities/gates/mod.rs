//! Gates: the versioned rules to join a circle, and evaluations, rule by rule.
//!
//! Invariants: a version never changes once it has been evaluated; an answer says passed, failed or pending and nothing
//! else. What a partner can learn about a person's credit band is limited in three ways: an answer about it stays the same
//! for a day per circle and fan, whatever changes; the band of a circle's gate can change only a few times a day; and across
//! all its circles a partner can test a fan for only one band per month, because two answers would reveal the band.

mod http;
mod model;
pub mod service;
mod store;

pub use http::routes;
pub use model::check_bands;
pub use store::sweep;

#[cfg(test)]
mod tests;
