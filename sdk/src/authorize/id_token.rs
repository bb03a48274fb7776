//! ID tokens (OpenID Connect Core, 3.1.3.7).
//!
//! Invariant: only ES256, only with a key from the gateway's own `jwks_uri`; the header's algorithm has no influence.

use quanzi_openapi::id::FanId;
use quanzi_openapi::jose::{CLOCK_SKEW_SECONDS, Compact, JwsAlgorithm};
use serde::Deserialize;

use super::not_verified;
use crate::client::Client;
use crate::error::Error;
use crate::reply::RawReply;
use crate::verifier::fits;

/// The expected claims of an ID token.
pub(super) struct Expected<'a> {
    pub(super) issuer: &'a str,
    pub(super) audience: &'a str,
    pub(super) nonce: &'a str,
    pub(super) max_age_seconds: Option<i64>,
}

#[derive(Deserialize)]
struct Answer {
    id_token: Option<String>,
}

#[derive(Deserialize)]
struct Claims {
    iss: String,
    aud: String,
    sub: String,
    exp: i64,
    iat: i64,
    nonce: Option<String>,
    auth_time: Option<i64>,
}

/// The fan identified by the ID token in a token response.
pub(super) async fn verify(client: &Client, reply: &RawReply, expected: &Expected<'_>) -> Result<FanId, Error> {
    let token = reply.json::<Answer>()?.id_token.ok_or_else(|| not_verified("the response has no ID token"))?;
    let wrong = |what: &str| not_verified(format!("the ID token is not valid: {what}"));
    let jws = Compact::parse(&token).map_err(|error| wrong(&error.to_string()))?;
    if jws.header.alg != JwsAlgorithm::Es256 {
        return Err(wrong("it is not signed with ES256"));
    }
    let kid = jws.header.kid.as_deref().ok_or_else(|| wrong("it has no `kid`"))?;
    let key = client.gateway_keys().find(client, kid).await?;
    let key = key.ok_or_else(|| wrong("it is signed with a key the gateway does not publish"))?;
    if !jws.header.alg.fits(&key.key) || !fits(&key.key, jws.signed.as_bytes(), &jws.signature) {
        return Err(wrong("the signature does not match"));
    }
    let claims: Claims = jws.claims().map_err(|error| wrong(&error.to_string()))?;
    check(&claims, expected, client.system().now_seconds()).map_err(wrong)?;
    claims.sub.parse().map_err(|_| wrong("`sub` is not a fan id"))
}

fn check(claims: &Claims, expected: &Expected<'_>, now: i64) -> Result<(), &'static str> {
    if claims.iss != expected.issuer {
        return Err("`iss` is a different authorization server");
    }
    if claims.aud != expected.audience {
        return Err("`aud` is a different app");
    }
    if claims.nonce.as_deref() != Some(expected.nonce) {
        return Err("`nonce` does not match the one this browser was sent with");
    }
    if claims.exp.saturating_add(CLOCK_SKEW_SECONDS) <= now {
        return Err("it has expired");
    }
    if claims.iat > now.saturating_add(CLOCK_SKEW_SECONDS) {
        return Err("it was issued in the future");
    }
    let Some(max_age) = expected.max_age_seconds else { return Ok(()) };
    let latest = claims.auth_time.map(|time| time.saturating_add(max_age).saturating_add(CLOCK_SKEW_SECONDS));
    // Measured when it was issued: how long the answer took on its way is nothing the fan did.
    if latest.is_some_and(|latest| claims.iat <= latest) { Ok(()) } else { Err("the fan signed in too long ago") }
}
