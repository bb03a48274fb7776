//! The documentation a gateway serves: guides, API reference, error pages, all of it inside the binary.
//!
//! A crate of its own that knows the contract and not the gateway: an edited guide compiles this crate and nothing else.
//!
//! Invariants: pages are made from what the gateway runs on (the contract's operations and error codes, the guides of
//! `docs/`), so they cannot disagree with it; nothing is loaded from another origin; no page needs a script to be read.

mod assets;
mod errors;
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
