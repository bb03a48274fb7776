//! Signs requests: RFC 9421 in the platform's profile, one DPoP proof per token.
//!
//! Invariant: what is signed is what is sent. The headers are final when the signature is made; only `Signature`,
//! `Signature-Input` and the debug header are added after it.

use std::borrow::Cow;
use std::fmt;

use bytes::Bytes;
use quanzi_openapi::Method;
use quanzi_openapi::signature::{
    ACCEPT_SIGNATURE, AUTHORIZATION, CONTENT_DIGEST, Draft, Message, RequestShape, SIGNATURE, SIGNATURE_DEBUG,
    SIGNATURE_INPUT, SignatureError, content_digest, encode_debug,
};

use crate::error::{Error, ErrorKind};
use crate::key::Key;

/// Asks for a signed response; the profile decides which components it covers.
const WANTED: &str =
    r#"res=("@status" "content-digest" "@method";req "@target-uri";req "signature";req);created;tag="fapi-2-response""#;
/// The label of the signature; it is not signed and has no meaning.
const LABEL: &str = "sig";

/// A header to send.
pub(crate) type Header = (Cow<'static, str>, String);

/// A request ready to be sent: final headers, signature included.
///
/// The result of [`RawCall::prepare`](crate::RawCall::prepare), for programs that send requests by other means. It contains
/// an access token, so its `Debug` output shows only names.
#[derive(Clone)]
pub struct PreparedRequest {
    pub(crate) method: Method,
    /// Where to send it.
    pub(crate) url: url::Url,
    /// The public form of the URL, which is signed.
    pub(crate) target: String,
    pub(crate) headers: Vec<Header>,
    pub(crate) body: Bytes,
    pub(crate) signature_base: Option<String>,
}

impl PreparedRequest {
    /// The method.
    pub fn method(&self) -> Method {
        self.method
    }

    /// Where to send it.
    pub fn url(&self) -> &str {
        self.url.as_str()
    }

    /// All headers to send, in order; names in lower case.
    pub fn headers(&self) -> impl Iterator<Item = (&str, &str)> {
        self.headers.iter().map(|(name, value)| (&**name, value.as_str()))
    }

    /// The body; empty when there is none.
    pub fn body(&self) -> &Bytes {
        &self.body
    }

    /// The text that was signed, line by line (RFC 9421, 2.5); `None` on an unsigned request. It holds the token.
    pub fn signature_base(&self) -> Option<&str> {
        self.signature_base.as_deref()
    }

    /// As the signature rules see it.
    pub(crate) fn lines(&self) -> Vec<(&str, &[u8])> {
        self.headers.iter().map(|(name, value)| (&**name, value.as_bytes())).collect()
    }

    /// Adds token and signature.
    pub(crate) fn sign(&mut self, with: &Signing<'_>) -> Result<(), Error> {
        self.headers.push((AUTHORIZATION.into(), format!("DPoP {}", with.token)));
        if !self.body.is_empty() {
            self.headers.push((CONTENT_DIGEST.into(), content_digest(&self.body)));
        }
        if with.wants_signed_answer {
            self.headers.push((ACCEPT_SIGNATURE.into(), WANTED.to_owned()));
        }
        let (base, headers) = {
            let lines = self.lines();
            let message =
                Message::request(self.method.as_str(), &self.target, &lines).map_err(|error| unsignable(&error))?;
            let shape = RequestShape::of(&message, !self.body.is_empty());
            let draft = Draft::request(&shape, with.created, with.nonce, with.key.thumbprint())
                .map_err(|error| unsignable(&error))?;
            let base = draft.base(&message).map_err(|error| unsignable(&error))?;
            let signature = with.key.sign(base.as_bytes())?;
            (base, draft.finish(LABEL, &signature).map_err(|error| unsignable(&error))?)
        };
        self.headers.push((SIGNATURE_INPUT.into(), headers.signature_input));
        self.headers.push((SIGNATURE.into(), headers.signature));
        if with.sends_base {
            self.headers.push((SIGNATURE_DEBUG.into(), encode_debug(&base)));
        }
        self.signature_base = Some(base);
        Ok(())
    }
}

/// What a signature is made with.
pub(crate) struct Signing<'a> {
    pub(crate) key: &'a Key,
    pub(crate) token: &'a str,
    /// Unix seconds.
    pub(crate) created: i64,
    /// Fresh for every attempt.
    pub(crate) nonce: &'a str,
    pub(crate) wants_signed_answer: bool,
    /// Whether to send the base along, so that a sandbox names the first line that differs.
    pub(crate) sends_base: bool,
}

fn unsignable(error: &SignatureError) -> Error {
    Error::new(ErrorKind::Configuration, format!("the request cannot be signed: {error}"))
}

impl fmt::Debug for PreparedRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = self.headers.iter().map(|(name, _)| &**name).collect();
        f.debug_struct("PreparedRequest")
            .field("method", &self.method.as_str())
            .field("path", &self.url.path())
            .field("headers", &names)
            .field("body_bytes", &self.body.len())
            .finish_non_exhaustive()
    }
}
