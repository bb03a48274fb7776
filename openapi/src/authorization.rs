//! A fan's consent: the pushed authorization request, and what the fan shares afterwards.
//!
//! The app pushes what it wants and sends the fan's browser to [`AUTHORIZATION_PATH`] with `client_id` and `request_uri`; the
//! browser comes back to `redirect_uri` with `code`, `state` and `iss`, or with `error`. Sources: FAPI 2.0 Security Profile,
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
/// Seconds from pushing a request to the moment the fan's browser must have opened it.
pub const REQUEST_URI_SECONDS: i64 = 90;
/// Seconds in which a code can be exchanged.
pub const CODE_SECONDS: i64 = 60;
/// What every `request_uri` begins with (RFC 9126, 2.2).
pub const REQUEST_URI_PREFIX: &str = "urn:ietf:params:oauth:request_uri:";

/// An authorization request. Parameters that are not known are ignored (RFC 6749, 3.1).
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[non_exhaustive]
pub struct PushedRequest {
    /// `code`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub response_type: Option<String>,
    /// Where the fan's browser is sent back to: one of the app's `redirect_uris`, character for character.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub redirect_uri: Option<String>,
    /// Fan scopes separated by spaces; at least one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scope: Option<String>,
    /// Comes back with the answer; up to 2,000 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<String>,
    /// Comes back in the id token; up to 500 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nonce: Option<String>,
    /// SHA-256 of the `code_verifier`, base64url without padding (RFC 7636).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code_challenge: Option<String>,
    /// `S256`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code_challenge_method: Option<String>,
    /// `none` (no page is shown), or `login` and `consent` (that page is shown in any case), separated by spaces.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prompt: Option<String>,
    /// The fan must have signed in within so many seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_age: Option<String>,
    /// The API the token is for (RFC 8707); ours when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resource: Option<String>,
    /// Thumbprint of the key that the code is bound to (RFC 9449, 10); a DPoP proof sent with this request does the same.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dpop_jkt: Option<String>,
    /// `query`, where it is sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub response_mode: Option<String>,
    /// Refused when sent: there are no request objects here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request: Option<String>,
    /// Refused when sent: a pushed request refers to no other.
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
    /// Refused when sent: secrets are not used here.
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

/// A request that was taken in.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[cfg_attr(not(feature = "server"), non_exhaustive)]
pub struct PushedReply {
    /// Stands for the request, once.
    pub request_uri: String,
    /// Seconds in which the fan's browser must open it.
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
/// `/oauth/authorize` with `client_id` and the `request_uri` of the answer, and nothing else. A DPoP proof is not needed here;
/// when one is sent, the code can only be exchanged with the same key.
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
    /// The fan, by the id your partner knows: the same as in the id token.
    pub sub: FanId,
    /// The nickname, where the fan chose to show it (`profile:nickname`).
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "crate::text::as_written")]
    pub nickname: Option<Nickname>,
}

impl Reply for Userinfo {
    fn example_value() -> serde_json::Value {
        serde_json::json!({ "sub": FanId::example(), "nickname": Nickname::example() })
    }
}

/// Read what the fan shares
///
/// OpenID Connect Core, 5.3. There is no e-mail address, no phone number and no name: a fan is an id, and a nickname where the
/// fan wants that.
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

/// Read what the fan shares, by POST
///
/// The same, for clients that ask this way (OpenID Connect Core, 5.3.1). It changes nothing, so it need not be signed.
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
