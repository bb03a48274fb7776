//! The operator's OpenID Connect provider: its metadata, and its claims about a person.
//!
//! ID tokens come directly from the token endpoint over TLS, so their signature is not verified (OpenID Connect Core,
//! 3.1.3.7, rule 6); issuer, audience, expiry and nonce are.

use std::fmt;
use std::sync::{Arc, OnceLock, PoisonError, RwLock};
use std::time::{Duration, Instant};

use oauth2::basic::{
    BasicErrorResponse, BasicRevocationErrorResponse, BasicTokenIntrospectionResponse, BasicTokenType,
};
use oauth2::{
    AuthUrl, AuthorizationCode, ClientId, ClientSecret, CsrfToken, EndpointNotSet, EndpointSet, ExtraTokenFields,
    HttpRequest, HttpResponse, PkceCodeChallenge, PkceCodeVerifier, RedirectUrl, RequestTokenError, Scope,
    StandardRevocableToken, StandardTokenResponse, TokenUrl,
};
use quanzi_openapi::ErrorCode;
use quanzi_openapi::gates::CreditBand;
use quanzi_openapi::jose::decode_base64url;
use reqwest::redirect::Policy;
use secrecy::ExposeSecret as _;
use serde::{Deserialize, Serialize};

use crate::platform::config::SignIn;
use crate::platform::db::Cause;
use crate::platform::fault::Fault;
use crate::platform::tls;

/// How long an answer of the provider may take.
const TIMEOUT: Duration = Duration::from_secs(10);
/// Largest answer that is read.
const ANSWER_BYTES_MAX: usize = 64 * 1024;
/// How long its addresses are believed.
const KEPT_FOR: Duration = Duration::from_mins(5);
/// How far its clock may be off.
pub const SKEW_SECONDS: i64 = 60;
/// Longest subject (OpenID Connect Core, 2).
const SUBJECT_BYTES_MAX: usize = 255;

/// The token answer's one field beyond OAuth.
#[derive(Serialize, Deserialize)]
struct IdToken {
    id_token: String,
}

/// The token says who a person is, and is in no log.
impl fmt::Debug for IdToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("IdToken").finish_non_exhaustive()
    }
}
impl ExtraTokenFields for IdToken {}

type Client<Token = EndpointNotSet> = oauth2::Client<
    BasicErrorResponse,
    StandardTokenResponse<IdToken, BasicTokenType>,
    BasicTokenIntrospectionResponse,
    StandardRevocableToken,
    BasicRevocationErrorResponse,
    EndpointSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointNotSet,
    Token,
>;

/// Where the provider is (OpenID Connect Discovery, 3).
#[derive(Debug, Deserialize)]
struct Places {
    issuer: String,
    authorization_endpoint: String,
    token_endpoint: String,
}

/// The provider's claims about the person who signed in.
#[derive(Debug, Deserialize)]
pub struct Claims {
    iss: String,
    pub sub: String,
    aud: Audience,
    azp: Option<String>,
    exp: i64,
    nonce: Option<String>,
    pub auth_time: Option<i64>,
    pub nickname: Option<String>,
    #[serde(default)]
    pub adult: bool,
    #[serde(default)]
    pub real_name_verified: bool,
    pub credit_band: Option<CreditBand>,
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Audience {
    One(String),
    Many(Vec<String>),
}

impl Claims {
    /// Whether this is about our browser and for us.
    fn check(&self, settings: &SignIn, nonce: &str, now_seconds: i64) -> Result<(), &'static str> {
        let us = &settings.client_id;
        let for_us = match &self.aud {
            Audience::One(audience) => audience == us,
            Audience::Many(audiences) => {
                audiences.contains(us) && (audiences.len() == 1 || self.azp.as_ref() == Some(us))
            }
        };
        if self.iss != settings.issuer {
            return Err("its issuer does not match");
        }
        if !for_us || self.azp.as_ref().is_some_and(|party| party != us) {
            return Err("its audience does not match");
        }
        if self.exp <= now_seconds - SKEW_SECONDS {
            return Err("it has expired");
        }
        if self.nonce.as_deref() != Some(nonce) {
            return Err("its nonce does not match");
        }
        if self.sub.is_empty() || self.sub.len() > SUBJECT_BYTES_MAX {
            return Err("its subject is invalid");
        }
        Ok(())
    }
}

