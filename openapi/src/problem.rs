//! Errors on the wire: RFC 9457 problem details, one shape for every status from 400 up.
//!
//! `code` is for programs, `detail` is for people, `pointer` or `param` says where.

use serde::{Deserialize, Serialize};

use crate::error_code::ErrorCode;
use crate::gates::Evaluation;
use crate::open::Open;
use crate::schema::ToSchema;

/// Media type of every error (RFC 9457, section 3).
pub const PROBLEM_TYPE: &str = "application/problem+json";

/// An error (RFC 9457).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[cfg_attr(not(feature = "server"), non_exhaustive)]
pub struct Problem {
    /// URL of the page that explains the code; served by the gateway.
    #[schema(format = "uri")]
    pub r#type: String,
    /// Short description of the code; the same for every occurrence.
    pub title: String,
    /// The HTTP status of the response.
    pub status: u16,
    /// Machine-readable error code.
    #[schema(value_type = ErrorCode)]
    pub code: Open<ErrorCode>,
    /// What went wrong in this case, and what to do about it.
    pub detail: String,
    /// The invalid field of the body (RFC 6901 JSON Pointer).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = "/name")]
    pub pointer: Option<String>,
    /// The invalid path, query or header parameter.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub param: Option<String>,
    /// Id of the request; quote it when you ask for help. Also in the `Request-Id` header.
    pub request_id: String,
    /// Whether the same request may succeed later without a change.
    pub retryable: bool,
    /// The evaluation of the gate, rule by rule (code `gate_refused`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub evaluation: Option<Evaluation>,
    /// Why the signature was refused (the signature codes).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signature: Option<SignatureReport>,
    /// The limit that was reached, and when it resets.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<LimitReport>,
}

/// What the gateway found in the request's signature; only the members relevant to the failure are present.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[cfg_attr(not(feature = "server"), non_exhaustive)]
pub struct SignatureReport {
    /// Byte offset in `Signature-Input` or `Signature` at which parsing failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub position: Option<u64>,
    /// Required components that are not covered.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub missing: Vec<String>,
    /// The algorithm the key is registered for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub registered_algorithm: Option<String>,
    /// The gateway's clock, Unix seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub server_time: Option<i64>,
    /// Distance of `created` from the gateway's clock, in seconds; negative means in the past.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub skew_seconds: Option<i64>,
    /// Maximum age of `created`, in seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub window_seconds: Option<i64>,
    /// The digest in the request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub digest_received: Option<String>,
    /// The digest of the bytes received.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub digest_computed: Option<String>,
    /// The signature base as the gateway computed it, line by line, credentials hashed (sandbox only).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub signature_base: Vec<String>,
    /// The first line that differs from the base sent in `Signature-Debug` (sandbox only).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_difference: Option<LineDifference>,
    /// What the signature would match if one thing were different (sandbox only).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub hints: Vec<String>,
}

/// A line that differs between two signature bases.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[cfg_attr(not(feature = "server"), non_exhaustive)]
pub struct LineDifference {
    /// Line number, from 1.
    pub line: u32,
    /// The gateway's line; absent when the client's base has more lines.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub server: Option<String>,
    /// The client's line; absent when the gateway's base has more lines.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client: Option<String>,
}

/// A limit that was reached.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[cfg_attr(not(feature = "server"), non_exhaustive)]
pub struct LimitReport {
    /// Name of the limit, as in `RateLimit-Policy` or in the guide.
    pub name: String,
    /// Maximum number in the window.
    pub allowed: u32,
    /// Length of the window in seconds.
    pub window_seconds: u32,
    /// Seconds until another attempt can succeed.
    pub resets_in_seconds: u32,
}

/// An error of the authorization server (RFC 6749, section 5.2; RFC 9449, section 5).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[cfg_attr(not(feature = "server"), non_exhaustive)]
pub struct OAuthError {
    /// Machine-readable error code, from the OAuth specifications.
    #[schema(value_type = ErrorCode)]
    pub error: Open<ErrorCode>,
    /// What went wrong in this case, and what to do about it.
    pub error_description: String,
    /// URL of the page that explains the error.
    #[schema(format = "uri")]
    pub error_uri: String,
    /// Id of the request; quote it when you ask for help. Also in the `Request-Id` header.
    pub request_id: String,
}
