//! Signing in at the operator's own OpenID Connect provider: how a gateway in live mode knows its fans.
//!
//! Invariants: an answer counts once, within ten minutes, in the browser that was sent, with the nonce and the PKCE verifier of that
//! sending; a browser goes on only at an address of ours; what the provider says of a person is never shown to a partner.

mod http;
mod service;
mod store;

pub use http::configure;
pub use service::{Reauthentication, begin, is_offered, provider_name};
pub use store::sweep;
