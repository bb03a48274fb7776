//! This platform's profile of RFC 9421: FAPI 2.0 HTTP Signatures with a nonce and an idempotency key.
//!
//! Invariant: what a signer covers ([`RequestShape::components`]) and what a verifier demands ([`missing_coverage`]) come
//! from one list, so a request signed by the SDK can never be refused for its coverage.

use sfv::{BareItem, Dictionary, ListEntry, Parser};

use super::{Component, Message, Signature, SignatureError, Signatures, Window, signatures::MAX_FIELD_BYTES};

/// `Signature-Input` (RFC 9421 section 4.1). All names are lower case, as they are signed.
pub const SIGNATURE_INPUT: &str = "signature-input";
/// `Signature` (RFC 9421 section 4.2).
pub const SIGNATURE: &str = "signature";
/// `Accept-Signature` (RFC 9421 section 5.1).
pub const ACCEPT_SIGNATURE: &str = "accept-signature";
/// `Signature-Debug`: the client's base as a byte sequence; answered in sandbox mode only.
pub const SIGNATURE_DEBUG: &str = "signature-debug";
/// `Content-Digest` (RFC 9530).
pub const CONTENT_DIGEST: &str = "content-digest";
/// `Content-Type`.
pub const CONTENT_TYPE: &str = "content-type";
/// `Idempotency-Key`.
pub const IDEMPOTENCY_KEY: &str = "idempotency-key";
/// `DPoP` (RFC 9449).
pub const DPOP: &str = "dpop";
/// `Authorization`.
pub const AUTHORIZATION: &str = "authorization";
/// `Cookie`.
pub const COOKIE: &str = "cookie";

/// The tag of request signatures.
pub const REQUEST_TAG: &str = "fapi-2-request";
/// The tag of response signatures.
pub const RESPONSE_TAG: &str = "fapi-2-response";

/// `created` may be 60 s old plus 30 s of clock skew, and 30 s ahead.
pub const CREATED_WINDOW: Window = Window::new(90, 30);

/// What a request consists of; decides what its signature must cover.
///
/// Always covered are `@method`, `@target-uri` and `authorization`: a signed call without a token does not exist.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[expect(clippy::struct_excessive_bools, reason = "four independent facts about a message, not a state")]
#[non_exhaustive]
pub struct RequestShape {
    /// The body is not empty, or a `Content-Digest` was sent for an empty one.
    pub has_digest: bool,
    /// There is a body and a `Content-Type`.
    pub has_content_type: bool,
    /// An `Idempotency-Key` was sent.
    pub has_idempotency_key: bool,
    /// A `DPoP` proof was sent.
    pub has_dpop: bool,
}

impl RequestShape {
    /// The shape of a request from its headers and whether a body follows.
    pub fn of(message: &Message<'_>, has_body: bool) -> Self {
        Self {
            has_digest: has_body || message.has_header(CONTENT_DIGEST),
            has_content_type: has_body && message.has_header(CONTENT_TYPE),
            has_idempotency_key: message.has_header(IDEMPOTENCY_KEY),
            has_dpop: message.has_header(DPOP),
        }
    }

    /// The components to cover, in the order the SDK signs them.
    pub fn components(&self) -> impl Iterator<Item = Component> + use<> {
        [
            (true, Component::constant("\"@method\"", "@method", false)),
            (true, Component::constant("\"@target-uri\"", "@target-uri", false)),
            (true, Component::constant("\"authorization\"", AUTHORIZATION, false)),
            (self.has_digest, Component::constant("\"content-digest\"", CONTENT_DIGEST, false)),
            (self.has_content_type, Component::constant("\"content-type\"", CONTENT_TYPE, false)),
            (self.has_idempotency_key, Component::constant("\"idempotency-key\"", IDEMPOTENCY_KEY, false)),
            (self.has_dpop, Component::constant("\"dpop\"", DPOP, false)),
        ]
        .into_iter()
        .filter_map(|(present, component)| present.then_some(component))
    }
}

/// What a response and the request it answers consist of; decides what its signature must cover.
///
/// Always covered are `@status`, `@method;req` and `@target-uri;req`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[expect(clippy::struct_excessive_bools, reason = "four independent facts about a message, not a state")]
#[non_exhaustive]
pub struct ResponseShape {
    /// The response carries a `Content-Digest` (it must when it has a body).
    pub has_digest: bool,
    /// The response has a body and a `Content-Type`.
    pub has_content_type: bool,
    /// The request carried a `Content-Digest`.
    pub request_has_digest: bool,
    /// The request was signed.
    pub request_is_signed: bool,
}

