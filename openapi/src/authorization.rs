//! A fan's consent: the pushed authorization request, and what the fan shares afterwards.
//!
//! The app pushes its request and sends the fan's browser to [`AUTHORIZATION_PATH`] with `client_id` and `request_uri`; the
//! browser returns to `redirect_uri` with `code`, `state` and `iss`, or with `error`. Sources: FAPI 2.0 Security Profile,
//! RFC 7636, 8707, 9126, 9207, 9449, OpenID Connect Core.

use serde::{Deserialize, Serialize};

use crate::endpoint::{Access, Endpoint, Example, Form, Idempotency, Nothing, Reply, Tag, verb};
use crate::error_code::ErrorCode;
use crate::fans::Nickname;
use crate::id::{AppId, FanId};
use crate::oauth::ASSERTION_TYPE;
use crate::schema::ToSchema;
use crate::scope::FanScope;

/// Where a fan's browser is sent.
pub const AUTHORIZATION_PATH: &str = "/oauth/authorize";
/// Lifetime of a `request_uri`, in seconds, until the fan's browser opens it.
pub const REQUEST_URI_SECONDS: i64 = 90;
/// Lifetime of a code in seconds.
pub const CODE_SECONDS: i64 = 60;
/// What every `request_uri` begins with (RFC 9126, 2.2).
pub const REQUEST_URI_PREFIX: &str = "urn:ietf:params:oauth:request_uri:";

/// An authorization request. Unknown parameters are ignored (RFC 6749, 3.1).
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[non_exhaustive]
pub struct PushedRequest {
    /// `code`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub response_type: Option<String>,
    /// Where the fan's browser is redirected: one of the app's `redirect_uris`, character for character.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub redirect_uri: Option<String>,
    /// Fan scopes separated by spaces; at least one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scope: Option<String>,
    /// Returned in the response; up to 2,000 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<String>,
    /// Returned in the ID token; up to 500 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nonce: Option<String>,
    /// SHA-256 of the `code_verifier`, base64url without padding (RFC 7636).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code_challenge: Option<String>,
    /// `S256`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code_challenge_method: Option<String>,
    /// `none` (show no page), or `login` and `consent` (show that page in any case), separated by spaces.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prompt: Option<String>,
    /// Maximum age in seconds of the fan's sign-in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_age: Option<String>,
    /// The API the token is for (RFC 8707); this gateway's API when omitted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resource: Option<String>,
    /// Thumbprint of the key that the code is bound to (RFC 9449, 10); a DPoP proof sent with this request has the same
    /// effect.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dpop_jkt: Option<String>,
    /// `query`, the only mode supported.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub response_mode: Option<String>,
    /// Refused when sent: request objects are not supported.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request: Option<String>,
    /// Refused when sent: a pushed request cannot refer to another.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_uri: Option<String>,
    /// The app.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_id: Option<String>,
    /// `urn:ietf:params:oauth:client-assertion-type:jwt-bearer`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_assertion_type: Option<String>,
    /// A JWT signed with a key of the app.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_assertion: Option<String>,
    /// Refused when sent: client secrets are not supported.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_secret: Option<String>,
}

impl Example for PushedRequest {
    fn example() -> Self {
        Self {
            response_type: Some("code".to_owned()),
            redirect_uri: Some("https://whisker.example/signed-in".to_owned()),
            scope: Some("openid profile:nickname circles:join".to_owned()),
            state: Some("af0ifjsldkj".to_owned()),
            nonce: Some("n-0S6_WzA2Mj".to_owned()),
            code_challenge: Some("E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM".to_owned()),
            code_challenge_method: Some("S256".to_owned()),
            client_id: Some(AppId::example().to_string()),
            client_assertion_type: Some(ASSERTION_TYPE.to_owned()),
            client_assertion: Some("eyJhbGciOiJFZERTQSJ9.…".to_owned()),
            ..Self::default()
        }
    }
}

/// An accepted authorization request.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[cfg_attr(not(feature = "server"), non_exhaustive)]
pub struct PushedReply {
    /// Refers to the request; can be used once.
    pub request_uri: String,
    /// Lifetime of `request_uri` in seconds.
    pub expires_in: i64,
}

impl Reply for PushedReply {
    const CACHE: Option<&'static str> = Some("no-store");

    fn example_value() -> serde_json::Value {
        serde_json::json!({
            "request_uri": format!("{REQUEST_URI_PREFIX}bwc4JK-ESC0w8acc191e-Y1LTC2vGJ0d"),
            "expires_in": REQUEST_URI_SECONDS,
        })
    }
}

/// Push an authorization request
///
/// RFC 9126, the first step to a fan token. The app authenticates with a client assertion. Then send the fan's browser to
/// `/oauth/authorize` with only `client_id` and the `request_uri` of the response. A DPoP proof is optional here; when you
/// send one, the code can be exchanged only with the same key.
#[derive(ToSchema)]
pub struct PushAuthorizationRequest;
impl Endpoint for PushAuthorizationRequest {
    type Verb = verb::Post;
    const PATH: &'static str = "/oauth/par";
    const TAG: Tag = Tag::OAuth;
    const ACCESS: Access = Access::Client;
    const STATUS: u16 = 201;
    const FAILS: &'static [ErrorCode] =
        &[ErrorCode::UnsupportedResponseType, ErrorCode::InvalidScope, ErrorCode::InvalidTarget];
    const IDEMPOTENCY: Idempotency = Idempotency::None;
    type Params = Nothing;
    type Query = Nothing;
    type Body = Form<PushedRequest>;
    type Reply = PushedReply;
}

/// What a fan shares with the app (OpenID Connect Core, 5.3).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[cfg_attr(not(feature = "server"), non_exhaustive)]
pub struct Userinfo {
    /// The fan's id, as your partner knows it: the same as in the ID token.
    pub sub: FanId,
    /// The fan's nickname, if the fan agreed to show it (`profile:nickname`).
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "crate::text::as_written")]
    pub nickname: Option<Nickname>,
}

impl Reply for Userinfo {
    fn example_value() -> serde_json::Value {
        serde_json::json!({ "sub": FanId::example(), "nickname": Nickname::example() })
    }
}

/// Get the fan's claims
///
/// OpenID Connect Core, 5.3. There is no e-mail address, phone number or name: only the fan's id, and the nickname if the
/// fan agreed to show it.
#[derive(ToSchema)]
pub struct GetUserinfo;
impl Endpoint for GetUserinfo {
    type Verb = verb::Get;
    const PATH: &'static str = "/oauth/userinfo";
    const TAG: Tag = Tag::OAuth;
    const ACCESS: Access = Access::Fan(FanScope::OpenId);
    type Params = Nothing;
    type Query = Nothing;
    type Body = Nothing;
    type Reply = Userinfo;
}

/// Get the fan's claims by POST
///
/// Same as the GET, for clients that use POST (OpenID Connect Core, 5.3.1). The call changes nothing, so it does not have to
/// be signed.
#[derive(ToSchema)]
pub struct PostUserinfo;
impl Endpoint for PostUserinfo {
    type Verb = verb::Post;
    const PATH: &'static str = "/oauth/userinfo";
    const TAG: Tag = Tag::OAuth;
    const ACCESS: Access = Access::Fan(FanScope::OpenId);
    const SIGNED: bool = false;
    const IDEMPOTENCY: Idempotency = Idempotency::None;
    type Params = Nothing;
    type Query = Nothing;
    type Body = Nothing;
    type Reply = Userinfo;
}
