//! An endpoint as data.

use serde::Deserialize as _;
use serde_json::Value;
use utoipa::ToSchema;

use super::Parts;
use crate::endpoint::{Access, Body as _, BodyKind, Endpoint, Idempotency, Method, Tag, Verb};
use crate::error_code::ErrorCode;

/// An endpoint as data: read by the document, the test that every endpoint is mounted, and the mutation test.
#[derive(Clone, Copy)]
pub struct Operation {
    /// The name of the declaration, which is the operation id.
    pub name: fn() -> std::borrow::Cow<'static, str>,
    /// Method.
    pub method: Method,
    /// Path.
    pub path: &'static str,
    /// Chapter.
    pub tag: Tag,
    /// Who may call it.
    pub access: Access,
    /// Status of a success.
    pub status: u16,
    /// It must be signed.
    pub signed: bool,
    /// Whether `If-Match` is required.
    pub if_match: bool,
    /// `Idempotency-Key`.
    pub idempotency: Idempotency,
    /// How the body is encoded.
    pub body: BodyKind,
    /// An example of the body.
    pub body_example: fn() -> Option<Value>,
    /// Parses a response as a client does; the error says what a client could not parse.
    pub read_reply: fn(&Value) -> Result<(), serde_json::Error>,
    /// Schemas.
    pub(crate) describe: fn(&mut Parts),
    fails: &'static [ErrorCode],
}

impl Operation {
    /// The declaration as data.
    pub const fn of<E: Endpoint>() -> Self {
        const { assert!(E::METHOD as u8 == <E::Verb as Verb>::METHOD as u8, "the method is the verb's") };
        Self {
            name: <E as ToSchema>::name,
            method: E::METHOD,
            path: E::PATH,
            tag: E::TAG,
            access: E::ACCESS,
            status: E::STATUS,
            signed: E::SIGNED,
            if_match: E::IF_MATCH,
            idempotency: E::IDEMPOTENCY,
            body: E::Body::KIND,
            body_example: E::Body::example_value,
            read_reply: |value| E::Reply::deserialize(value).map(drop),
            describe: Parts::add::<E>,
            fails: E::FAILS,
        }
    }

    /// Whether only a sandbox answers it.
    pub fn is_sandbox_only(&self) -> bool {
        self.path.starts_with("/sandbox/")
    }

    /// Every code the endpoint can answer with, by status: its own, and those of its access and shape.
    pub fn fails(&self) -> Vec<ErrorCode> {
        let mut codes = self.shared_codes();
        codes.extend(self.fails);
        in_order(codes)
    }

    /// The codes that it declares itself, by status.
    pub fn own_codes(&self) -> Vec<ErrorCode> {
        let shared = self.shared_codes();
        in_order(self.fails.iter().copied().filter(|code| !shared.contains(code)).collect())
    }

    /// The codes that come with its access and shape, by status.
    pub fn shared_codes(&self) -> Vec<ErrorCode> {
        use ErrorCode as C;
        let mut codes = Vec::new();
        match self.access {
            Access::Public => codes.extend([C::DigestMalformed, C::DigestUnsupported, C::DigestMismatch]),
            Access::Client => codes.extend([C::InvalidRequest, C::InvalidClient, C::InvalidDpopProof, C::UseDpopNonce]),
            Access::Partner(scope) => {
                codes.extend(TOKEN);
                codes.extend(SIGNATURE);
                if self.method.writes() {
                    codes.extend([C::SignatureMissing, C::DigestMissing]);
                }
                if scope.is_some() {
                    codes.push(C::ScopeMissing);
                }
            }
            Access::Fan(_) => {
                codes.extend(TOKEN);
                codes.extend(SIGNATURE);
                codes.push(C::ScopeMissing);
                if self.method.writes() {
                    codes.extend([C::SignatureMissing, C::DigestMissing]);
                }
            }
        }
        if self.method.writes() {
            codes.push(C::ContentTypeUnsupported);
            // The way to the database can be lost in the middle of any commit.
            codes.push(C::OutcomeUnknown);
            if self.body != BodyKind::Nothing {
                codes.push(C::FieldInvalid);
            }
        }
        match self.idempotency {
            Idempotency::None => {}
            Idempotency::Offered => codes.extend([C::IdempotencyKeyReused, C::IdempotencyInFlight]),
            Idempotency::Required => {
                codes.extend([C::IdempotencyKeyMissing, C::IdempotencyKeyReused, C::IdempotencyInFlight]);
            }
        }
        if self.if_match {
            codes.extend([C::IfMatchMissing, C::VersionMismatch]);
        }
        // An unknown parameter, or a body nobody asked for, can come with any request.
        codes.extend([C::ParamInvalid, C::HeadersTooLarge, C::BodyTooLarge, C::BodyTimeout, C::BodyMalformed]);
        codes.extend([C::RateLimited, C::Overloaded, C::Internal]);
        in_order(codes)
    }
}

fn in_order(mut codes: Vec<ErrorCode>) -> Vec<ErrorCode> {
    codes.sort_unstable_by_key(|code| (code.status(), *code));
    codes.dedup();
    codes
}

/// Errors about a token and its app.
const TOKEN: [ErrorCode; 10] = [
    ErrorCode::TokenMissing,
    ErrorCode::TokenInvalid,
    ErrorCode::TokenExpired,
    ErrorCode::TokenRevoked,
    ErrorCode::ProofMissing,
    ErrorCode::ProofInvalid,
    ErrorCode::ProofNonceRequired,
    ErrorCode::WrongTokenKind,
    ErrorCode::AddressNotAllowed,
    ErrorCode::AppSuspended,
];

/// Errors about a signature; on reads too, because a signature is verified whenever it is sent.
const SIGNATURE: [ErrorCode; 19] = [
    ErrorCode::SignatureMalformed,
    ErrorCode::TagMissing,
    ErrorCode::SignatureAmbiguous,
    ErrorCode::KeyidMissing,
    ErrorCode::ComponentUnusable,
    ErrorCode::KeyidUnknown,
    ErrorCode::KeyRevoked,
    ErrorCode::KeyOfOtherClient,
    ErrorCode::AlgMismatch,
    ErrorCode::CoverageMissing,
    ErrorCode::CreatedMissing,
    ErrorCode::CreatedOutOfWindow,
    ErrorCode::SignatureExpired,
    ErrorCode::NonceMissing,
    ErrorCode::NonceReplayed,
    ErrorCode::DigestMalformed,
    ErrorCode::DigestUnsupported,
    ErrorCode::DigestMismatch,
    ErrorCode::SignatureMismatch,
];