/// What a browser is sent with.
pub struct Sending<'s> {
    pub state: &'s str,
    pub nonce: &'s str,
    pub verifier: &'s str,
    /// Whether the person has to sign in again, also one who is signed in.
    pub again: bool,
    pub max_age: Option<i64>,
}

/// The provider, as far as a process knows it.
#[derive(Debug, Default)]
pub struct Provider {
    http: OnceLock<reqwest::Client>,
    places: RwLock<Option<(Instant, Arc<Places>)>>,
}

impl Provider {
    /// Where a browser goes.
    pub async fn send(&self, settings: &SignIn, back: &str, sending: &Sending<'_>) -> Result<String, Fault> {
        let places = self.places(settings).await?;
        let challenge =
            PkceCodeChallenge::from_code_verifier_sha256(&PkceCodeVerifier::new(sending.verifier.to_owned()));
        let client = client(settings, &places, back)?;
        let state = sending.state.to_owned();
        let mut address = client
            .authorize_url(|| CsrfToken::new(state))
            .add_scope(Scope::new("openid".to_owned()))
            .add_scope(Scope::new("profile".to_owned()))
            .add_extra_param("nonce", sending.nonce.to_owned())
            .set_pkce_challenge(challenge);
        if sending.again {
            address = address.add_extra_param("prompt", "login");
        }
        if let Some(max_age) = sending.max_age {
            address = address.add_extra_param("max_age", max_age.to_string());
        }
        Ok(address.url().0.into())
    }

    /// What it says of the person who came back with this code.
    pub async fn ask(
        &self,
        settings: &SignIn,
        back: &str,
        code: &str,
        (verifier, nonce): (&str, &str),
        now_seconds: i64,
    ) -> Result<Claims, Fault> {
        let places = self.places(settings).await?;
        let token_url = TokenUrl::new(places.token_endpoint.clone()).map_err(Fault::internal)?;
        let client: Client<EndpointSet> = client(settings, &places, back)?.set_token_uri(token_url);
        let http = self.http()?;
        let answer = client
            .exchange_code(AuthorizationCode::new(code.to_owned()))
            .set_pkce_verifier(PkceCodeVerifier::new(verifier.to_owned()))
            .request_async(&|request: HttpRequest| carry(http.clone(), request))
            .await
            .map_err(|error| match error {
                RequestTokenError::Request(unanswered) => unanswered.into(),
                // The library's own error can quote the answer, and so a token.
                _ => failed("the identity provider returned no token for a code"),
            })?;
        let claims = claims(&answer.extra_fields().id_token)
            .ok_or_else(|| failed("the identity provider's ID token cannot be parsed"))?;
        claims
            .check(settings, nonce, now_seconds)
            .map_err(|why| failed(format!("the identity provider's ID token was refused: {why}")))?;
        Ok(claims)
    }

    fn http(&self) -> Result<&reqwest::Client, Fault> {
        if let Some(http) = self.http.get() {
            return Ok(http);
        }
        let http = reqwest::Client::builder()
            .tls_backend_preconfigured(tls::client().map_err(Fault::internal)?)
            .redirect(Policy::none())
            .timeout(TIMEOUT)
            .build()
            .map_err(Fault::internal)?;
        Ok(self.http.get_or_init(|| http))
    }

    async fn places(&self, settings: &SignIn) -> Result<Arc<Places>, Fault> {
        if let Some((read, places)) = &*self.places.read().unwrap_or_else(PoisonError::into_inner)
            && read.elapsed() < KEPT_FOR
        {
            return Ok(Arc::clone(places));
        }
        let url = format!("{}/.well-known/openid-configuration", settings.issuer.trim_end_matches('/'));
        let answer = self.http()?.get(url).send().await.and_then(reqwest::Response::error_for_status);
        let bytes = read(answer.map_err(Unanswered::from)?).await?;
        let places: Places = serde_json::from_slice(&bytes).map_err(failed)?;
        if places.issuer != settings.issuer {
            return Err(failed("the identity provider's issuer differs from the configured one"));
        }
        let places = Arc::new(places);
        *self.places.write().unwrap_or_else(PoisonError::into_inner) = Some((Instant::now(), Arc::clone(&places)));
        Ok(places)
    }
}

