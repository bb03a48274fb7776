//! Signatures, by aws-lc-rs.
//!
//! Invariants: keys are parsed once and cached by their holder; the algorithm comes from the caller's registration, never
//! from a message; no private key is ever printed.

mod diagnose;
mod ecdsa;
mod hash;
mod seal;
mod sign;
mod verify;

pub use diagnose::{Candidate, diagnose};
pub use ecdsa::EcdsaKey;
pub use hash::hash;
pub use seal::{SealError, open, seal};
pub use sign::{KeyError, SigningKey};
pub use verify::{UnusableKey, VerifyingKey};

#[cfg(test)]
mod tests;
