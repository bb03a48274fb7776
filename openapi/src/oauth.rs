//! The authorization server: metadata, tokens, introspection, revocation.
//!
//! Fans' consent is in [`crate::authorization`]. Sources: FAPI 2.0 Security Profile, RFC 6749, 7009, 7523, 7662, 8414, 9068,
//! 9449, 9728.

use serde::{Deserialize, Serialize};

use crate::authorization::{AUTHORIZATION_PATH, GetUserinfo, PushAuthorizationRequest};
use crate::endpoint::{Access, Endpoint, Example, Form, Nothing, Reply, ReplyHeader, Tag, verb};
use crate::error_code::ErrorCode;
use crate::id::AppId;
use crate::jose::{Jwk, PublicKey};
use crate::open::Open;
use crate::schema::ToSchema;
use crate::scope::{FanScope, Scope};

/// `client_assertion_type` of `private_key_jwt` (RFC 7523, 2.2).
pub const ASSERTION_TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
/// Lifetime of an access token in seconds.
pub const TOKEN_SECONDS: i64 = 300;

const NO_STORE: &str = "no-store";
/// Algorithms of assertions and proofs; both names of Ed25519 are accepted (RFC 8037, RFC 9864).
const JWS_ALGORITHMS: [&str; 4] = ["EdDSA", "Ed25519", "ES256", "PS256"];
const FIVE_MINUTES: &str = "public, max-age=300";

/// A request for a token. Unknown parameters are ignored (RFC 6749, 3.2).
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[non_exhaustive]
pub struct TokenRequest {
    /// `client_credentials`, `authorization_code` or `refresh_token`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub grant_type: Option<String>,
    /// The code that the fan's browser returned with (`authorization_code`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// The `redirect_uri` of the pushed request, character for character (`authorization_code`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub redirect_uri: Option<String>,
    /// The text that `code_challenge` was computed from (RFC 7636; `authorization_code`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code_verifier: Option<String>,
    /// The refresh token (`refresh_token`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refresh_token: Option<String>,
    /// Scopes separated by spaces; when omitted, all scopes of the app, or all that the fan granted. Not used with a code,
    /// whose scopes were fixed by the pushed request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scope: Option<String>,
    /// The API the token is for (RFC 8707); this gateway's API when omitted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resource: Option<String>,
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

/// Leaves out everything secret, because debug output ends up in logs.
impl std::fmt::Debug for TokenRequest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TokenRequest")
            .field("grant_type", &self.grant_type)
            .field("scope", &self.scope)
            .finish_non_exhaustive()
    }
}

impl Example for TokenRequest {
    fn example() -> Self {
        Self {
            grant_type: Some("client_credentials".to_owned()),
            scope: Some("circles:read circles:write".to_owned()),
            client_assertion_type: Some(ASSERTION_TYPE.to_owned()),
            client_assertion: Some("eyJhbGciOiJFZERTQSJ9.…".to_owned()),
            ..Self::default()
        }
    }
}

/// A token.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[cfg_attr(not(feature = "server"), non_exhaustive)]
pub struct TokenReply {
    /// The access token (RFC 9068), bound to the key of the DPoP proof.
    pub access_token: String,
    /// Always `DPoP`.
    pub token_type: String,
    /// Lifetime of the access token in seconds.
    pub expires_in: i64,
    /// Scopes of the access token.
    pub scope: String,
    /// Gets further access tokens without the fan, for 90 days, as long as the grant is active. It is not rotated. Only with
    /// a code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refresh_token: Option<String>,
    /// Identifies the fan, and says when the fan signed in (OpenID Connect Core, 2). Only with a code for the scope
    /// `openid`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id_token: Option<String>,
}

impl std::fmt::Debug for TokenReply {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TokenReply")
            .field("scope", &self.scope)
            .field("expires_in", &self.expires_in)
            .finish_non_exhaustive()
    }
}

impl Reply for TokenReply {
    const HEADERS: &'static [ReplyHeader] =
        &[ReplyHeader { name: "Pragma", about: "`no-cache`, as RFC 6749 requires.", example: "no-cache" }];
    const CACHE: Option<&'static str> = Some(NO_STORE);

