//! Rights: what a fan may read and do in a circle through an app.
//!
//! Invariants: a right binds fans, never the partner; a banned fan has none; a rule about a person answers as a gate does: passed
//! or not, for a day the same, against one credit band.

mod model;
pub mod service;

pub use model::Action;

#[cfg(test)]
mod tests;
