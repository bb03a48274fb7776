//! Access tokens: fetched when first needed, renewed before they expire, by one caller at a time.
//!
//! Invariant: each request for a token carries a fresh assertion and a fresh proof; nothing that was sent is sent again.

use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

use futures_util::future::BoxFuture;
use oauth2::basic::{BasicClient, BasicTokenResponse};
use oauth2::{ClientId, HttpRequest, HttpResponse, TokenResponse as _, TokenUrl};
use quanzi_openapi::ErrorCode;
use quanzi_openapi::id::AppId;
use quanzi_openapi::jose::{ClientAssertion, DPOP_TYPE, DpopClaims};
use quanzi_openapi::oauth::ASSERTION_TYPE;
use quanzi_openapi::scope::Scope;
use quanzi_openapi::signature::DPOP;

use crate::client::Client;
use crate::discovery::Discovery;
use crate::error::{Error, ErrorKind};
use crate::key::Key;
use crate::reply::RawReply;
use crate::retry::Tries;
use crate::signer::PreparedRequest;
use crate::transport::{self, Lost};

const TEMPLATE: &str = "/oauth/token";
/// Life of a client assertion.
const ASSERTION_SECONDS: i64 = 60;
/// A clock this wrong may be why the authorization server refused us.
const SKEW_SECONDS_MIN: u64 = 10;
/// Life of a token whose answer does not say.
const LIFE_DEFAULT: Duration = Duration::from_mins(5);

/// An app and its tokens.
pub(crate) struct App {
    pub(crate) id: AppId,
    pub(crate) key: Key,
    pub(crate) scopes: Option<Vec<Scope>>,
    token: RwLock<Option<Arc<Token>>>,
    /// Whoever holds it fetches; the others wait or use what is there.
    fetching: tokio::sync::Mutex<()>,
    /// The authorization server's last nonce.
    nonce: Mutex<Option<String>>,
}

pub(crate) struct Token {
    pub(crate) secret: oauth2::AccessToken,
    /// In uptime: from here on it is renewed.
    renew_at: Duration,
    /// In uptime: from here on it is not used.
    ends_at: Duration,
}

impl App {
    pub(crate) fn new(id: AppId, key: Key, scopes: Option<Vec<Scope>>) -> Self {
        let (token, fetching, nonce) = (RwLock::default(), tokio::sync::Mutex::default(), Mutex::default());
        Self { id, key, scopes, token, fetching, nonce }
    }

    /// A token that is good now.
    pub(crate) async fn token(&self, client: &Client) -> Result<Arc<Token>, Error> {
        let now = || client.system().uptime();
        if let Some(token) = self.current().filter(|token| now() < token.renew_at) {
            return Ok(token);
        }
        // While one renews, the others go on with the old token as long as it is good.
        let _fetching = match (self.fetching.try_lock(), self.current()) {
            (Ok(lock), _) => lock,
            (Err(_), Some(token)) if now() < token.ends_at => return Ok(token),
            (Err(_), _) => self.fetching.lock().await,
        };
        let old = self.current();
        if let Some(token) = old.as_ref().filter(|token| now() < token.renew_at) {
            return Ok(Arc::clone(token));
        }
        match (self.fetch(client).await, old.filter(|token| now() < token.ends_at)) {
            (Ok(token), _) => {
                let token = Arc::new(token);
                self.put(Some(Arc::clone(&token)));
                Ok(token)
            }
            (Err(error), Some(token)) => {
                tracing::debug!(%error, "the token could not be renewed yet");
                Ok(token)
            }
            (Err(error), None) => Err(error),
        }
    }

    /// Drops a token that was refused, unless another one is there by now.
    pub(crate) fn forget(&self, refused: &Arc<Token>) {
        let mut token = self.token.write().unwrap_or_else(PoisonError::into_inner);
        if token.as_ref().is_some_and(|token| Arc::ptr_eq(token, refused)) {
            *token = None;
        }
    }

