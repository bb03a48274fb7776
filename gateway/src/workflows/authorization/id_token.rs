//! ID tokens (OpenID Connect Core, 2): identify the fan, for one app only.

use std::sync::Arc;

use quanzi_openapi::Time;
use quanzi_openapi::id::{AppId, FanId};
use quanzi_openapi::jose::{JwsAlgorithm, assemble, signing_input};
use serde::Serialize;

use crate::access::Access;
use crate::edge::sessions::unknown_sign_in_time;
use crate::platform::fault::Fault;

/// Life of an id token: it is looked at when it arrives.
const LIFE_SECONDS: i64 = 300;

#[derive(Serialize)]
struct Claims<'c> {
    iss: &'c str,
    sub: FanId,
    aud: AppId,
    iat: i64,
    exp: i64,
    /// Left out when nobody says when.
    #[serde(skip_serializing_if = "Option::is_none")]
    auth_time: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    nonce: Option<&'c str>,
}

/// Signs an id token. It says nothing of the fan but who it is: the rest is for the userinfo endpoint.
pub(super) fn issue(
    access: &Access,
    client: AppId,
    fan: FanId,
    authenticated_at: Time,
    nonce: Option<&str>,
    now: Time,
) -> Result<String, Fault> {
    let key = Arc::clone(access.keyring.keys().id_token(now));
    let header = serde_json::json!({ "typ": "JWT", "alg": JwsAlgorithm::Es256, "kid": key.kid() });
    let claims = Claims {
        iss: &access.config.public_url,
        sub: fan,
        aud: client,
        iat: now.seconds(),
        exp: now.seconds() + LIFE_SECONDS,
        auth_time: (authenticated_at > unknown_sign_in_time()).then(|| authenticated_at.seconds()),
        nonce,
    };
    let input = signing_input(&header, &claims).map_err(Fault::internal)?;
    let signature = key.sign(input.as_bytes()).map_err(Fault::internal)?;
    Ok(assemble(&input, &signature))
}
