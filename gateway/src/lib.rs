//! Skeleton.

pub mod db;
