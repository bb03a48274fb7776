//! Use-cases that need several capabilities.

pub mod authorization;
pub mod consent;
pub mod me;
