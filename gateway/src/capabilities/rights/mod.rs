//! Rights: what a fan may read and do in a circle through an app.
//!
//! Invariants: a right applies to fans, never to the partner; a banned fan has none; a requirement about a person is
//! answered as by a gate: passed or failed, the same for a day, for one credit band.

mod model;
pub mod service;

pub use model::Action;

#[cfg(test)]
mod tests;
