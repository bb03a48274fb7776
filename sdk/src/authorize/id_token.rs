//! Id tokens (OpenID Connect Core, 3.1.3.7).
//!
//! Invariant: only ES256, only with a key from the gateway's own `jwks_uri`; the algorithm of the header chooses nothing.

use quanzi_openapi::id::FanId;
use quanzi_openapi::jose::{CLOCK_SKEW_SECONDS, Compact, JwsAlgorithm};
use serde::Deserialize;

use super::not_verified;
use crate::client::Client;
use crate::error::Error;
use crate::reply::RawReply;
use crate::verifier::fits;

/// What an id token must say.
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

/// The fan that the id token in a token answer names.
pub(super) async fn verify(client: &Client, reply: &RawReply, expected: &Expected<'_>) -> Result<FanId, Error> {
    let token = reply.json::<Answer>()?.id_token.ok_or_else(|| not_verified("there is no id token"))?;
    let wrong = |what: &str| not_verified(format!("the id token is not good: {what}"));
    let jws = Compact::parse(&token).map_err(|error| wrong(&error.to_string()))?;
    if jws.header.alg != JwsAlgorithm::Es256 {
        return Err(wrong("it is not signed with ES256"));
    }
    let kid = jws.header.kid.as_deref().ok_or_else(|| wrong("it names no key"))?;
    let key = client.gateway_keys().find(client, kid).await?;
    let key = key.ok_or_else(|| wrong("it is signed with a key the gateway does not publish"))?;
    if !jws.header.alg.fits(&key.key) || !fits(&key.key, jws.signed.as_bytes(), &jws.signature) {
        return Err(wrong("the signature does not fit"));
    }
    let claims: Claims = jws.claims().map_err(|error| wrong(&error.to_string()))?;
    check(&claims, expected, client.system().now_seconds()).map_err(wrong)?;
    claims.sub.parse().map_err(|_| wrong("`sub` is no fan"))
}

fn check(claims: &Claims, expected: &Expected<'_>, now: i64) -> Result<(), &'static str> {
    if claims.iss != expected.issuer {
        return Err("`iss` is another authorization server");
    }
    if claims.aud != expected.audience {
        return Err("it is for another app");
    }
    if claims.nonce.as_deref() != Some(expected.nonce) {
        return Err("`nonce` is not the one this browser was sent with");
    }
    if claims.exp.saturating_add(CLOCK_SKEW_SECONDS) <= now {
        return Err("it has expired");
    }
    if claims.iat > now.saturating_add(CLOCK_SKEW_SECONDS) {
        return Err("it is from the future");
    }
    let Some(max_age) = expected.max_age_seconds else { return Ok(()) };
    let latest = claims.auth_time.map(|time| time.saturating_add(max_age).saturating_add(CLOCK_SKEW_SECONDS));
    // Measured when it was issued: how long the answer took on its way is nothing the fan did.
    if latest.is_some_and(|latest| claims.iat <= latest) { Ok(()) } else { Err("the fan signed in too long ago") }
}
