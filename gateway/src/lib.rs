//! Skeleton.

pub mod db;
pub mod docs;
