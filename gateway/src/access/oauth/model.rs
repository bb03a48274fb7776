//! Rules of the authorization server, pure.

use aws_lc_rs::constant_time::verify_slices_are_equal;
use quanzi_openapi::authorization::PushedRequest;
use quanzi_openapi::jose::{decode_base64url, encode_base64url};
use quanzi_openapi::oauth::GetResourceMetadata;
use quanzi_openapi::partners::WebAddress;
use quanzi_openapi::scope::{FanScopes, Scopes};
use quanzi_openapi::{Endpoint as _, ErrorCode};
use serde::{Deserialize, Serialize};

use crate::platform::Platform;
use crate::platform::config::Config;
use crate::platform::crypto::hash;
use crate::platform::fault::Fault;

/// Longest `state`; FAPI demands 1,000.
const STATE_LETTERS_MAX: usize = 2_000;
/// Longest `nonce`; FAPI demands 64.
const NONCE_LETTERS_MAX: usize = 500;

/// Algorithms of proofs, as a challenge names them (RFC 9449, 7.1).
const ALGORITHMS: &str = "EdDSA Ed25519 ES256 PS256";

/// The `WWW-Authenticate` of a 401 of the API; without an error when the request carried no credentials (RFC 6750, 3.1).
pub fn challenge(platform: &Platform, error: Option<&str>) -> String {
    challenge_at(&platform.config.public_url, error)
}

fn challenge_at(issuer: &str, error: Option<&str>) -> String {
    let error = error.map(|error| format!("error=\"{error}\", ")).unwrap_or_default();
    let metadata = GetResourceMetadata::PATH;
    format!("DPoP {error}algs=\"{ALGORITHMS}\", resource_metadata=\"{issuer}{metadata}\"")
}

/// The scopes of a token: those asked for, when the app may have all of them, or everything the app may have.
pub(super) fn grant(asked: Option<&str>, may: Scopes) -> Result<Scopes, Fault> {
    let Some(asked) = asked else { return Ok(may) };
    if asked.split(' ').any(|scope| matches!(scope, "openid" | "offline_access")) {
        return Err(Fault::new(ErrorCode::InvalidScope)
            .detail("openid and offline_access apply to fans; client_credentials acts for the app itself."));
    }
    let asked: Scopes = asked.parse().map_err(|_| ErrorCode::InvalidScope)?;
    if !may.covers(asked) {
        return Err(Fault::new(ErrorCode::InvalidScope)
            .detail("The app does not have all the scopes it asks for; update the app's scopes first."));
    }
    Ok(asked)
}

/// What an app wants of a fan, as it was pushed; checked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuthorizationRequest {
    /// Where the browser goes back to.
    pub redirect_uri: String,
    scopes: String,
    /// Comes back with the answer.
    pub state: Option<String>,
    /// Comes back in the id token.
    pub nonce: Option<String>,
    /// The S256 challenge.
    pub challenge: String,
    /// Which pages are shown.
    pub prompt: Prompt,
    /// The longest time since the fan signed in, in seconds.
    pub max_age: Option<i64>,
    /// The key the code is bound to.
    pub jkt: Option<String>,
}

/// Which pages are shown (OpenID Connect Core, 3.1.2.1).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Prompt {
    /// None at all.
    pub none: bool,
    /// Signing in, also who is signed in.
    pub login: bool,
    /// Consenting, also what was consented to.
    pub consent: bool,
}

impl Prompt {
    fn read(text: &str) -> Result<Self, Fault> {
        let mut prompt = Self::default();
        for word in text.split(' ').filter(|word| !word.is_empty()) {
            match word {
                "none" => prompt.none = true,
                "login" => prompt.login = true,
                "consent" => prompt.consent = true,
                _ => return Err(refused("prompt must be none, or login and consent.")),
            }
        }
        if prompt.none && (prompt.login || prompt.consent) {
            return Err(refused("prompt=none cannot be combined with other values."));
        }
        Ok(prompt)
    }
}

impl AuthorizationRequest {
    /// From the form, for an app with these redirect URIs.
    pub(super) fn read(form: &PushedRequest, config: &Config, registered: &[WebAddress]) -> Result<Self, Fault> {
        if form.request.is_some() || form.request_uri.is_some() {
            return Err(refused("Send the parameters themselves; request and request_uri are not supported here."));
        }
        match sent(form.response_type.as_ref()) {
            Some("code") => {}
            Some(_) => return Err(ErrorCode::UnsupportedResponseType.into()),
            None => return Err(refused("response_type is missing; send code.")),
        }
        if sent(form.response_mode.as_ref()).is_some_and(|mode| mode != "query") {
            return Err(refused("response_mode must be query."));
        }
        if sent(form.resource.as_ref()).is_some_and(|resource| resource != config.public_url) {
            return Err(ErrorCode::InvalidTarget.into());
        }
        let too_long = |text: &Option<String>, max: usize| text.as_ref().is_some_and(|text| text.chars().count() > max);
        if too_long(&form.state, STATE_LETTERS_MAX) || too_long(&form.nonce, NONCE_LETTERS_MAX) {
            return Err(refused("state may have at most 2,000 characters, nonce at most 500."));
        }
        let max_age = sent(form.max_age.as_ref()).map(str::parse::<u32>).transpose();
        let max_age = max_age.map_err(|_| refused("max_age must be a number of seconds, 0 or more."))?.map(i64::from);
        let owned = |text: &Option<String>| sent(text.as_ref()).map(str::to_owned);
        let jkt = owned(&form.dpop_jkt);
        if jkt.as_ref().is_some_and(|jkt| !is_sha256(jkt)) {
            return Err(refused("dpop_jkt must be an RFC 7638 thumbprint: 43 characters of base64url."));
        }
        Ok(Self {
            redirect_uri: redirect_uri(sent(form.redirect_uri.as_ref()), config, registered)?,
            scopes: fan_scopes(sent(form.scope.as_ref()))?.to_string(),
            state: form.state.clone(),
            nonce: owned(&form.nonce),
            challenge: challenge_sent(form)?,
            prompt: Prompt::read(form.prompt.as_deref().unwrap_or_default())?,
            max_age,
            jkt,
        })
    }

