//! Signs fans in with Quanzi and asks for their consent; afterwards a client acts for the fan.
//!
//! Invariant: a code is exchanged only when `iss` and `state` are those this browser was sent with, and a fan's identity is
//! accepted only from an ID token that the gateway signed for this app and this nonce. Sources: FAPI 2.0 Security Profile,
//! RFC 7636, 9126, 9207, OpenID Connect Core.

mod answer;
mod id_token;
mod sealing;
mod session;

use std::fmt;
use std::time::Duration;

pub use oauth2::{AccessToken, CsrfToken, RefreshToken};
use oauth2::{AuthUrl, ClientId, PkceCodeChallenge, PkceCodeVerifier, RedirectUrl, basic::BasicClient};
use quanzi_openapi::Time;
use quanzi_openapi::scope::FanScope;
use serde::{Deserialize, Serialize};
use url::Url;

pub use self::answer::Denial;
pub use self::sealing::SealingKey;
pub(crate) use self::session::Session;
pub use self::session::{FanTokens, StoreFailure, Stored, TokenStore};
use crate::client::Client;
use crate::error::{Error, ErrorKind};
use crate::token::App;

/// Which page a fan must see; set with [`Authorize::prompt`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Prompt {
    /// No page: where one would be needed, the browser returns immediately with [`Denial::LoginRequired`] or
    /// [`Denial::ConsentRequired`].
    None,
    /// The sign-in page, even if the fan is signed in.
    Login,
    /// The consent page, even if the fan has already agreed.
    Consent,
}

impl Prompt {
    const fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Login => "login",
            Self::Consent => "consent",
        }
    }
}

/// An authorization request to a fan; from [`Client::authorize`].
#[derive(Debug)]
#[must_use = "nothing is sent until `begin`"]
pub struct Authorize {
    client: Client,
    redirect_uri: String,
    scopes: Vec<FanScope>,
    prompts: Vec<Prompt>,
    max_age: Option<Duration>,
}

impl Client {
    /// Starts an authorization request: the browser will return to `redirect_uri`, one of the app's, character for
    /// character.
    ///
    /// ```no_run
    /// # async fn sign_in(client: quanzi::Client) -> Result<(), quanzi::Error> {
    /// use quanzi::FanScope;
    ///
    /// let scopes = [FanScope::ProfileNickname, FanScope::CirclesJoin];
    /// let begun = client.authorize("https://whisker.example/signed-in").scopes(scopes).begin().await?;
    /// // Keep `begun.pending` for this browser, and send it to `begun.url`.
    /// # Ok(())
    /// # }
    /// ```
    pub fn authorize(&self, redirect_uri: impl Into<String>) -> Authorize {
        Authorize {
            client: self.clone(),
            redirect_uri: redirect_uri.into(),
            scopes: vec![FanScope::OpenId],
            prompts: Vec::new(),
            max_age: None,
        }
    }
}

impl Authorize {
    /// Requests these scopes in addition to `openid`, which is always requested: it identifies the fan.
    pub fn scopes(mut self, scopes: impl IntoIterator<Item = FanScope>) -> Self {
        self.scopes.extend(scopes);
        self
    }

    /// Sets which page must be shown, or that none may be; can be called twice.
    pub fn prompt(mut self, prompt: Prompt) -> Self {
        self.prompts.push(prompt);
        self
    }

    /// Sets the maximum age of the fan's sign-in.
    pub fn max_age(mut self, time: Duration) -> Self {
        self.max_age = Some(time);
        self
    }

    /// Pushes the request; the browser has 90 seconds to open the URL.
    pub async fn begin(self) -> Result<Begun, Error> {
        let client = &self.client;
        let app = client.app().ok_or_else(no_app)?;
        let redirect_uri = RedirectUrl::new(self.redirect_uri.clone())
            .map_err(|error| Error::new(ErrorKind::Configuration, "`redirect_uri` is not a URL").with_source(error))?;
        let discovery = client.discovery().await?;
        let random = || client.system().nonce();
        let pending = PendingAuthorization {
            redirect_uri,
            state: CsrfToken::new(random()?),
            nonce: random()?,
            // 256 bits in 44 characters (RFC 7636, 4.1: at least 43).
            verifier: PkceCodeVerifier::new(random()? + &random()?),
            max_age_seconds: self.max_age.map(|time| i64::try_from(time.as_secs()).unwrap_or(i64::MAX)),
            begun: Time::from_seconds(client.system().machine_seconds()),
        };
        let mut url = discovery.authorization_endpoint.clone();
        let pushed = app.push(client, self.form(app, &url, &pending)).await?;
        url.query_pairs_mut()
            .append_pair("client_id", &app.id.to_string())
            .append_pair("request_uri", &pushed.request_uri);
        Ok(Begun { url: url.into(), pending })
    }

