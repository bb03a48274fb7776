//! Authentication: apps and their keys, tokens and their revocation, proofs of possession, the identity provider of fans.

pub mod directory;
pub mod oauth;
pub(crate) mod provider;
pub mod replay;
mod request;
mod state;

pub use directory::{AppFacts, Directory, RegisteredKey};
pub use request::RequestInfo;
pub use state::Access;
