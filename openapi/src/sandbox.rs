//! What only a sandbox has: registering a partner without asking anybody, and explaining signatures.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::apps::{App, NewApp};
use crate::endpoint::{Access, Endpoint, Example, JsonBody, Method, Nothing, Reply, Tag};
use crate::error_code::ErrorCode;
use crate::open::Open;
use crate::partners::{LegalName, Partner, PartnerName};
use crate::problem::SignatureReport;

/// A partner to register, with its first app.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct NewPartner {
    /// What fans call it.
    pub name: PartnerName,
    /// Its registered name.
    pub legal_name: LegalName,
    /// Its first app.
    pub app: NewApp,
}

impl NewPartner {
    /// A partner with its first app.
    pub fn new(name: impl Into<PartnerName>, legal_name: impl Into<LegalName>, app: NewApp) -> Self {
        Self { name: name.into(), legal_name: legal_name.into(), app }
    }
}

impl Example for NewPartner {
    fn example() -> Self {
        Self::new(PartnerName::example(), LegalName::example(), NewApp::example())
    }
}
impl JsonBody for NewPartner {}

/// A registered partner and its first app.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[cfg_attr(not(feature = "server"), non_exhaustive)]
pub struct Registration {
    /// The partner.
    pub partner: Partner,
    /// Its app.
    pub app: App,
}

impl Reply for Registration {
    fn example_value() -> serde_json::Value {
        serde_json::json!({ "partner": Partner::example(), "app": App::example() })
    }
}

/// A signed request to look into. Nothing of it is executed or kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct SignatureCheck {
    /// Method, upper case.
    #[schema(max_length = 16)]
    pub method: String,
    /// The whole address, as signed.
    #[schema(max_length = 8192)]
    pub url: String,
    /// Every header of the request, as name and value, in order.
    #[schema(max_items = 100)]
    pub headers: Vec<CheckedHeader>,
    /// The body, as text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body: Option<String>,
    /// The signature base you signed, to be compared line by line.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signature_base: Option<String>,
}

impl SignatureCheck {
    /// A request to look into.
    pub fn new(method: impl Into<String>, url: impl Into<String>, headers: Vec<CheckedHeader>) -> Self {
        Self { method: method.into(), url: url.into(), headers, body: None, signature_base: None }
    }
}

/// One header of a request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CheckedHeader {
    /// Its name.
    pub name: String,
    /// Its value.
    pub value: String,
}

impl Example for SignatureCheck {
    fn example() -> Self {
        let header = |name: &str, value: &str| CheckedHeader { name: name.to_owned(), value: value.to_owned() };
        Self::new(
            "GET",
            "http://127.0.0.1:8080/v1/partner",
            vec![
                header("authorization", "DPoP eyJ0eXAiOiJhdCtqd3Qi…"),
                header(
                    "signature-input",
                    r#"q=("@method" "@target-uri" "authorization");created=1795163400;keyid="poqk…";nonce="c4f0…";tag="fapi-2-request""#,
                ),
                header("signature", "q=:dGVzdA==:"),
            ],
        )
    }
}
impl JsonBody for SignatureCheck {}

/// What we found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[cfg_attr(not(feature = "server"), non_exhaustive)]
pub struct SignatureFinding {
    /// Whether the gateway would accept the signature.
    pub valid: bool,
    /// The code it would refuse it with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<ErrorCode>)]
    pub code: Option<Open<ErrorCode>>,
    /// What is wrong, and what to do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// What the gateway saw.
    pub signature: SignatureReport,
}

impl Reply for SignatureFinding {
    fn example_value() -> serde_json::Value {
        serde_json::json!({
            "valid": false,
            "code": "signature_mismatch",
            "detail": "You signed https://, this gateway is http://.",
            "signature": { "signature_base": ["\"@method\": GET", "\"@target-uri\": http://127.0.0.1:8080/v1/partner"] },
        })
    }
}

/// Register a partner
///
/// With its first app and the app's public keys. Only in the sandbox; in live mode the operator registers partners.
#[derive(ToSchema)]
pub struct RegisterPartner;
impl Endpoint for RegisterPartner {
    const METHOD: Method = Method::Post;
    const PATH: &'static str = "/sandbox/v1/partners";
    const TAG: Tag = Tag::Sandbox;
    const ACCESS: Access = Access::Public;
    const STATUS: u16 = 201;
    const FAILS: &'static [ErrorCode] = &[
        ErrorCode::KeyFormatUnknown,
        ErrorCode::KeyIsPrivate,
        ErrorCode::KeyTooWeak,
        ErrorCode::KeyTypeUnsupported,
        ErrorCode::KeyExists,
    ];
    const IDEMPOTENCY: crate::endpoint::Idempotency = crate::endpoint::Idempotency::None;
    type Params = Nothing;
    type Query = Nothing;
    type Body = NewPartner;
    type Reply = Registration;
}

/// Explain a signature
///
/// Does everything the gateway does with the signature of a request, says what it found, and executes nothing. The nonce
/// is not used up.
#[derive(ToSchema)]
pub struct CheckSignature;
impl Endpoint for CheckSignature {
    const METHOD: Method = Method::Post;
    const PATH: &'static str = "/sandbox/v1/signature/check";
    const TAG: Tag = Tag::Sandbox;
    const ACCESS: Access = Access::Public;
    const IDEMPOTENCY: crate::endpoint::Idempotency = crate::endpoint::Idempotency::None;
    type Params = Nothing;
    type Query = Nothing;
    type Body = SignatureCheck;
    type Reply = SignatureFinding;
}