    fn headers(&self) -> Vec<String> {
        vec!["no-cache".to_owned()]
    }

    fn example_value() -> serde_json::Value {
        serde_json::json!({
            "access_token": "eyJ0eXAiOiJhdCtqd3QiLCJhbGciOiJFZERTQSJ9.…",
            "token_type": "DPoP",
            "expires_in": TOKEN_SECONDS,
            "scope": "circles:read circles:write",
        })
    }
}

/// A token to introspect or revoke.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[non_exhaustive]
pub struct TokenIntrospectionRequest {
    /// The token.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token: Option<String>,
    /// Kind of the token; a wrong hint does no harm.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token_type_hint: Option<String>,
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

impl Example for TokenIntrospectionRequest {
    fn example() -> Self {
        Self {
            token: Some("eyJ0eXAiOiJhdCtqd3QiLCJhbGciOiJFZERTQSJ9.…".to_owned()),
            client_assertion_type: Some(ASSERTION_TYPE.to_owned()),
            client_assertion: Some("eyJhbGciOiJFZERTQSJ9.…".to_owned()),
            ..Self::default()
        }
    }
}

/// The key a token is bound to (RFC 7800).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Confirmation {
    /// RFC 7638 thumbprint of the key.
    pub jkt: String,
}

/// State of a token (RFC 7662); only `active: false` for a token that is invalid or not yours.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[cfg_attr(not(feature = "server"), non_exhaustive)]
pub struct Introspection {
    /// Whether the token can be used now.
    pub active: bool,
    /// Scopes of the access token.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scope: Option<String>,
    /// The app it was issued to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_id: Option<AppId>,
    /// The subject: the app itself, or a fan by the id your partner knows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sub: Option<String>,
    /// The issuer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub iss: Option<String>,
    /// The API the token is for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub aud: Option<String>,
    /// When the token was issued, Unix seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub iat: Option<i64>,
    /// When the token expires, Unix seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exp: Option<i64>,
    /// The token's id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub jti: Option<String>,
    /// `DPoP`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token_type: Option<String>,
    /// The key the token is bound to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cnf: Option<Confirmation>,
}

impl Reply for Introspection {
    const CACHE: Option<&'static str> = Some(NO_STORE);

    fn example_value() -> serde_json::Value {
        serde_json::json!({
            "active": true,
            "scope": "circles:read",
            "client_id": AppId::example(),
            "sub": AppId::example(),
            "token_type": "DPoP",
            "exp": 1_795_163_700,
            "cnf": { "jkt": "poqkLGiymh_W0uP6PZFw-dvez3QJT5SolqXBCW38r0U" },
        })
    }
}

/// Keys of the gateway (RFC 7517).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[cfg_attr(not(feature = "server"), non_exhaustive)]
pub struct JwkSet {
    /// Public keys, each with `kid`, `use` and `alg`.
    #[schema(value_type = Vec<Jwk>)]
    pub keys: Vec<Open<Jwk>>,
}

impl Reply for JwkSet {
    const CACHE: Option<&'static str> = Some(FIVE_MINUTES);

    fn example_value() -> serde_json::Value {
        serde_json::json!({ "keys": [Jwk::new(PublicKey::Ed25519([7; 32]))] })
    }
}

