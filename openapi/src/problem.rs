//! Refusals on the wire: RFC 9457 problem details, one shape for every status from 400 up.
//!
//! `code` is what programs decide on, `detail` is what people read, `pointer` or `param` says where.

use serde::{Deserialize, Serialize};

use crate::error_code::ErrorCode;
use crate::gates::Evaluation;
use crate::open::Open;
use crate::schema::ToSchema;

/// Media type of every refusal (RFC 9457, section 3).
pub const PROBLEM_TYPE: &str = "application/problem+json";

/// A refusal (RFC 9457).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[cfg_attr(not(feature = "server"), non_exhaustive)]
pub struct Problem {
    /// Address of the page that explains the code; served by the gateway.
    #[schema(format = "uri")]
    pub r#type: String,
    /// What the code means, in a few words; the same for every occurrence.
    pub title: String,
    /// The HTTP status of the answer.
    pub status: u16,
    /// What went wrong, for programs.
    #[schema(value_type = ErrorCode)]
    pub code: Open<ErrorCode>,
    /// What went wrong this time, and what to do.
    pub detail: String,
    /// The field of the body that is wrong (RFC 6901 JSON Pointer).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = "/name")]
    pub pointer: Option<String>,
    /// The path, query or header parameter that is wrong.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub param: Option<String>,
    /// Name it when you ask for help; also in the `Request-Id` header.
    pub request_id: String,
    /// Whether the same request may succeed later without a change.
    pub retryable: bool,
    /// What the gate answered, rule by rule (code `gate_refused`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub evaluation: Option<Evaluation>,
    /// How the signature failed (the signature codes).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signature: Option<SignatureReport>,
    /// Which limit was hit, and when it resets.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<LimitReport>,
}

/// What the gateway saw of a request's signature; only the members that belong to the failure are present.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[cfg_attr(not(feature = "server"), non_exhaustive)]
pub struct SignatureReport {
    /// Where in `Signature-Input` or `Signature` the text stops making sense, in bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub position: Option<u64>,
    /// Components that must be covered and are not.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub missing: Vec<String>,
    /// The algorithm the key was registered for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub registered_algorithm: Option<String>,
    /// The gateway's clock, Unix seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub server_time: Option<i64>,
    /// How far `created` is from the gateway's clock, in seconds; negative means it lies in the past.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub skew_seconds: Option<i64>,
    /// How old `created` may be, in seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub window_seconds: Option<i64>,
    /// The digest the request claims.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub digest_received: Option<String>,
    /// The digest of the bytes that arrived.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub digest_computed: Option<String>,
    /// The signature base as the gateway computed it, line by line, credentials hashed (sandbox only).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub signature_base: Vec<String>,
    /// The first line that differs from the base sent in `Signature-Debug` (sandbox only).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_difference: Option<LineDifference>,
    /// What the signature would fit if one thing were different (sandbox only).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub hints: Vec<String>,
}

/// One line of two signature bases that are not the same.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[cfg_attr(not(feature = "server"), non_exhaustive)]
pub struct LineDifference {
    /// Which line, from 1.
    pub line: u32,
    /// The gateway's line; absent when the client's base has more lines.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub server: Option<String>,
    /// The client's line; absent when the gateway's base has more lines.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client: Option<String>,
}

/// A limit that was hit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[cfg_attr(not(feature = "server"), non_exhaustive)]
pub struct LimitReport {
    /// Name of the limit, as in `RateLimit-Policy` or in the guide.
    pub name: String,
    /// How many are allowed in the window.
    pub allowed: u32,
    /// Length of the window in seconds.
    pub window_seconds: u32,
    /// Seconds until the next try can succeed.
    pub resets_in_seconds: u32,
}

/// A refusal of the authorization server (RFC 6749, section 5.2; RFC 9449, section 5).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[cfg_attr(not(feature = "server"), non_exhaustive)]
pub struct OAuthError {
    /// What went wrong, for programs: the codes of the OAuth specifications.
    #[schema(value_type = ErrorCode)]
    pub error: Open<ErrorCode>,
    /// What went wrong this time, and what to do.
    pub error_description: String,
    /// Address of the page that explains the error.
    #[schema(format = "uri")]
    pub error_uri: String,
    /// Name it when you ask for help; also in the `Request-Id` header.
    pub request_id: String,
}
