//! Use-cases that need several capabilities.

pub mod consent;
pub mod me;
