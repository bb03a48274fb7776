//! Requests to the authorization server: for tokens, and to push authorization requests.
//!
//! Invariant: each request has a fresh assertion, and each token request a fresh proof; nothing that was sent is sent again.
//! A code is sent a second time only if the first attempt certainly did not arrive, because the server treats a second
//! exchange as theft.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::future::BoxFuture;
use oauth2::basic::{BasicClient, BasicTokenResponse};
use oauth2::{
    AuthorizationCode, ClientId, HttpRequest, HttpResponse, PkceCodeVerifier, RedirectUrl, RefreshToken,
    TokenResponse as _, TokenUrl,
};
use quanzi_openapi::ErrorCode;
use quanzi_openapi::authorization::PushedReply;
use quanzi_openapi::jose::{ClientAssertion, DPOP_TYPE, DpopClaims};
use quanzi_openapi::oauth::ASSERTION_TYPE;
use quanzi_openapi::signature::DPOP;

use crate::client::Client;
use crate::discovery::Discovery;
use crate::error::{Error, ErrorKind};
use crate::reply::RawReply;
use crate::retry::Tries;
use crate::signer::PreparedRequest;
use crate::token::App;
use crate::transport::{self, Lost};

/// Lifetime of a client assertion.
const ASSERTION_SECONDS: i64 = 60;
/// Minimum clock skew that may be the reason for a refusal by the authorization server.
const SKEW_SECONDS_MIN: u64 = 10;
const FORM: &str = "application/x-www-form-urlencoded";

/// The grant a token is requested with.
#[derive(Clone)]
pub(crate) enum Grant {
    /// The app's own rights, with these scopes; with all its scopes when empty.
    Partner(Vec<String>),
    /// A code that a fan's browser returned with.
    Code {
        code: AuthorizationCode,
        redirect_uri: RedirectUrl,
        /// The text of the verifier: its own type can be used for one request only.
        verifier: String,
    },
    /// The refresh token of an earlier code.
    Refresh(RefreshToken),
}

/// A request to the authorization server.
enum Question {
    Token(Grant),
    /// A form, without the app's authentication.
    Push(String),
}

impl Question {
    const fn template(&self) -> &'static str {
        match self {
            Self::Token(_) => "/oauth/token",
            Self::Push(_) => "/oauth/par",
        }
    }

    const fn is_repeatable(&self) -> bool {
        !matches!(self, Self::Token(Grant::Code { .. }))
    }
}

/// A success; with the token if one was requested.
struct Answered {
    reply: RawReply,
    token: Option<BasicTokenResponse>,
}

impl App {
    /// Requests a token.
    pub(crate) async fn exchange(
        &self,
        client: &Client,
        grant: Grant,
    ) -> Result<(BasicTokenResponse, RawReply), Error> {
        let answered = self.ask(client, &Question::Token(grant)).await?;
        let token =
            answered.token.ok_or_else(|| Error::new(ErrorKind::ResponseUnreadable, "the response has no token"))?;
        Ok((token, answered.reply))
    }

    /// Pushes an authorization request (RFC 9126): a form without client authentication.
    pub(crate) async fn push(&self, client: &Client, form: String) -> Result<PushedReply, Error> {
        self.ask(client, &Question::Push(form)).await?.reply.json()
    }