/// Metadata of the authorization server (RFC 8414).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[cfg_attr(not(feature = "server"), non_exhaustive)]
pub struct ServerMetadata {
    /// The issuer; the audience of client assertions.
    #[schema(format = "uri")]
    pub issuer: String,
    /// Where a fan's browser is sent, with only `client_id` and `request_uri`.
    #[schema(format = "uri")]
    pub authorization_endpoint: String,
    /// Where authorization requests are pushed (RFC 9126).
    #[schema(format = "uri")]
    pub pushed_authorization_request_endpoint: String,
    /// Where tokens are requested.
    #[schema(format = "uri")]
    pub token_endpoint: String,
    /// Returns the claims that the fan shares, for a fan token (OpenID Connect Core, 5.3).
    #[schema(format = "uri")]
    pub userinfo_endpoint: String,
    /// Where tokens are introspected.
    #[schema(format = "uri")]
    pub introspection_endpoint: String,
    /// Where tokens are revoked.
    #[schema(format = "uri")]
    pub revocation_endpoint: String,
    /// The gateway's keys.
    #[schema(format = "uri")]
    pub jwks_uri: String,
    /// Supported scopes.
    pub scopes_supported: Vec<String>,
    /// Supported grant types.
    pub grant_types_supported: Vec<String>,
    /// Supported response types.
    pub response_types_supported: Vec<String>,
    /// How an authorization response is returned.
    pub response_modes_supported: Vec<String>,
    /// Supported values of `prompt`.
    pub prompt_values_supported: Vec<String>,
    /// Languages of the gateway's pages.
    pub ui_locales_supported: Vec<String>,
    /// Algorithms of ID tokens.
    pub id_token_signing_alg_values_supported: Vec<String>,
    /// Claims that ID tokens and the userinfo endpoint can contain.
    pub claims_supported: Vec<String>,
    /// Values of `resource` (RFC 8707, RFC 9728).
    pub protected_resources: Vec<String>,
    /// How clients authenticate.
    pub token_endpoint_auth_methods_supported: Vec<String>,
    /// Algorithms of client assertions.
    pub token_endpoint_auth_signing_alg_values_supported: Vec<String>,
    /// How clients authenticate at the introspection endpoint.
    pub introspection_endpoint_auth_methods_supported: Vec<String>,
    /// Algorithms of client assertions at the introspection endpoint.
    pub introspection_endpoint_auth_signing_alg_values_supported: Vec<String>,
    /// How clients authenticate at the revocation endpoint.
    pub revocation_endpoint_auth_methods_supported: Vec<String>,
    /// Algorithms of client assertions at the revocation endpoint.
    pub revocation_endpoint_auth_signing_alg_values_supported: Vec<String>,
    /// Algorithms of DPoP proofs.
    pub dpop_signing_alg_values_supported: Vec<String>,
    /// PKCE methods.
    pub code_challenge_methods_supported: Vec<String>,
    /// Subject types: every partner knows a person under a different id.
    pub subject_types_supported: Vec<String>,
    /// Whether authorization requests must be pushed (RFC 9126).
    pub require_pushed_authorization_requests: bool,
    /// Whether `iss` is in authorization responses (RFC 9207).
    pub authorization_response_iss_parameter_supported: bool,
    /// The documentation for developers.
    #[schema(format = "uri")]
    pub service_documentation: String,
}

fn texts(list: &[&str]) -> Vec<String> {
    list.iter().map(|text| (*text).to_owned()).collect()
}

/// These scopes of partners, and all fan scopes.
fn all_scopes(scopes: &[Scope]) -> Vec<String> {
    scopes.iter().map(ToString::to_string).chain(FanScope::ALL.iter().map(ToString::to_string)).collect()
}

