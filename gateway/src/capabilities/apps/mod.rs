//! Apps: OAuth clients of a partner, and the public keys they sign with.
//!
//! Invariants: a key is registered with an app only once, even after it was removed; an app never loses its last usable key;
//! only public keys are ever stored; every change that affects authentication is announced to all processes in its
//! transaction.

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