    /// Bound to the key of a proof that came with it (RFC 9449, 10.1).
    pub(super) fn bound_to(self, jkt: String) -> Result<Self, Fault> {
        if self.jkt.as_ref().is_some_and(|asked| *asked != jkt) {
            return Err(Fault::new(ErrorCode::InvalidDpopProof).detail("The proof's key does not match dpop_jkt."));
        }
        Ok(Self { jkt: Some(jkt), ..self })
    }

    /// What is asked for.
    pub fn scopes(&self) -> FanScopes {
        self.scopes.split(' ').filter_map(|scope| scope.parse().ok()).collect()
    }
}

fn redirect_uri(sent: Option<&str>, config: &Config, registered: &[WebAddress]) -> Result<String, Fault> {
    let uri = sent.ok_or_else(|| refused("redirect_uri is missing."))?;
    if !registered.iter().any(|known| known.as_str() == uri) {
        return Err(refused("redirect_uri is not registered for the app; URIs are compared character for character."));
    }
    if !config.mode.is_sandbox() && !uri.starts_with("https://") {
        return Err(refused("redirect_uri must be https."));
    }
    Ok(uri.to_owned())
}

fn fan_scopes(sent: Option<&str>) -> Result<FanScopes, Fault> {
    let invalid = |detail: &'static str| Fault::new(ErrorCode::InvalidScope).detail(detail);
    let text = sent.ok_or_else(|| invalid("scope is missing: list the scopes you ask the fan for."))?;
    if text.parse::<Scopes>().is_ok_and(|scopes| !scopes.is_empty()) {
        return Err(invalid("These are partner scopes: get them with client_credentials."));
    }
    let scopes: FanScopes = text.parse().map_err(|_| ErrorCode::InvalidScope)?;
    if scopes.is_empty() { Err(invalid("scope is missing: list the scopes you ask the fan for.")) } else { Ok(scopes) }
}

fn challenge_sent(form: &PushedRequest) -> Result<String, Fault> {
    if sent(form.code_challenge_method.as_ref()) != Some("S256") {
        return Err(refused("code_challenge_method must be S256 (RFC 7636)."));
    }
    let challenge = sent(form.code_challenge.as_ref()).filter(|challenge| is_sha256(challenge));
    let challenge =
        challenge.ok_or_else(|| refused("code_challenge must be 43 characters of base64url (RFC 7636, 4.2)."))?;
    Ok(challenge.to_owned())
}

fn is_sha256(text: &str) -> bool {
    decode_base64url(text).is_some_and(|bytes| bytes.len() == 32)
}

/// Whether this is what the challenge was made of (RFC 7636, 4.6).
pub fn verifier_fits(verifier: &str, challenge: &str) -> bool {
    let is_verifier = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~');
    (43..=128).contains(&verifier.len())
        && verifier.bytes().all(is_verifier)
        && verify_slices_are_equal(encode_base64url(hash(verifier)).as_bytes(), challenge.as_bytes()).is_ok()
}

/// Nothing of a request names more than its app.
pub fn refused(detail: &'static str) -> Fault {
    Fault::new(ErrorCode::InvalidRequest).detail(detail)
}

/// A form parameter; one without a value counts as left out (RFC 6749, 3.2).
pub fn sent(parameter: Option<&String>) -> Option<&str> {
    parameter.map(String::as_str).filter(|value| !value.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;
    use quanzi_openapi::scope::Scope;

    #[test]
    fn a_challenge_names_the_metadata() {
        assert_eq!(
            challenge_at("https://api.example", Some("invalid_token")),
            "DPoP error=\"invalid_token\", algs=\"EdDSA Ed25519 ES256 PS256\", \
             resource_metadata=\"https://api.example/.well-known/oauth-protected-resource\""
        );
        let bare = challenge_at("http://127.0.0.1:8080", None);
        assert!(
            !bare.contains("error=") && bare.contains("\"http://127.0.0.1:8080/.well-known/oauth-protected-resource\"")
        );
    }

    #[test]
    fn a_token_never_gets_more_than_the_app_may_have() {
        let may: Scopes = [Scope::CirclesRead, Scope::CirclesWrite].into_iter().collect();

        assert_eq!(grant(None, may).unwrap(), may);
        assert_eq!(grant(Some("circles:read"), may).unwrap().to_string(), "circles:read");
        for asked in ["apps:write", "circles:read apps:write", "openid", "offline_access circles:read", "nonsense"] {
            assert_eq!(grant(Some(asked), may).unwrap_err().code(), ErrorCode::InvalidScope, "{asked}");
        }
    }
}