impl ServerMetadata {
    /// The metadata of a gateway with this public URL (without a trailing slash) that offers these partner scopes, and all
    /// fan scopes.
    pub fn new(issuer: &str, scopes: &[Scope]) -> Self {
        let at = |path: &str| format!("{issuer}{path}");
        let method = || texts(&["private_key_jwt"]);
        let algorithms = || texts(&JWS_ALGORITHMS);
        Self {
            issuer: issuer.to_owned(),
            authorization_endpoint: at(AUTHORIZATION_PATH),
            pushed_authorization_request_endpoint: at(PushAuthorizationRequest::PATH),
            token_endpoint: at(GetToken::PATH),
            userinfo_endpoint: at(GetUserinfo::PATH),
            introspection_endpoint: at(IntrospectToken::PATH),
            revocation_endpoint: at(RevokeToken::PATH),
            jwks_uri: at(GetJwks::PATH),
            scopes_supported: all_scopes(scopes),
            grant_types_supported: texts(&["client_credentials", "authorization_code", "refresh_token"]),
            response_types_supported: texts(&["code"]),
            response_modes_supported: texts(&["query"]),
            prompt_values_supported: texts(&["none", "login", "consent"]),
            ui_locales_supported: texts(&["en", "zh-Hans"]),
            id_token_signing_alg_values_supported: texts(&["ES256"]),
            claims_supported: texts(&["iss", "sub", "aud", "exp", "iat", "auth_time", "nonce", "nickname"]),
            protected_resources: vec![issuer.to_owned()],
            token_endpoint_auth_methods_supported: method(),
            token_endpoint_auth_signing_alg_values_supported: algorithms(),
            introspection_endpoint_auth_methods_supported: method(),
            introspection_endpoint_auth_signing_alg_values_supported: algorithms(),
            revocation_endpoint_auth_methods_supported: method(),
            revocation_endpoint_auth_signing_alg_values_supported: algorithms(),
            dpop_signing_alg_values_supported: algorithms(),
            code_challenge_methods_supported: texts(&["S256"]),
            subject_types_supported: texts(&["pairwise"]),
            require_pushed_authorization_requests: true,
            authorization_response_iss_parameter_supported: true,
            service_documentation: at("/docs"),
        }
    }
}

impl Reply for ServerMetadata {
    const CACHE: Option<&'static str> = Some(FIVE_MINUTES);

    fn example_value() -> serde_json::Value {
        serde_json::to_value(Self::new(EXAMPLE_ISSUER, &Scope::ALL)).unwrap_or_default()
    }
}

const EXAMPLE_ISSUER: &str = "http://127.0.0.1:8080";

/// Metadata of the API (RFC 9728).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[cfg_attr(not(feature = "server"), non_exhaustive)]
pub struct ResourceMetadata {
    /// Identifier of the API; the audience of access tokens.
    #[schema(format = "uri")]
    pub resource: String,
    /// Who issues tokens for it.
    pub authorization_servers: Vec<String>,
    /// Scopes of its endpoints.
    pub scopes_supported: Vec<String>,
    /// How a token is sent: in the header.
    pub bearer_methods_supported: Vec<String>,
    /// Algorithms of DPoP proofs.
    pub dpop_signing_alg_values_supported: Vec<String>,
    /// Whether tokens are always bound to a key.
    pub dpop_bound_access_tokens_required: bool,
    /// Keys that sign responses.
    #[schema(format = "uri")]
    pub jwks_uri: String,
    /// The documentation for developers.
    #[schema(format = "uri")]
    pub resource_documentation: String,
}

impl ResourceMetadata {
    /// The metadata of the API behind this public URL (without a trailing slash) with these scopes.
    pub fn new(resource: &str, scopes: &[Scope]) -> Self {
        Self {
            resource: resource.to_owned(),
            authorization_servers: vec![resource.to_owned()],
            scopes_supported: all_scopes(scopes),
            bearer_methods_supported: texts(&["header"]),
            dpop_signing_alg_values_supported: texts(&JWS_ALGORITHMS),
            dpop_bound_access_tokens_required: true,
            jwks_uri: format!("{resource}{}", GetJwks::PATH),
            resource_documentation: format!("{resource}/docs"),
        }
    }
}

impl Reply for ResourceMetadata {
    const CACHE: Option<&'static str> = Some(FIVE_MINUTES);

    fn example_value() -> serde_json::Value {
        serde_json::to_value(Self::new(EXAMPLE_ISSUER, &Scope::ALL)).unwrap_or_default()
    }
}

/// Create a token
///
/// The app authenticates with a client assertion (`private_key_jwt`), and the token is bound to the key of the DPoP proof.
/// `client_credentials` returns a partner token, for servers that act for their partner. `authorization_code` returns a fan
/// token for the code that the fan's browser returned with, and `refresh_token` returns the next one. A code that is used
/// twice is refused, and everything issued for it is revoked.
#[derive(ToSchema)]
pub struct GetToken;
impl Endpoint for GetToken {
    type Verb = verb::Post;
    const PATH: &'static str = "/oauth/token";
    const TAG: Tag = Tag::OAuth;
    const ACCESS: Access = Access::Client;
    const FAILS: &'static [ErrorCode] =
        &[ErrorCode::UnsupportedGrantType, ErrorCode::InvalidScope, ErrorCode::InvalidTarget, ErrorCode::InvalidGrant];
    const IDEMPOTENCY: crate::endpoint::Idempotency = crate::endpoint::Idempotency::None;
    type Params = Nothing;
    type Query = Nothing;
    type Body = Form<TokenRequest>;
    type Reply = TokenReply;
}

