//! Gates: the rules to join a circle, versioned, and what they answer rule by rule.
//!
//! Invariants: a version never changes once it decided; an answer says passed, failed or pending and nothing else. What a
//! partner can learn about a person's credit band is bounded three times over: an answer about it stands for a day per
//! circle and fan, whatever changes; the band of a circle's gate moves a few times a day; and over all its circles a
//! partner holds one fan against one band only in a month, because two answers would enclose the person's.

mod http;
mod model;
pub mod service;
mod store;

pub use http::routes;
pub use model::{check_bands, check_right};
pub use store::sweep;

#[cfg(test)]
mod tests;
