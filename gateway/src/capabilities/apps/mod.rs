//! Apps: OAuth clients of a partner, and the public keys they sign with.
//!
//! Invariants: a key is registered with an app once, also after it was removed; an app never loses its last usable key; only
//! public keys are ever stored; every change of what a caller is checked against is announced to every process in the
//! transaction of the change.

mod der;
mod http;
pub mod key_format;
mod model;
pub mod service;
mod store;

#[cfg(test)]
mod key_format_tests;
#[cfg(test)]
mod tests;

pub use http::routes;
