//! The documentation a gateway serves: guides, API reference, error pages, all of it inside the binary.
//!
//! A separate crate that depends on the contract and not on the gateway: editing a guide recompiles this crate and nothing
//! else.
//!
//! Invariants: pages are generated from what the gateway runs on (the contract's operations and error codes, the guides of
//! `docs/`), so they cannot contradict it; nothing is loaded from another origin; no page needs a script to be read.

mod assets;
mod errors;
mod fingerprint;
mod guides;
mod highlight;
mod http;
mod markdown;
mod ordered;
mod reference;
mod schema;
mod site;
#[cfg(test)]
mod tests;

pub use http::{Docs, DocsSettings, configure};
