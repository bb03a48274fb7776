//! Headers of requests and responses, described once under `components` and referred to.
//!
//! What authenticates a request (`Authorization`, `DPoP`, `Signature`, `Signature-Input`, `Content-Digest`) is no
//! parameter: the security schemes describe it, so that a generated client asks for none of it at each call.

use serde_json::Value;
use utoipa::openapi::header::{Header, HeaderBuilder};
use utoipa::openapi::path::{Parameter, ParameterBuilder, ParameterIn};
use utoipa::openapi::response::ResponseBuilder;
use utoipa::openapi::schema::{ObjectBuilder, SchemaType, Type};
use utoipa::openapi::{Ref, Required};

use super::operation::Operation;
use crate::endpoint::Idempotency;

/// Headers of many answers, with an example. The edge adds them.
const ANSWERED: [(&str, &str, &str); 9] = [
    (
        "Content-Digest",
        "Digest of the body (RFC 9530), when the response is signed.",
        "sha-256=:X48E9qOokqqrvdts8nOJRJN3OWDUoyWxBf7kbu9DBPE=:",
    ),
    ("Idempotent-Replayed", "`true` when this is the saved response of an earlier request.", "true"),
    ("RateLimit", "What is left of the tightest limit, and the seconds until it resets.", "\"app-write\";r=118;t=1"),
    ("RateLimit-Policy", "The tightest limit: how many requests in how many seconds.", "\"app-write\";q=120;w=2"),
    ("Request-Id", "Identifies this request in the gateway's logs.", "req_01JD8Z62T0FMN9RN32Q10XFR7N"),
    ("Retry-After", "Seconds to wait before retrying.", "2"),
    (
        "Signature",
        "The gateway's signature of the response, bound to your request (RFC 9421, 2.4): on responses to state-changing calls, \
         and whenever `Accept-Signature` asks for it.",
        "sig=:wqcAqbmYJ2ji2glfAMaRy4gruYYnx2nEFN2HN6jrnDnQCK1u02Gb04v9EDgwUPiu4A0w6vuQv5lIp5WPpBKRCw==:",
    ),
    (
        "Signature-Input",
        "What the gateway signed.",
        "sig=(\"@status\" \"content-digest\" \"content-type\" \"@method\";req \"@target-uri\";req);created=1795163400;\
         keyid=\"poqkLGiymh_W0uP6PZFw-dvez3QJT5SolqXBCW38r0U\"",
    ),
    (
        "WWW-Authenticate",
        "The challenge (RFC 9449, RFC 9728).",
        "DPoP algs=\"EdDSA Ed25519 ES256 PS256\", error=\"invalid_token\"",
    ),
];

/// Headers that an operation takes as parameters: name of the component, header, whether it is required, text, example.
const TAKEN: [(&str, &str, bool, &str, &str); 3] = [
    (
        "IdempotencyKey",
        "Idempotency-Key",
        false,
        "A random value for each operation; send the same value when you retry the request.",
        "5b0c8c3e-7d0f-4f0e-9a53-1f6f3c6f2a11",
    ),
    (
        "RequiredIdempotencyKey",
        "Idempotency-Key",
        true,
        "A random value for each operation; send the same value when you retry the request.",
        "5b0c8c3e-7d0f-4f0e-9a53-1f6f3c6f2a11",
    ),
    ("IfMatch", "If-Match", true, "The ETag of the object as you last read it.", "\"3\""),
];

/// The headers of answers under their names.
pub(super) fn answered() -> impl Iterator<Item = (&'static str, Header)> {
    ANSWERED.into_iter().map(|(name, about, example)| {
        let header = HeaderBuilder::new().description(Some(about)).schema(Some(text())).example(Some(example.into()));
        (name, header.build())
    })
}

/// The headers of requests under the names of their components.
pub(super) fn taken() -> impl Iterator<Item = (&'static str, Parameter)> {
    TAKEN
        .into_iter()
        .map(|(component, name, required, about, example)| (component, parameter(name, required, about, example)))
}

/// The components of the headers that an operation takes.
pub(super) fn taken_by(operation: &Operation) -> impl Iterator<Item = Ref> {
    let key = match operation.idempotency {
        Idempotency::None => None,
        Idempotency::Offered => Some("IdempotencyKey"),
        Idempotency::Required => Some("RequiredIdempotencyKey"),
    };
    key.into_iter().chain(operation.if_match.then_some("IfMatch")).map(parameter_reference)
}

/// A header as a parameter.
pub(super) fn parameter(name: &str, required: bool, about: &str, example: &str) -> Parameter {
    ParameterBuilder::new()
        .name(name)
        .parameter_in(ParameterIn::Header)
        .required(if required { Required::True } else { Required::False })
        .description(Some(about))
        .schema(Some(text()))
        .example(Some(Value::from(example)))
        .build()
}

pub(super) fn parameter_reference(component: &str) -> Ref {
    Ref::new(format!("#/components/parameters/{component}"))
}

/// What the edge adds to every answer; the digest where there is a body.
pub(super) fn on_every_answer(response: ResponseBuilder, has_body: bool) -> ResponseBuilder {
    let response = shared(response, &["RateLimit", "RateLimit-Policy", "Request-Id", "Signature", "Signature-Input"]);
    if has_body { shared(response, &["Content-Digest"]) } else { response }
}

/// Refers to these headers of many answers.
pub(super) fn shared(response: ResponseBuilder, names: &[&'static str]) -> ResponseBuilder {
    let place = |name: &str| Ref::new(format!("#/components/headers/{name}"));
    names.iter().fold(response, |response, name| response.header_ref(*name, place(name)))
}

/// A header of one answer.
pub(super) fn header(about: &str, example: &str) -> Header {
    HeaderBuilder::new().description(Some(about)).schema(Some(text())).example(Some(example.into())).build()
}

pub(super) fn text() -> ObjectBuilder {
    ObjectBuilder::new().schema_type(SchemaType::Type(Type::String))
}
