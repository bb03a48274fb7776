//! Sends one call: sign, send, verify, correct, retry.
//!
//! Invariants: every attempt has a fresh nonce and the same idempotency key; a call that could take effect twice is retried
//! only when the previous attempt certainly did not reach the gateway; an unverified response is never trusted, except as a
//! hint that a retry may help.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::BoxFuture;
use quanzi_openapi::signature::{CONTENT_TYPE, IDEMPOTENCY_KEY};
use quanzi_openapi::{ErrorCode, Method};
use tracing::Instrument as _;
use url::Url;

use crate::client::Client;
use crate::error::{Error, ErrorKind};
use crate::reply::RawReply;
use crate::retry::{Bounds, Tries};
use crate::signer::{Header, PreparedRequest, Signing};
use crate::token::Token;
use crate::{transport, verifier};

/// A call, without anything that differs between attempts.
#[derive(Clone)]
pub(crate) struct Request {
    pub(crate) method: Method,
    /// The path with its placeholders: for logs and errors, where ids would be noise or personal data.
    pub(crate) template: Cow<'static, str>,
    pub(crate) url: Url,
    pub(crate) body: Bytes,
    pub(crate) content_type: Option<Cow<'static, str>>,
    pub(crate) idempotency_key: Option<String>,
    pub(crate) if_match: Option<String>,
    pub(crate) headers: Vec<Header>,
    /// Whether the call is made for an app: with token and signature.
    pub(crate) signed: bool,
    pub(crate) bounds: Bounds,
}

impl Request {
    pub(crate) fn new(method: Method, template: impl Into<Cow<'static, str>>, url: Url, bounds: Bounds) -> Self {
        Self {
            method,
            template: template.into(),
            url,
            body: Bytes::new(),
            content_type: None,
            idempotency_key: None,
            if_match: None,
            headers: Vec::new(),
            signed: true,
            bounds,
        }
    }

    /// Whether sending it twice has the effect of sending it once.
    fn is_repeatable(&self) -> bool {
        self.method != Method::Post || self.idempotency_key.is_some()
    }

    /// Final except for token and signature.
    fn draft(&self, client: &Client) -> PreparedRequest {
        let mut headers: Vec<Header> = vec![
            ("accept".into(), "application/json, application/problem+json".to_owned()),
            ("user-agent".into(), client.user_agent().to_owned()),
        ];
        let optional = [
            (CONTENT_TYPE, self.content_type.as_deref().filter(|_| !self.body.is_empty())),
            (IDEMPOTENCY_KEY, self.idempotency_key.as_deref()),
            ("if-match", self.if_match.as_deref()),
        ];
        headers.extend(optional.into_iter().filter_map(|(name, value)| Some((name.into(), value?.to_owned()))));
        headers.extend(self.headers.iter().cloned());
        PreparedRequest {
            method: self.method,
            url: self.url.clone(),
            target: client.target(&self.url),
            headers,
            body: self.body.clone(),
            signature_base: None,
        }
    }
}

/// Outcome of one attempt.
enum Outcome {
    Reply(RawReply),
    /// No response, or an unverified one; `sent`: the gateway may have acted on the request.
    Lost {
        error: Error,
        sent: bool,
    },
    /// The call has failed for good.
    Failed(Error),
}

/// What to do next.
enum Step {
    Done,
    AtOnce,
    /// Retry after at least this time.
    Later(Option<Duration>),
}

/// Sends the call until there is a final response. An error response is final, too.
///
/// Boxed, because it requests a token with calls of its own.
pub(crate) fn send<'a>(client: &'a Client, request: &'a Request) -> BoxFuture<'a, Result<RawReply, Error>> {
    let span = tracing::debug_span!(
        "quanzi",
        method = request.method.as_str(),
        path = &*request.template,
        status = tracing::field::Empty,
        request_id = tracing::field::Empty,
        attempts = tracing::field::Empty,
    );
    Box::pin(run(client, request).instrument(span))
}

async fn run(client: &Client, request: &Request) -> Result<RawReply, Error> {
    let mut tries = Tries::begin(client.system(), request.bounds);
    let mut healed = Healed::default();
    let mut doubt = false;
    loop {
        tries.attempts += 1;
        let mut token = None;
        let outcome = attempt(client, request, tries.attempt_time(), &mut token).await;
        let step = next(client, request, &outcome, &mut healed, token.as_ref());
        doubt |= matches!(outcome, Outcome::Lost { sent: true, .. }) && request.method.writes();
        match step {
            Step::AtOnce => continue,
            Step::Later(at_least) if tries.wait(at_least).await => continue,
            Step::Done | Step::Later(_) => {}
        }
        let span = tracing::Span::current();
        span.record("attempts", tries.attempts);
        let error = match outcome {
            Outcome::Reply(mut reply) => {
                span.record("status", reply.status);
                span.record("request_id", reply.request_id());
                tracing::debug!("answered");
                reply.after_doubt = doubt;
                reply.attempts = tries.attempts;
                return Ok(reply);
            }
            Outcome::Lost { error, .. } => error.with_outcome_unknown(doubt),
            Outcome::Failed(error) => error,
        };
        let error = error.with_call(request.method.as_str(), &request.template, tries.attempts);
        span.record("request_id", error.request_id());
        tracing::debug!(%error, "failed");
        return Err(error);
    }
}

