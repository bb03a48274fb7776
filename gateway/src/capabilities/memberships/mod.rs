//! Memberships: fans in circles.
//!
//! Invariants: one membership per circle and fan, for ever; at most one owner per circle, and only an active member has a
//! role other than member; every change counts up the version, and of two that meet one comes after the other.

mod http;
mod model;
pub mod service;
mod store;

pub use http::routes;
pub use model::Action;

#[cfg(test)]
mod tests;