impl ResponseShape {
    /// The shape of a response from its headers, those of the request it answers, and whether it has a body.
    pub fn of(message: &Message<'_>, has_body: bool) -> Self {
        let asked = |name: &str| message.answered_request().is_some_and(|request| request.has_header(name));
        Self {
            has_digest: has_body || message.has_header(CONTENT_DIGEST),
            has_content_type: has_body && message.has_header(CONTENT_TYPE),
            request_has_digest: asked(CONTENT_DIGEST),
            request_is_signed: asked(SIGNATURE) && asked(SIGNATURE_INPUT),
        }
    }

    /// The components to cover, in the order the gateway signs them. RFC 9421 section 2.4 warns that a request's signature
    /// alone binds little, so method, target and digest are covered as well.
    pub fn components(&self) -> impl Iterator<Item = Component> + use<> {
        [
            (true, Component::constant("\"@status\"", "@status", false)),
            (self.has_digest, Component::constant("\"content-digest\"", CONTENT_DIGEST, false)),
            (self.has_content_type, Component::constant("\"content-type\"", CONTENT_TYPE, false)),
            (true, Component::constant("\"@method\";req", "@method", true)),
            (true, Component::constant("\"@target-uri\";req", "@target-uri", true)),
            (self.request_has_digest, Component::constant("\"content-digest\";req", CONTENT_DIGEST, true)),
            (self.request_is_signed, Component::constant("\"signature\";req", SIGNATURE, true)),
            (self.request_is_signed, Component::constant("\"signature-input\";req", SIGNATURE_INPUT, true)),
        ]
        .into_iter()
        .filter_map(|(present, component)| present.then_some(component))
    }
}

/// The required components a signature does not cover, in profile order; empty when none is missing.
pub fn missing_coverage(required: impl IntoIterator<Item = Component>, signature: &Signature) -> Vec<Component> {
    required.into_iter().filter(|component| !signature.covers(component)).collect()
}

/// Check `created` and `expires` against `now`, all in unix seconds. `expires` gets no tolerance: the signer chose it.
///
/// # Errors
/// [`SignatureError::CreatedMissing`], [`SignatureError::CreatedOutOfWindow`], [`SignatureError::Expired`].
pub fn check_window(created: Option<i64>, expires: Option<i64>, now: i64) -> Result<(), SignatureError> {
    let created = created.ok_or(SignatureError::CreatedMissing)?;
    let skew_seconds = created.saturating_sub(now);
    if !(-CREATED_WINDOW.behind_seconds..=CREATED_WINDOW.ahead_seconds).contains(&skew_seconds) {
        return Err(SignatureError::CreatedOutOfWindow { server_time: now, skew_seconds, window: CREATED_WINDOW });
    }
    match expires {
        Some(expires) if expires < now => Err(SignatureError::Expired { expires, server_time: now }),
        _ => Ok(()),
    }
}

/// Every check of a request signature that needs no key: structure, tag, parameters, window, coverage.
///
/// What is left to the caller: find the key by `keyid` within the token's client, [`Signature::check_algorithm`], verify the
/// bytes over [`base`](super::base()), check the digest of the body, and last remember the nonce.
///
/// # Errors
/// The first [`SignatureError`] met.
pub fn examine_request(message: &Message<'_>, shape: &RequestShape, now: i64) -> Result<Signature, SignatureError> {
    let signature = Signatures::read(message)?.choose(REQUEST_TAG)?;
    check_window(signature.created, signature.expires, now)?;
    present(signature.keyid.as_deref(), SignatureError::KeyidMissing)?;
    present(signature.nonce.as_deref(), SignatureError::NonceMissing)?;
    check_coverage(shape.components(), &signature)?;
    Ok(signature)
}

/// Every check of a response signature that needs no key. `now` in unix seconds; a client that does not trust its clock
/// passes the server's time as it knows it.
///
/// # Errors
/// The first [`SignatureError`] met.
pub fn examine_response(message: &Message<'_>, shape: &ResponseShape, now: i64) -> Result<Signature, SignatureError> {
    let signature = Signatures::read(message)?.choose(RESPONSE_TAG)?;
    check_window(signature.created, signature.expires, now)?;
    present(signature.keyid.as_deref(), SignatureError::KeyidMissing)?;
    check_coverage(shape.components(), &signature)?;
    Ok(signature)
}

fn present(value: Option<&str>, error: SignatureError) -> Result<(), SignatureError> {
    if value.is_some_and(|value| !value.is_empty()) { Ok(()) } else { Err(error) }
}