fn client(settings: &SignIn, places: &Places, back: &str) -> Result<Client, Fault> {
    let auth_url = AuthUrl::new(places.authorization_endpoint.clone()).map_err(Fault::internal)?;
    let redirect_url = RedirectUrl::new(back.to_owned()).map_err(Fault::internal)?;
    let secret = ClientSecret::new(settings.client_secret.expose_secret().to_owned());
    Ok(oauth2::Client::new(ClientId::new(settings.client_id.clone()))
        .set_client_secret(secret)
        .set_auth_uri(auth_url)
        .set_redirect_uri(redirect_url))
}

/// Why the provider gave no answer.
#[derive(Debug, thiserror::Error)]
enum Unanswered {
    #[error("the identity provider does not respond: {0}")]
    Http(#[from] reqwest::Error),
    #[error("the identity provider's response is larger than {ANSWER_BYTES_MAX} bytes")]
    TooLarge,
    #[error("the identity provider's response cannot be parsed")]
    Malformed,
}

impl From<Unanswered> for Fault {
    fn from(unanswered: Unanswered) -> Self {
        match unanswered {
            Unanswered::Http(_) => Self::new(ErrorCode::SignInUnavailable).because(unanswered),
            Unanswered::TooLarge | Unanswered::Malformed => failed(unanswered),
        }
    }
}

/// The provider answered, and not as it should: its failure, not ours.
fn failed(cause: impl Into<Cause>) -> Fault {
    Fault::new(ErrorCode::SignInFailed).because(cause)
}

async fn carry(http: reqwest::Client, request: HttpRequest) -> Result<HttpResponse, Unanswered> {
    let (parts, body) = request.into_parts();
    let answer = http.request(parts.method, parts.uri.to_string()).headers(parts.headers).body(body).send().await?;
    let mut builder = oauth2::http::Response::builder().status(answer.status());
    for (name, value) in answer.headers() {
        builder = builder.header(name, value);
    }
    builder.body(read(answer).await?).map_err(|_| Unanswered::Malformed)
}

async fn read(mut answer: reqwest::Response) -> Result<Vec<u8>, Unanswered> {
    let mut bytes = Vec::new();
    while let Some(chunk) = answer.chunk().await? {
        if bytes.len() + chunk.len() > ANSWER_BYTES_MAX {
            return Err(Unanswered::TooLarge);
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(bytes)
}

fn claims(id_token: &str) -> Option<Claims> {
    let payload = id_token.split('.').nth(1)?;
    serde_json::from_slice(&decode_base64url(payload)?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn settings() -> SignIn {
        let (issuer, client_id) = ("https://wallet.example".to_owned(), "quanzi".to_owned());
        SignIn { issuer, client_id, client_secret: "s3cret".to_owned().into() }
    }

    #[test]
    fn an_id_token_is_in_no_log() {
        let token = IdToken { id_token: "s3cret".to_owned() };

        assert!(!format!("{token:?}").contains("s3cret"), "{token:?}");
    }

    #[test]
    fn an_id_token_that_is_not_quite_ours_is_refused() {
        let good = json!({ "iss": "https://wallet.example", "sub": "u1", "aud": "quanzi", "exp": 1_000, "nonce": "n" });
        let check = |change: Value| {
            let mut claims = good.clone();
            for (name, value) in change.as_object().unwrap() {
                claims[name] = value.clone();
            }
            serde_json::from_value::<Claims>(claims).unwrap().check(&settings(), "n", 1_000)
        };

        for change in [
            json!({}),
            json!({ "aud": ["quanzi"] }),
            json!({ "aud": ["x", "quanzi"], "azp": "quanzi" }),
            json!({ "exp": 941 }),
        ] {
            assert_eq!(check(change.clone()), Ok(()), "{change}");
        }
        for change in [
            json!({ "iss": "https://other.example" }),
            json!({ "aud": "other" }),
            json!({ "aud": ["x", "quanzi"] }),
            json!({ "azp": "other" }),
            json!({ "exp": 940 }),
            json!({ "nonce": "m" }),
            json!({ "nonce": null }),
            json!({ "sub": "" }),
            json!({ "sub": "x".repeat(256) }),
        ] {
            assert!(check(change.clone()).is_err(), "{change}");
        }
    }
}