    fn current(&self) -> Option<Arc<Token>> {
        self.token.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn put(&self, token: Option<Arc<Token>>) {
        *self.token.write().unwrap_or_else(PoisonError::into_inner) = token;
    }

    async fn fetch(&self, client: &Client) -> Result<Token, Error> {
        let discovery = client.discovery().await?;
        let mut tries = Tries::begin(client.system(), client.bounds());
        let mut healed = Healed::default();
        loop {
            tries.attempts += 1;
            let time = tries.attempt_time();
            let error = match self.ask(client, &discovery, time).await {
                Ok(token) => {
                    tracing::debug!(app = %self.id, attempts = tries.attempts, "token fetched");
                    return Ok(token);
                }
                Err(Refusal::Broken(error)) => return Err(error.with_call("POST", TEMPLATE, tries.attempts)),
                Err(Refusal::Lost(lost)) if tries.wait(None).await => {
                    tracing::debug!(error = %lost.error, "asking again for a token");
                    continue;
                }
                Err(Refusal::Lost(lost)) => lost.error,
                Err(Refusal::Answer(reply)) => {
                    if self.heal(client, &reply, &mut healed) {
                        continue;
                    }
                    let error = refusal(&reply);
                    let wait = reply.retry_after(client.system().now_seconds());
                    if error.is_retryable() && tries.wait(wait).await {
                        continue;
                    }
                    error
                }
            };
            return Err(error.with_call("POST", TEMPLATE, tries.attempts));
        }
    }

    /// Puts right what the server's answer says is wrong with us; each thing once.
    fn heal(&self, client: &Client, reply: &RawReply, healed: &mut Healed) -> bool {
        let nonce = reply.header("dpop-nonce").map(str::to_owned);
        let code = reply.oauth_error().and_then(|error| error.error.known().copied());
        if code == Some(ErrorCode::UseDpopNonce) && nonce.is_some() && !healed.nonce {
            healed.nonce = true;
            *self.nonce.lock().unwrap_or_else(PoisonError::into_inner) = nonce;
            return true;
        }
        let about_time = matches!(code, Some(ErrorCode::InvalidClient | ErrorCode::InvalidDpopProof));
        let Some(date) = reply.date_seconds().filter(|_| about_time && !healed.clock) else { return false };
        if date.abs_diff(client.system().now_seconds()) < SKEW_SECONDS_MIN {
            return false;
        }
        healed.clock = true;
        client.correct_clock(date);
        true
    }

    async fn ask(&self, client: &Client, discovery: &Discovery, time: Duration) -> Result<Token, Refusal> {
        let now = client.system().now_seconds();
        let assertion = ClientAssertion::new(
            &self.id.to_string(),
            &discovery.issuer,
            &client.system().nonce()?,
            now,
            ASSERTION_SECONDS,
        );
        let assertion = self.key.jws("JWT", false, &assertion)?;
        let target = client.target(&discovery.token_endpoint);
        let proof = self.proof(client, &target, now)?;

        // oauth2 wants a reply that it owns and an error of its own; what really happened is put aside here.
        let seen: Arc<Mutex<Option<Result<RawReply, Lost>>>> = Arc::default();
        let carrier = {
            let (http, url, seen, target) =
                (client.http().clone(), discovery.token_endpoint.clone(), Arc::clone(&seen), target.clone());
            move |request: HttpRequest| -> BoxFuture<'static, Result<HttpResponse, Unsent>> {
                let request = carry(request, url.clone(), &target, &proof);
                let (http, seen) = (http.clone(), Arc::clone(&seen));
                Box::pin(async move {
                    let outcome = transport::exchange(&http, &request, time).await;
                    let reply = outcome.as_ref().map_err(|_| Unsent).and_then(as_oauth2);
                    *seen.lock().unwrap_or_else(PoisonError::into_inner) = Some(outcome);
                    reply
                })
            }
        };
        let endpoint =
            TokenUrl::new(target.clone()).map_err(|error| unreadable("the token endpoint is no URL", error))?;
        let scopes = self.scopes.iter().flatten().map(|scope| oauth2::Scope::new(scope.to_string())).collect();
        let answer = grant(ClientId::new(self.id.to_string()), endpoint, scopes, assertion, carrier).await;

        let seen = seen.lock().unwrap_or_else(PoisonError::into_inner).take();
        let reply = match seen {
            Some(Ok(reply)) => reply,
            Some(Err(lost)) => return Err(Refusal::Lost(lost)),
            None => return Err(Error::new(ErrorKind::Configuration, "the token request could not be written").into()),
        };
        if let Some(nonce) = reply.header("dpop-nonce") {
            *self.nonce.lock().unwrap_or_else(PoisonError::into_inner) = Some(nonce.to_owned());
        }
        match answer {
            // A token that is bound to nothing could be used by whoever sees it; we do not take part in that.
            Some(token) if !token.token_type().as_ref().eq_ignore_ascii_case("DPoP") => Err(Error::new(
                ErrorKind::ResponseUnreadable,
                "the token is not bound to our key (token_type is not DPoP)",
            )
            .into()),
            Some(token) => {
                let life = token.expires_in().unwrap_or(LIFE_DEFAULT);
                let now = client.system().uptime();
                Ok(Token {
                    secret: token.access_token().clone(),
                    renew_at: now + life.mul_f64(0.8),
                    ends_at: now + life.mul_f64(0.95),
                })
            }
            None if !reply.is_success() => Err(Refusal::Answer(reply)),
            None => Err(Error::new(ErrorKind::ResponseUnreadable, "the token answer has an unexpected shape").into()),
        }
    }