fn check_coverage(required: impl Iterator<Item = Component>, signature: &Signature) -> Result<(), SignatureError> {
    let missing = missing_coverage(required, signature);
    if missing.is_empty() {
        return Ok(());
    }
    Err(SignatureError::CoverageMissing {
        missing: missing.iter().map(|component| component.identifier().to_owned()).collect(),
    })
}

/// The `Accept-Signature` value that goes with a 401: what the next attempt must cover and carry.
pub fn accept_signature(shape: &RequestShape) -> String {
    let identifiers: Vec<String> = shape.components().map(|component| component.identifier().to_owned()).collect();
    // keyid and nonce would have to carry a value (RFC 9421 section 5.1), and both are the client's to choose.
    format!("sig=({});created;tag=\"{REQUEST_TAG}\"", identifiers.join(" "))
}

/// Whether an `Accept-Signature` value asks for a signed response: any member with our response tag, or without a tag.
/// Which components it names does not matter; the profile's are always covered. An unreadable value asks for nothing.
pub fn wants_signed_response(accept_signature: &[u8]) -> bool {
    if accept_signature.len() > MAX_FIELD_BYTES {
        return false;
    }
    let Ok(members) = Parser::new(accept_signature).parse::<Dictionary>() else { return false };
    members.values().any(|member| {
        let params = match member {
            ListEntry::InnerList(list) => &list.params,
            ListEntry::Item(item) => &item.params,
        };
        match params.get("tag") {
            None => true,
            Some(BareItem::String(tag)) => tag.as_str() == RESPONSE_TAG,
            Some(_) => false,
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: i64 = 1_800_000_000;

    #[test]
    fn the_window_is_exact_to_the_second() {
        for skew in [-90, -60, 0, 10, 30] {
            assert_eq!(check_window(Some(NOW + skew), None, NOW), Ok(()), "{skew}");
        }
        for skew in [-91, 31, -86_400, 3_600] {
            let refused = check_window(Some(NOW + skew), None, NOW).unwrap_err();

            assert_eq!(
                refused,
                SignatureError::CreatedOutOfWindow { server_time: NOW, skew_seconds: skew, window: CREATED_WINDOW }
            );
        }
        assert_eq!(check_window(Some(i64::MIN), None, NOW).unwrap_err().code(), "created_out_of_window");
        assert_eq!(check_window(None, None, NOW), Err(SignatureError::CreatedMissing));
    }

    #[test]
    fn a_past_expiry_is_refused_even_when_created_is_fresh() {
        assert_eq!(check_window(Some(NOW), Some(NOW), NOW), Ok(()));
        assert_eq!(check_window(Some(NOW), Some(NOW - 1), NOW).unwrap_err().code(), "signature_expired");
    }

    #[test]
    fn the_shape_follows_the_headers() {
        let headers: [(&str, &[u8]); 2] = [("Content-Type", b"text/plain"), ("Idempotency-Key", b"k")];
        let message = Message::request("POST", "https://example.com/", &headers).unwrap();
        let names = |has_body| -> String {
            let all: Vec<_> = RequestShape::of(&message, has_body).components().map(|c| c.name().to_owned()).collect();
            all.join(" ")
        };

        assert_eq!(names(false), "@method @target-uri authorization idempotency-key");
        assert_eq!(names(true), "@method @target-uri authorization content-digest content-type idempotency-key");
    }

    #[test]
    fn constant_components_equal_the_parsed_ones() {
        let all = RequestShape { has_digest: true, has_content_type: true, has_idempotency_key: true, has_dpop: true };
        let answer = ResponseShape {
            has_digest: true,
            has_content_type: true,
            request_has_digest: true,
            request_is_signed: true,
        };
        for component in all.components().chain(answer.components()) {
            let parsed = Component::parse(component.identifier()).unwrap();

            assert_eq!(parsed, component);
            assert_eq!(parsed.name(), component.name());
            assert_eq!(parsed.identifier(), component.identifier());
        }
    }

    #[test]
    fn a_401_names_what_to_cover() {
        let shape = RequestShape { has_digest: true, ..RequestShape::default() };

        let value = accept_signature(&shape);

        assert_eq!(
            value,
            "sig=(\"@method\" \"@target-uri\" \"authorization\" \"content-digest\");created;tag=\"fapi-2-request\""
        );
    }

    #[test]
    fn a_signed_response_is_asked_for_by_tag_or_by_no_tag() {
        assert!(wants_signed_response(b"s=(\"@status\");tag=\"fapi-2-response\""));
        assert!(wants_signed_response(b"x=();tag=\"other\", s=()"));
        assert!(!wants_signed_response(b"x=();tag=\"other\""));
        assert!(!wants_signed_response(b"((("));
        assert!(!wants_signed_response(b""));
    }
}
