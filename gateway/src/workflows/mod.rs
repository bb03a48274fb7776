//! Use-cases that need several capabilities.

pub mod authorization;
pub mod circles;
pub mod consent;
pub mod me;
pub mod memberships;
