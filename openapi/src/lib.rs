//! Skeleton.

pub mod signature;
