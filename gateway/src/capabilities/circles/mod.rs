//! Circles: communities that a partner runs.
//!
//! Invariants: the status goes draft → open → closed and never back; name and slug are unique among a partner's circles;
//! `version` counts every change of the public form, including a new gate.
//!
//! Lock order: the circle first, then a fan or a post, then memberships.

mod http;
mod model;
pub mod service;
mod store;

pub use http::routes;
pub use model::CirclePolicy;

#[cfg(test)]
mod tests;
