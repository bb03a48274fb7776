//! Who calls: tokens and their revocation, apps' keys, proofs of possession, the authorization server, browsers' sessions.

pub mod oauth;
pub(crate) mod sessions;
