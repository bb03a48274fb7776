//! HTTP message signatures (RFC 9421) and this platform's profile of them, as pure functions.
//!
//! No key, no clock, no IO: callers hand in the time and do the cryptography, so the gateway and the SDK share every
//! rule and differ only in their crypto library. Reading order: [`Message`] (what is signed), [`Component`] (which parts),
//! [`Signatures`] (what was sent), [`base`](base()) (the bytes to sign), [`Draft`] (signing), [`examine_request`] and
//! [`examine_response`] (all checks that need no key), [`ContentDigest`] (the body).

mod algorithm;
mod base;
mod component;
mod digest;
mod draft;
mod error;
mod message;
mod profile;
mod signatures;
mod value;

pub use algorithm::{Algorithm, UnknownAlgorithm};
pub use base::{Difference, base, decode_debug, encode_debug, first_difference, lines, redact};
pub use component::Component;
pub use digest::{ContentDigest, DigestCheck, content_digest};
pub use draft::{Draft, SignedHeaders};
pub use error::{SignatureError, Window};
pub use message::{Headers, Message};
pub use profile::{
    ACCEPT_SIGNATURE, AUTHORIZATION, CONTENT_DIGEST, CONTENT_TYPE, COOKIE, CREATED_WINDOW, DPOP, IDEMPOTENCY_KEY,
    REQUEST_TAG, RESPONSE_TAG, RequestShape, ResponseShape, SIGNATURE, SIGNATURE_DEBUG, SIGNATURE_INPUT,
    accept_signature, check_window, examine_request, examine_response, missing_coverage, wants_signed_response,
};
pub use signatures::{MAX_COMPONENTS, MAX_FIELD_BYTES, MAX_SIGNATURES, Signature, Signatures};
