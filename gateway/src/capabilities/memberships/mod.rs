//! Memberships: fans in circles.
//!
//! Invariants: one membership per circle and fan, permanently; at most one owner per circle, and only an active member has a
//! role other than member; every change increments the version, and concurrent changes are serialised.

mod http;
mod model;
pub mod service;
mod store;

pub use http::routes;
pub use model::MembershipAction;

#[cfg(test)]
mod tests;