    async fn ask(&self, client: &Client, question: &Question) -> Result<Answered, Error> {
        let discovery = client.discovery().await?;
        let mut tries = Tries::begin(client.system(), client.bounds());
        let mut healed = Healed::default();
        loop {
            tries.attempts += 1;
            let time = tries.attempt_time();
            let error = match self.attempt(client, &discovery, question, time).await {
                Ok(answered) => {
                    tracing::debug!(app = %self.id, attempts = tries.attempts, path = question.template(), "answered");
                    return Ok(answered);
                }
                Err(Refusal::Broken(error)) => error,
                Err(Refusal::Lost(lost)) => {
                    if (question.is_repeatable() || !lost.sent) && tries.wait(None).await {
                        tracing::debug!(error = %lost.error, "retrying the request to the authorization server");
                        continue;
                    }
                    lost.error
                }
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
            return Err(error.with_call("POST", question.template(), tries.attempts));
        }
    }

    /// Corrects what the server's response says is wrong with the request, each cause once.
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

    async fn attempt(
        &self,
        client: &Client,
        discovery: &Discovery,
        question: &Question,
        time: Duration,
    ) -> Result<Answered, Refusal> {
        let assertion = self.assertion(client, discovery)?;
        match question {
            Question::Token(grant) => self.attempt_token(client, discovery, grant, assertion, time).await,
            Question::Push(form) => attempt_push(client, discovery, form, &assertion, time).await,
        }
    }

    async fn attempt_token(
        &self,
        client: &Client,
        discovery: &Discovery,
        grant: &Grant,
        assertion: String,
        time: Duration,
    ) -> Result<Answered, Refusal> {
        let target = client.target(&discovery.token_endpoint);
        let proof = self.proof(client, &target, client.system().now_seconds())?;

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
            TokenUrl::new(target.clone()).map_err(|error| unreadable("the token endpoint is not a URL", error))?;
        let answer = exchange(ClientId::new(self.id.to_string()), endpoint, grant.clone(), assertion, carrier).await;

        let seen = seen.lock().unwrap_or_else(PoisonError::into_inner).take();
        let reply = match seen {
            Some(Ok(reply)) => reply,
            Some(Err(lost)) => return Err(Refusal::Lost(lost)),
            None => return Err(Error::new(ErrorKind::Configuration, "the token request could not be built").into()),
        };
        if let Some(nonce) = reply.header("dpop-nonce") {
            *self.nonce.lock().unwrap_or_else(PoisonError::into_inner) = Some(nonce.to_owned());
        }
        match answer {
            // A token that is not bound to a key could be used by anyone who sees it, so it is refused.
            Some(token) if !token.token_type().as_ref().eq_ignore_ascii_case("DPoP") => Err(Error::new(
                ErrorKind::ResponseUnreadable,
                "the token is not bound to our key (token_type is not DPoP)",
            )
            .into()),
            Some(token) => Ok(Answered { reply, token: Some(token) }),
            None if !reply.is_success() => Err(Refusal::Answer(reply)),
            None => {
                Err(Error::new(ErrorKind::ResponseUnreadable, "the token response has an unexpected format").into())
            }
        }
    }

    fn assertion(&self, client: &Client, discovery: &Discovery) -> Result<String, Error> {
        let (now, nonce) = (client.system().now_seconds(), client.system().nonce()?);
        let claims = ClientAssertion::new(&self.id.to_string(), &discovery.issuer, &nonce, now, ASSERTION_SECONDS);
        self.key.jws("JWT", false, &claims)
    }

    fn proof(&self, client: &Client, target: &str, now: i64) -> Result<String, Error> {
        let mut claims = DpopClaims::new("POST", target, &client.system().nonce()?, now, None)
            .map_err(|error| unreadable("no DPoP proof can be made for the token endpoint", error))?;
        claims.nonce.clone_from(&self.nonce.lock().unwrap_or_else(PoisonError::into_inner));
        self.key.jws(DPOP_TYPE, true, &claims)
    }
}

async fn attempt_push(
    client: &Client,
    discovery: &Discovery,
    form: &str,
    assertion: &str,
    time: Duration,
) -> Result<Answered, Refusal> {
    let body = url::form_urlencoded::Serializer::new(form.to_owned())
        .append_pair("client_assertion_type", ASSERTION_TYPE)
        .append_pair("client_assertion", assertion)
        .finish();
    let request = PreparedRequest {
        method: quanzi_openapi::Method::Post,
        url: discovery.push_endpoint.clone(),
        target: client.target(&discovery.push_endpoint),
        headers: vec![("accept".into(), "application/json".to_owned()), ("content-type".into(), FORM.to_owned())],
        body: body.into(),
        signature_base: None,
    };
    let reply = transport::exchange(client.http(), &request, time).await.map_err(Refusal::Lost)?;
    if reply.is_success() { Ok(Answered { reply, token: None }) } else { Err(Refusal::Answer(reply)) }
}

/// The token; `None` for a refusal, for no response and for one that cannot be parsed. The carrier records why, because the
/// parser's message could quote the token.
///
/// Owned and boxed, because the compiler cannot see that oauth2's future is `Send`.
fn exchange(
    app: ClientId,
    endpoint: TokenUrl,
    grant: Grant,
    assertion: String,
    carrier: impl Fn(HttpRequest) -> BoxFuture<'static, Result<HttpResponse, Unsent>> + Send + Sync + 'static,
) -> BoxFuture<'static, Option<BasicTokenResponse>> {
    const TYPE: &str = "client_assertion_type";
    const ASSERTION: &str = "client_assertion";
    Box::pin(async move {
        let oauth = BasicClient::new(app).set_token_uri(endpoint);
        match grant {
            Grant::Partner(scopes) => {
                let request =
                    oauth.exchange_client_credentials().add_scopes(scopes.into_iter().map(oauth2::Scope::new));
                let request = request.add_extra_param(TYPE, ASSERTION_TYPE).add_extra_param(ASSERTION, assertion);
                request.request_async(&carrier).await.ok()
            }
            Grant::Code { code, redirect_uri, verifier } => {
                let request = oauth.exchange_code(code).set_pkce_verifier(PkceCodeVerifier::new(verifier));
                let request = request.set_redirect_uri(std::borrow::Cow::Owned(redirect_uri));
                let request = request.add_extra_param(TYPE, ASSERTION_TYPE).add_extra_param(ASSERTION, assertion);
                request.request_async(&carrier).await.ok()
            }
            Grant::Refresh(token) => {
                let request = oauth.exchange_refresh_token(&token);
                let request = request.add_extra_param(TYPE, ASSERTION_TYPE).add_extra_param(ASSERTION, assertion);
                request.request_async(&carrier).await.ok()
            }
        }
    })
}

/// What has already been corrected for one request.
#[derive(Default)]
struct Healed {
    nonce: bool,
    clock: bool,
}

/// Why there is no usable response.
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

/// The exchange failed; the carrier records why.
#[derive(Debug)]
struct Unsent;

impl std::fmt::Display for Unsent {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("no response")
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
            "the authorization server returned no token",
            reply.status,
            &reply.body,
        ),
    };
    error.with_request_id(reply.request_id())
}

fn unreadable(message: &str, source: impl std::error::Error + Send + Sync + 'static) -> Error {
    Error::new(ErrorKind::ResponseUnreadable, message).with_source(source)
}