    fn proof(&self, client: &Client, target: &str, now: i64) -> Result<String, Error> {
        let mut claims = DpopClaims::new("POST", target, &client.system().nonce()?, now, None)
            .map_err(|error| unreadable("the token endpoint cannot be proven to", error))?;
        claims.nonce.clone_from(&self.nonce.lock().unwrap_or_else(PoisonError::into_inner));
        self.key.jws(DPOP_TYPE, true, &claims)
    }
}

/// The grant `client_credentials`; `None` for a refusal, for no answer and for one that cannot be read. Why not stands in
/// what the carrier put aside, and the parser's message could quote the token.
///
/// Owned and boxed, because the compiler cannot see through oauth2's future that it may be sent between threads.
fn grant(
    app: ClientId,
    endpoint: TokenUrl,
    scopes: Vec<oauth2::Scope>,
    assertion: String,
    carrier: impl Fn(HttpRequest) -> BoxFuture<'static, Result<HttpResponse, Unsent>> + Send + Sync + 'static,
) -> BoxFuture<'static, Option<BasicTokenResponse>> {
    Box::pin(async move {
        let oauth = BasicClient::new(app).set_token_uri(endpoint);
        let request = oauth
            .exchange_client_credentials()
            .add_scopes(scopes)
            .add_extra_param("client_assertion_type", ASSERTION_TYPE)
            .add_extra_param("client_assertion", assertion);
        request.request_async(&carrier).await.ok()
    })
}

/// What was put right already in one fetch.
#[derive(Default)]
struct Healed {
    nonce: bool,
    clock: bool,
}

/// Why there is no token.
enum Refusal {
    Lost(Lost),
    Answer(RawReply),
    Broken(Error),
}

impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        Self::Broken(error)
    }
}

/// The exchange failed; what happened stands beside it.
#[derive(Debug)]
struct Unsent;

impl std::fmt::Display for Unsent {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("no answer")
    }
}

impl std::error::Error for Unsent {}

fn carry(request: HttpRequest, url: url::Url, target: &str, proof: &str) -> PreparedRequest {
    let text = |value: &oauth2::http::HeaderValue| value.to_str().unwrap_or_default().to_owned();
    let (parts, body) = request.into_parts();
    let mut headers: Vec<_> =
        parts.headers.iter().map(|(name, value)| (name.as_str().to_owned().into(), text(value))).collect();
    headers.push((DPOP.into(), proof.to_owned()));
    PreparedRequest {
        method: quanzi_openapi::Method::Post,
        url,
        target: target.to_owned(),
        headers,
        body: body.into(),
        signature_base: None,
    }
}

fn as_oauth2(reply: &RawReply) -> Result<HttpResponse, Unsent> {
    let mut builder = oauth2::http::Response::builder().status(reply.status);
    if let Some(kind) = reply.header("content-type") {
        builder = builder.header("content-type", kind);
    }
    builder.body(reply.body.to_vec()).map_err(|_| Unsent)
}

fn refusal(reply: &RawReply) -> Error {
    let error = match (reply.oauth_error(), reply.problem()) {
        (Some(oauth), _) => Error::token_refused(oauth, reply.status),
        (None, Some(problem)) => Error::refused(problem),
        (None, None) => Error::unexpected(
            ErrorKind::Unavailable,
            "the authorization server gave no token",
            reply.status,
            &reply.body,
        ),
    };
    error.with_request_id(reply.request_id())
}

fn unreadable(message: &str, source: impl std::error::Error + Send + Sync + 'static) -> Error {
    Error::new(ErrorKind::ResponseUnreadable, message).with_source(source)
}