async fn attempt(client: &Client, request: &Request, time: Duration, token: &mut Option<Arc<Token>>) -> Outcome {
    let began = client.system().uptime();
    let prepared = match tokio::time::timeout(time, prepare(client, request, token)).await {
        Ok(Ok(prepared)) => prepared,
        Ok(Err(error)) => return Outcome::Failed(error),
        Err(_) => {
            let error = Error::new(ErrorKind::Timeout, "no token, or no keys of the gateway, in time");
            return Outcome::Lost { error, sent: false };
        }
    };
    let left = time.saturating_sub(client.system().uptime().saturating_sub(began));
    let mut reply = match transport::exchange(client.http(), &prepared, left).await {
        Ok(reply) => reply,
        Err(lost) => return Outcome::Lost { error: lost.error, sent: lost.sent },
    };
    if !request.signed || !client.verifies() {
        reply.trusted = true;
        return Outcome::Reply(reply);
    }
    if !verifier::is_signed(&reply) && is_from_between(reply.status) {
        tracing::debug!(status = reply.status, "an unsigned response from something in between");
        return Outcome::Reply(reply);
    }
    match verifier::verify(client, &prepared, &reply).await {
        Ok(()) => {
            reply.trusted = true;
            Outcome::Reply(reply)
        }
        Err(error) => {
            tracing::warn!(%error, "a response could not be verified");
            Outcome::Failed(error.with_outcome_unknown(request.method.writes()))
        }
    }
}

/// Signs the call, with the current token and a fresh nonce.
pub(crate) async fn prepare(
    client: &Client,
    request: &Request,
    used: &mut Option<Arc<Token>>,
) -> Result<PreparedRequest, Error> {
    let mut prepared = request.draft(client);
    if request.signed {
        let app = client.app().ok_or_else(|| {
            Error::new(ErrorKind::Configuration, "this call requires an app: build the client with `app(id, key)`")
        })?;
        if client.verifies() {
            client.gateway_keys().prepare(client).await?;
        }
        let token = app.token(client).await?;
        prepared.sign(&Signing {
            key: &app.key,
            token: token.secret.secret(),
            created: client.system().now_seconds(),
            nonce: &client.system().nonce()?,
            wants_signed_answer: client.verifies(),
            sends_base: client.debugs_signatures(),
        })?;
        *used = Some(token);
    }
    Ok(prepared)
}

/// What has already been corrected in one call.
#[derive(Default)]
struct Healed {
    clock: bool,
    token: bool,
}

fn next(
    client: &Client,
    request: &Request,
    outcome: &Outcome,
    healed: &mut Healed,
    token: Option<&Arc<Token>>,
) -> Step {
    let reply = match outcome {
        Outcome::Reply(reply) => reply,
        Outcome::Failed(_) => return Step::Done,
        Outcome::Lost { error, sent } => {
            let worth_it = matches!(error.kind(), ErrorKind::Connection | ErrorKind::Timeout);
            return if worth_it && (!sent || request.is_repeatable()) { Step::Later(None) } else { Step::Done };
        }
    };
    if reply.is_success() {
        return Step::Done;
    }
    let problem = reply.problem().filter(|_| reply.trusted);
    let code = problem.as_ref().and_then(|problem| problem.code.known().copied());
    match (code, token, client.app()) {
        (Some(ErrorCode::TokenExpired | ErrorCode::TokenInvalid | ErrorCode::TokenRevoked), Some(token), Some(app))
            if !healed.token =>
        {
            healed.token = true;
            app.forget(token);
            return Step::AtOnce;
        }
        (Some(ErrorCode::CreatedOutOfWindow), _, _) if !healed.clock => {
            let report = problem.as_ref().and_then(|problem| problem.signature.as_ref());
            if let Some(server) = report.and_then(|report| report.server_time).or_else(|| reply.date_seconds()) {
                healed.clock = true;
                client.correct_clock(server);
                return Step::AtOnce;
            }
        }
        _ => {}
    }
    // A nonce seen before means that something on the way repeated the request; the next one has a new nonce.
    let again = code == Some(ErrorCode::NonceReplayed)
        || problem.as_ref().map_or_else(|| is_from_between(reply.status), |problem| problem.retryable);
    let surely_refused = reply.status == 429 || code == Some(ErrorCode::Overloaded);
    if again && (request.is_repeatable() || surely_refused) {
        return Step::Later(reply.retry_after(client.system().now_seconds()));
    }
    Step::Done
}

/// Statuses that proxies and load balancers send by themselves, and that are temporary.
fn is_from_between(status: u16) -> bool {
    matches!(status, 408 | 429 | 500 | 502 | 503 | 504)
}
