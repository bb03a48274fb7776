//! Sign-in at the operator's OpenID Connect provider: how a gateway in live mode identifies its fans.
//!
//! Invariants: a response of the provider is accepted once, within ten minutes, in the browser that was sent, with the nonce
//! and the PKCE verifier of that request; the browser is redirected only to a URL of the gateway; what the provider says
//! about a person is never shown to a partner.

mod http;
mod service;
mod store;

pub use http::{as_somebody_else, configure};
pub use service::{Reauthentication, begin, is_offered, provider_name};
pub use store::sweep;
