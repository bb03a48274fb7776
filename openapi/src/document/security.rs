//! How requests are authenticated: the schemes, and what an operation requires of them.
//!
//! All headers of authentication are described here and are no parameters of operations.

use utoipa::openapi::security::{
    ApiKey, ApiKeyValue, AuthorizationCode, ClientCredentials, Flow, OAuth2, Scopes as FlowScopes, SecurityRequirement,
    SecurityScheme,
};

use super::operation::Operation;
use crate::endpoint::Access;
use crate::scope::{FanScope, Scope};

const TOKEN: &str = "token";
const FAN_TOKEN: &str = "fan_token";
const SIGNATURE: &str = "signature";
const CLIENT_ASSERTION: &str = "client_assertion";

/// The schemes under their names.
pub(super) fn schemes() -> [(&'static str, SecurityScheme); 4] {
    [(TOKEN, token()), (FAN_TOKEN, fan_token()), (SIGNATURE, signature()), (CLIENT_ASSERTION, client_assertion())]
}

/// What an operation requires: a token and a signature, where it has to be signed.
pub(super) fn requirements(operation: &Operation) -> [SecurityRequirement; 1] {
    let none: [&str; 0] = [];
    let requirement = match operation.access {
        Access::Public => SecurityRequirement::default(),
        Access::Client => SecurityRequirement::new(CLIENT_ASSERTION, none),
        Access::Partner(scope) => SecurityRequirement::new(TOKEN, scope.map(Scope::as_str)),
        Access::Fan(scope) => SecurityRequirement::new(FAN_TOKEN, [scope.as_str()]),
    };
    let tokened = matches!(operation.access, Access::Partner(_) | Access::Fan(_));
    [if tokened && operation.signed { requirement.add(SIGNATURE, none) } else { requirement }]
}

fn token() -> SecurityScheme {
    let scopes = FlowScopes::from_iter(Scope::ALL.map(|scope| (scope.as_str(), scope.about())));
    SecurityScheme::OAuth2(OAuth2::with_description(
        [Flow::ClientCredentials(ClientCredentials::new("/oauth/token", scopes))],
        "A DPoP-bound access token, sent as `Authorization: DPoP …` (RFC 9449). It comes with a proof in the header `DPoP`, \
         or on a request that is signed with the key the token is bound to and whose signature covers `authorization`. \
         See the guide on signing.",
    ))
}

fn fan_token() -> SecurityScheme {
    let scopes = FlowScopes::from_iter(FanScope::ALL.map(|scope| (scope.as_str(), scope.about())));
    SecurityScheme::OAuth2(OAuth2::with_description(
        [Flow::AuthorizationCode(AuthorizationCode::new("/oauth/authorize", "/oauth/token", scopes))],
        "A DPoP-bound access token that a fan granted, sent like a partner's: pushed authorization request (RFC 9126), PKCE, \
         and the fan's consent on a page of the gateway. See the guide on scopes and consent.",
    ))
}

fn signature() -> SecurityScheme {
    SecurityScheme::ApiKey(ApiKey::Header(ApiKeyValue::with_description(
        "Signature",
        "The signature of the request (RFC 9421), with a registered key of the app. `Signature-Input` says what it covers: \
         `@method`, `@target-uri`, `authorization`, and of `content-digest`, `content-type`, `idempotency-key` and `dpop` \
         those that are sent; with `created`, `nonce`, `keyid` and `tag=\"fapi-2-request\"`. `Content-Digest` is the digest \
         of the body (RFC 9530), required with every body. Changes must be signed; a signature that is sent with a read is \
         verified. See the guide on signing.",
    )))
}

fn client_assertion() -> SecurityScheme {
    SecurityScheme::ApiKey(ApiKey::Header(ApiKeyValue::with_description(
        "DPoP",
        "`private_key_jwt`: `client_assertion` and `client_assertion_type` in the form body (RFC 7523), `aud` = the \
         issuer; and a DPoP proof (RFC 9449) in this header where a token is requested.",
    )))
}