/// Introspect a token
///
/// RFC 7662. An app can introspect only its own tokens.
#[derive(ToSchema)]
pub struct IntrospectToken;
impl Endpoint for IntrospectToken {
    type Verb = verb::Post;
    const PATH: &'static str = "/oauth/introspect";
    const TAG: Tag = Tag::OAuth;
    const ACCESS: Access = Access::Client;
    const IDEMPOTENCY: crate::endpoint::Idempotency = crate::endpoint::Idempotency::None;
    type Params = Nothing;
    type Query = Nothing;
    type Body = Form<TokenIntrospectionRequest>;
    type Reply = Introspection;
}

/// Revoke a token
///
/// RFC 7009. Takes effect on every gateway within two seconds; the response is the same for a token that is unknown or not
/// yours. Revoking a refresh token also revokes the access tokens issued for it; the fan's grant remains.
#[derive(ToSchema)]
pub struct RevokeToken;
impl Endpoint for RevokeToken {
    type Verb = verb::Post;
    const PATH: &'static str = "/oauth/revoke";
    const TAG: Tag = Tag::OAuth;
    const ACCESS: Access = Access::Client;
    const IDEMPOTENCY: crate::endpoint::Idempotency = crate::endpoint::Idempotency::None;
    type Params = Nothing;
    type Query = Nothing;
    type Body = Form<TokenIntrospectionRequest>;
    type Reply = Nothing;
}

/// Get the gateway's keys
///
/// They sign access tokens and responses (Ed25519) and ID tokens (P-256). A new key is published before it is used, and an
/// old one until nothing signed with it is valid.
#[derive(ToSchema)]
pub struct GetJwks;
impl Endpoint for GetJwks {
    type Verb = verb::Get;
    const PATH: &'static str = "/oauth/jwks";
    const TAG: Tag = Tag::OAuth;
    const ACCESS: Access = Access::Public;
    type Params = Nothing;
    type Query = Nothing;
    type Body = Nothing;
    type Reply = JwkSet;
}

/// Get the authorization server's metadata
///
/// RFC 8414.
#[derive(ToSchema)]
pub struct GetServerMetadata;
impl Endpoint for GetServerMetadata {
    type Verb = verb::Get;
    const PATH: &'static str = "/.well-known/oauth-authorization-server";
    const TAG: Tag = Tag::OAuth;
    const ACCESS: Access = Access::Public;
    type Params = Nothing;
    type Query = Nothing;
    type Body = Nothing;
    type Reply = ServerMetadata;
}

/// Get the OpenID configuration
///
/// The same metadata under the URL of OpenID Connect Discovery.
#[derive(ToSchema)]
pub struct GetOpenidConfiguration;
impl Endpoint for GetOpenidConfiguration {
    type Verb = verb::Get;
    const PATH: &'static str = "/.well-known/openid-configuration";
    const TAG: Tag = Tag::OAuth;
    const ACCESS: Access = Access::Public;
    type Params = Nothing;
    type Query = Nothing;
    type Body = Nothing;
    type Reply = ServerMetadata;
}

/// Get the API's metadata
///
/// RFC 9728.
#[derive(ToSchema)]
pub struct GetResourceMetadata;
impl Endpoint for GetResourceMetadata {
    type Verb = verb::Get;
    const PATH: &'static str = "/.well-known/oauth-protected-resource";
    const TAG: Tag = Tag::OAuth;
    const ACCESS: Access = Access::Public;
    type Params = Nothing;
    type Query = Nothing;
    type Body = Nothing;
    type Reply = ResourceMetadata;
}