    /// The parameters, without the app's authentication.
    fn form(&self, app: &App, endpoint: &Url, pending: &PendingAuthorization) -> String {
        let mut scopes = self.scopes.clone();
        scopes.sort_unstable();
        scopes.dedup();
        let prompts: Vec<&str> = self.prompts.iter().map(|prompt| prompt.as_str()).collect();
        // oauth2 writes the parameters into an address; pushed, the same text is a form.
        let oauth = BasicClient::new(ClientId::new(app.id.to_string()))
            .set_auth_uri(AuthUrl::from_url(endpoint.clone()))
            .set_redirect_uri(pending.redirect_uri.clone());
        let mut request = oauth
            .authorize_url(|| pending.state.clone())
            .add_scopes(scopes.iter().map(|scope| oauth2::Scope::new(scope.to_string())))
            .set_pkce_challenge(PkceCodeChallenge::from_code_verifier_sha256(&pending.verifier))
            .add_extra_param("nonce", pending.nonce.clone())
            .add_extra_param("dpop_jkt", app.key.thumbprint().to_owned());
        if !prompts.is_empty() {
            request = request.add_extra_param("prompt", prompts.join(" "));
        }
        if let Some(seconds) = pending.max_age_seconds {
            request = request.add_extra_param("max_age", seconds.to_string());
        }
        request.url().0.query().unwrap_or_default().to_owned()
    }
}

/// An authorization request that was pushed.
#[derive(Debug)]
#[non_exhaustive]
pub struct Begun {
    /// Where to redirect the browser.
    pub url: String,
    /// What the browser's return will be checked against.
    pub pending: PendingAuthorization,
}

/// What a browser's return is checked against: store it in that browser's session, where the browser cannot read it.
///
/// It can be serialized, and [`seal`](Self::seal) encrypts it for a cookie. It can be used once.
#[derive(Serialize, Deserialize)]
pub struct PendingAuthorization {
    redirect_uri: RedirectUrl,
    state: CsrfToken,
    nonce: String,
    verifier: PkceCodeVerifier,
    max_age_seconds: Option<i64>,
    begun: Time,
}

/// How long the browser has to return: as long as the gateway's page is valid.
pub const PENDING_SECONDS: i64 = 600;

impl PendingAuthorization {
    /// Handles the browser's return: `query` is the part after the `?` of the URL it returned to.
    ///
    /// Fails with [`ErrorKind::AuthorizationDenied`] when the fan declined, or a page would have been needed
    /// ([`Error::denial`]); with [`ErrorKind::AuthorizationNotVerified`] when the return does not belong to this browser, or
    /// the browser was sent more than [`PENDING_SECONDS`] ago: then start again.
    pub async fn finish(self, client: &Client, query: &str) -> Result<FanTokens, Error> {
        let app = client.app().ok_or_else(no_app)?;
        // Not left to the cookie's lifetime, which a thief would ignore. By the machine's clock, which no gateway moves.
        if client.system().machine_seconds() > self.begun.plus_seconds(PENDING_SECONDS).seconds() {
            return Err(not_verified("this browser was sent more than ten minutes ago"));
        }
        let discovery = client.discovery().await?;
        let code = answer::code(query, &discovery.issuer, self.state.secret())?;
        let grant =
            crate::ask::Grant::Code { code, redirect_uri: self.redirect_uri, verifier: self.verifier.into_secret() };
        let (token, reply) = app.exchange(client, grant).await?;
        let expected = id_token::Expected {
            issuer: &discovery.issuer,
            audience: &app.id.to_string(),
            nonce: &self.nonce,
            max_age_seconds: self.max_age_seconds,
        };
        let fan = id_token::verify(client, &reply, &expected).await?;
        FanTokens::new(client, &token, fan)
    }

    /// Encrypts it for a cookie of this browser, which no one else can read or forge.
    pub fn seal(&self, key: &SealingKey) -> Result<String, Error> {
        key.seal(self)
    }

    /// Decrypts what was sealed; `None` when it was not sealed with this key.
    pub fn open(key: &SealingKey, sealed: &str) -> Option<Self> {
        key.open(sealed)
    }
}

/// Leaves out what only this browser's session may know.
impl fmt::Debug for PendingAuthorization {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PendingAuthorization")
            .field("redirect_uri", &self.redirect_uri.as_str())
            .finish_non_exhaustive()
    }
}

fn no_app() -> Error {
    Error::new(ErrorKind::Configuration, "asking fans requires an app: build the client with `app(id, key)`")
}

fn not_verified(message: impl Into<String>) -> Error {
    Error::new(ErrorKind::AuthorizationNotVerified, message)
}
