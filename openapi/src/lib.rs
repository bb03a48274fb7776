//! Skeleton.

pub mod jose;
pub mod signature;
