//! Skeleton.

pub mod postgres;
