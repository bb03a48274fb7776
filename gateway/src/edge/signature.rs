//! The signature of a request: verified with the registered key and its algorithm, never with what the request claims.

use quanzi_openapi::ErrorCode;
use quanzi_openapi::problem::SignatureReport;
use quanzi_openapi::signature::{
    self, Message, RequestShape, Signature, SignatureError, accept_signature, content_digest, examine_request,
};

use crate::access::{AppFacts, RegisteredKey};
use crate::platform::fault::Fault;

/// A request as a signature sees it.
pub struct Presented<'a> {
    /// Its method.
    pub method: &'a str,
    /// The URLs it may have been signed for: its target at each configured origin, the canonical one first.
    pub target_uris: &'a [String],
    /// Its headers as they arrived.
    pub headers: &'a [(&'a str, &'a [u8])],
    /// Whether it has a body.
    pub has_body: bool,
}

/// A signature that fits.
#[derive(Debug)]
pub struct Verified {
    /// The key.
    pub keyid: String,
    /// Its nonce: to be remembered once the body's digest is checked too.
    pub nonce: String,
    /// The URL it was signed for.
    pub target_uri: String,
}

impl Presented<'_> {
    /// Whether the request is signed at all.
    pub fn is_signed(&self) -> bool {
        let names = [signature::SIGNATURE, signature::SIGNATURE_INPUT];
        self.headers.iter().any(|(name, _)| names.iter().any(|wanted| name.eq_ignore_ascii_case(wanted)))
    }

    /// The request at one of its URLs.
    pub(crate) fn message<'m>(&'m self, target_uri: &'m str) -> Result<Message<'m>, SignatureError> {
        Message::request(self.method, target_uri, self.headers)
    }

    /// Verifies the signature with a key of the app (of no app: no key is known); `now` in Unix seconds.
    pub fn verify(&self, facts: Option<&AppFacts>, now: i64) -> Result<Verified, SignatureError> {
        let mut examined: Option<(Signature, &RegisteredKey)> = None;
        for target_uri in self.target_uris {
            let message = self.message(target_uri)?;
            let (parsed, key) = if let Some((parsed, key)) = &examined {
                (parsed, *key)
            } else {
                let parsed = examine_request(&message, &RequestShape::of(&message, self.has_body), now)?;
                let key = find_key(facts, &parsed)?;
                parsed.check_algorithm(key.algorithm)?;
                let (parsed, key) = examined.insert((parsed, key));
                (&*parsed, *key)
            };
            let base = signature::base(&message, parsed)?;
            if key.key.verify(key.algorithm, base.as_bytes(), &parsed.bytes) {
                return Ok(Verified {
                    keyid: key.kid.clone(),
                    nonce: parsed.nonce.clone().unwrap_or_default(),
                    target_uri: target_uri.clone(),
                });
            }
        }
        Err(SignatureError::Mismatch)
    }
}

/// The key that the signature names, within the app.
pub(super) fn find_key<'f>(
    facts: Option<&'f AppFacts>,
    parsed: &Signature,
) -> Result<&'f RegisteredKey, SignatureError> {
    let keyid = parsed.keyid.as_deref().unwrap_or_default();
    match facts.and_then(|facts| facts.key(keyid)) {
        Some(key) => Ok(key),
        None if facts.is_some_and(|facts| facts.has_removed(keyid)) => {
            Err(SignatureError::KeyRevoked { keyid: keyid.to_owned() })
        }
        None => Err(SignatureError::KeyidUnknown { keyid: keyid.to_owned() }),
    }
}

/// The refusal of an unsigned request that must be signed: says how (RFC 9421, 5.1).
pub(super) fn missing(presented: &Presented<'_>) -> Fault {
    fault(&SignatureError::Missing).header(signature::ACCEPT_SIGNATURE, wanted(presented))
}

/// What the next attempt must cover.
pub(super) fn wanted(presented: &Presented<'_>) -> String {
    let target_uri = presented.target_uris.first().map_or("http://localhost/", String::as_str);
    let shape = presented.message(target_uri).map(|message| RequestShape::of(&message, presented.has_body));
    accept_signature(&shape.unwrap_or_default())
}

/// A refusal with everything that helps and may be said in every mode.
pub(crate) fn fault(error: &SignatureError) -> Fault {
    let code = ErrorCode::find(error.code()).unwrap_or(ErrorCode::SignatureMalformed);
    let mut report = SignatureReport::default();
    match error {
        SignatureError::Malformed { position, .. } | SignatureError::DigestMalformed { position, .. } => {
            report.position = position.and_then(|position| u64::try_from(position).ok());
        }
        SignatureError::CoverageMissing { missing } => report.missing.clone_from(missing),
        SignatureError::AlgMismatch { registered, .. } => report.registered_algorithm = Some(registered.to_string()),
        SignatureError::CreatedOutOfWindow { server_time, skew_seconds, window } => {
            report.server_time = Some(*server_time);
            report.skew_seconds = Some(*skew_seconds);
            report.window_seconds = Some(window.behind_seconds);
        }
        SignatureError::Expired { server_time, .. } => report.server_time = Some(*server_time),
        SignatureError::DigestMismatch { received, computed } => {
            report.digest_received = Some(received.clone());
            report.digest_computed = Some(computed.clone());
        }
        _ => {}
    }
    Fault::new(code).detail(error.to_string()).signature(report)
}

/// The refusal of a body that does not fit its digest, with what may have happened to it on the way.
pub(super) fn digest_fault(error: &SignatureError, body: &[u8]) -> Fault {
    let refused = fault(error);
    let received = match error {
        SignatureError::DigestMismatch { received, .. } => received.clone(),
        _ => return refused,
    };
    let json = serde_json::from_slice::<serde_json::Value>(body).ok();
    let compact = json.as_ref().and_then(|value| serde_json::to_vec(value).ok());
    let pretty = json.as_ref().and_then(|value| serde_json::to_vec_pretty(value).ok());
    let with_line_break = [body, b"\n"].concat();
    let candidates = [
        (Some(body.trim_ascii_end().to_vec()), "The digest matches the body without its trailing white space."),
        (Some(with_line_break), "The digest matches the body with a trailing line break, which did not arrive."),
        (
            compact,
            "The digest matches the same JSON without spaces: compute it over the bytes you send, not over the object.",
        ),
        (
            pretty,
            "The digest matches the same JSON with line breaks: compute it over the bytes you send, not over the object.",
        ),
        (Some(Vec::new()), "The digest is that of an empty body."),
    ];
    let fits = |candidate: &[u8]| content_digest(candidate).contains(received.trim_start_matches("sha-256=").trim());
    let hints = candidates.into_iter().filter(|(bytes, _)| bytes.as_deref().is_some_and(fits));
    let hints: Vec<String> = hints.map(|(_, hint)| hint.to_owned()).take(1).collect();
    refused.map_signature(|report| report.hints = hints)
}
