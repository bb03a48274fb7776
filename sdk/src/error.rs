//! The one error type of the SDK: opaque, with predicates, and typed by the contract's error codes.
//!
//! Invariant: neither its text nor its `Debug` output contains a token, a key or a body that was sent.

use std::fmt;

use quanzi_openapi::gates::Evaluation;
use quanzi_openapi::problem::OAuthError;
use quanzi_openapi::{ErrorCode, Open, Problem};

use crate::authorize::Denial;

/// Number of characters kept of a foreign response (a proxy's page) for the message.
const EXCERPT_CHARS_MAX: usize = 200;

/// Why a call failed.
///
/// Decide by [`code`](Error::code) when the gateway refused the call, and by the predicates otherwise. The `Display` text is
/// for people and says what to do where possible.
pub struct Error(Box<Inner>);

struct Inner {
    kind: ErrorKind,
    message: String,
    call: Option<String>,
    status: Option<u16>,
    request_id: Option<String>,
    problem: Option<Problem>,
    oauth: Option<OAuthError>,
    denial: Option<Open<Denial>>,
    attempts: u32,
    outcome_unknown: bool,
    source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

/// Kind of a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The gateway refused the call: see [`Error::code`] and [`Error::problem`].
    Refused,
    /// The authorization server refused to issue a token: see [`Error::code`].
    TokenRefused,
    /// The fan declined, or a page would have been needed: see [`Error::denial`].
    AuthorizationDenied,
    /// The browser's return or the ID token does not match this browser's authorization request.
    AuthorizationNotVerified,
    /// The fan's consent has ended: the fan revoked it, or has not returned for 90 days. Send the fan through
    /// [`Client::authorize`](crate::Client::authorize) again.
    GrantEnded,
    /// Your [`TokenStore`](crate::authorize::TokenStore) failed.
    Store,
    /// Something in between (a proxy, a load balancer) responded with an error instead of the gateway.
    Unavailable,
    /// No connection, or the connection broke.
    Connection,
    /// No response in time.
    Timeout,
    /// The response is not provably the gateway's response to this request: unsigned, altered, or signed by someone else.
    ResponseNotVerified,
    /// The response comes from the gateway, but its format is not supported by this version.
    ResponseUnreadable,
    /// The client or the call is configured incorrectly; nothing was sent.
    Configuration,
    /// A key could not be read, generated or used.
    Key,
}

impl Error {
    pub(crate) fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self(Box::new(Inner {
            kind,
            message: message.into(),
            call: None,
            status: None,
            request_id: None,
            problem: None,
            oauth: None,
            denial: None,
            attempts: 0,
            outcome_unknown: false,
            source: None,
        }))
    }

    /// Kind of a failure.
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// The error code of the gateway (or its authorization server), if this version knows it.
    pub fn code(&self) -> Option<ErrorCode> {
        self.open_code().and_then(Open::known).copied()
    }

    /// The error code as text, even if this version does not know it.
    pub fn code_text(&self) -> Option<String> {
        self.open_code().map(ToString::to_string)
    }

    /// Whether the call was refused with this code.
    pub fn is(&self, code: ErrorCode) -> bool {
        self.code() == Some(code)
    }

    /// Whether the same call may succeed later without a change. The SDK has already retried it.
    pub fn is_retryable(&self) -> bool {
        match self.0.kind {
            ErrorKind::Connection | ErrorKind::Timeout | ErrorKind::Unavailable => true,
            ErrorKind::Refused => self.0.problem.as_ref().is_some_and(|problem| problem.retryable),
            ErrorKind::TokenRefused => self.code().is_some_and(ErrorCode::retryable),
            _ => false,
        }
    }

    /// Whether the call timed out.
    pub fn is_timeout(&self) -> bool {
        self.0.kind == ErrorKind::Timeout
    }

    /// Whether there was no connection, or it broke.
    pub fn is_connection(&self) -> bool {
        self.0.kind == ErrorKind::Connection
    }

    /// Whether the call may have taken effect although it failed here (the response was lost or could not be trusted).
    ///
    /// To find out, retry it with the same idempotency key, or read the object.
    pub fn outcome_unknown(&self) -> bool {
        self.0.outcome_unknown
    }

    /// The status of the response, if there was one.
    pub fn status(&self) -> Option<u16> {
        self.0.status
    }

    /// The gateway's id of the request: quote it when you ask for help.
    pub fn request_id(&self) -> Option<&str> {
        self.0.request_id.as_deref()
    }

    /// The problem document, if the gateway sent one.
    pub fn problem(&self) -> Option<&Problem> {
        self.0.problem.as_ref()
    }

    /// The evaluation of the gate, rule by rule, if it refused the fan.
    pub fn evaluation(&self) -> Option<&Evaluation> {
        self.0.problem.as_ref()?.evaluation.as_ref()
    }

    /// Why a fan's browser returned without a code.
    pub fn denial(&self) -> Option<&Open<Denial>> {
        self.0.denial.as_ref()
    }

    /// Number of attempts.
    pub fn attempts(&self) -> u32 {
        self.0.attempts
    }

    fn open_code(&self) -> Option<&Open<ErrorCode>> {
        let problem = self.0.problem.as_ref().map(|problem| &problem.code);
        problem.or_else(|| self.0.oauth.as_ref().map(|oauth| &oauth.error))
    }

    pub(crate) fn refused(problem: Problem) -> Self {
        let mut error = Self::new(ErrorKind::Refused, String::new());
        error.0.status = Some(problem.status);
        error.0.request_id = Some(problem.request_id.clone()).filter(|id| !id.is_empty());
        error.0.problem = Some(problem);
        error
    }

    pub(crate) fn token_refused(oauth: OAuthError, status: u16) -> Self {
        let mut error = Self::new(ErrorKind::TokenRefused, oauth.error_description.clone());
        error.0.status = Some(status);
        error.0.request_id = Some(oauth.request_id.clone()).filter(|id| !id.is_empty());
        error.0.oauth = Some(oauth);
        error
    }

    pub(crate) fn denied(denial: Open<Denial>) -> Self {
        let mut error = Self::new(ErrorKind::AuthorizationDenied, format!("the fan returned without a code: {denial}"));
        error.0.denial = Some(denial);
        error
    }

    /// The same error, as an ended grant if that is what it means.
    pub(crate) fn ended_grant(mut self) -> Self {
        if self.is(ErrorCode::InvalidGrant) {
            self.0.kind = ErrorKind::GrantEnded;
        }
        self
    }

    /// A response that is not a problem document.
    pub(crate) fn unexpected(kind: ErrorKind, message: &str, status: u16, body: &[u8]) -> Self {
        let text = String::from_utf8_lossy(body);
        let excerpt: String = text.chars().filter(|letter| !letter.is_control()).take(EXCERPT_CHARS_MAX).collect();
        let separator = if excerpt.is_empty() { "" } else { ": " };
        let mut error = Self::new(kind, format!("{message} (status {status}){separator}{excerpt}"));
        error.0.status = Some(status);
        error
    }

    pub(crate) fn with_source(mut self, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        self.0.source = Some(source.into());
        self
    }

    pub(crate) fn with_request_id(mut self, request_id: Option<&str>) -> Self {
        if self.0.request_id.is_none() {
            self.0.request_id = request_id.map(str::to_owned);
        }
        self
    }

    pub(crate) fn with_call(mut self, method: &str, template: &str, attempts: u32) -> Self {
        // The innermost call is the one that failed: a token that could not be fetched stays a matter of /oauth/token.
        if self.0.call.is_none() {
            self.0.call = Some(format!("{method} {template}"));
            self.0.attempts = attempts;
        }
        self
    }

    pub(crate) fn with_outcome_unknown(mut self, unknown: bool) -> Self {
        self.0.outcome_unknown = unknown;
        self
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let inner = &self.0;
        if let Some(call) = &inner.call {
            write!(f, "{call}: ")?;
        }
        if let Some(problem) = &inner.problem {
            write_problem(f, problem)?;
        } else if let Some(oauth) = &inner.oauth {
            if inner.kind == ErrorKind::GrantEnded {
                f.write_str("the fan's consent has ended, ask the fan again: ")?;
            }
            write!(f, "no token, {}: {}", oauth.error, oauth.error_description)?;
        } else {
            f.write_str(&inner.message)?;
        }
        if inner.attempts > 1 {
            write!(f, " (after {} attempts)", inner.attempts)?;
        }
        if inner.outcome_unknown {
            f.write_str(" (it may have taken effect: retry it with the same idempotency key, or read the object)")?;
        }
        if let Some(request_id) = &inner.request_id {
            write!(f, " [request {request_id}]")?;
        }
        Ok(())
    }
}

fn write_problem(f: &mut fmt::Formatter<'_>, problem: &Problem) -> fmt::Result {
    let words = if problem.detail.is_empty() { &problem.title } else { &problem.detail };
    write!(f, "{} ({}): {words}", problem.code, problem.status)?;
    if let Some(place) = problem.pointer.as_ref().or(problem.param.as_ref()) {
        write!(f, " (at {place})")?;
    }
    if let Some(report) = &problem.signature {
        for hint in &report.hints {
            write!(f, " {hint}")?;
        }
        if let Some(difference) = &report.first_difference {
            let (server, client) = (difference.server.as_deref(), difference.client.as_deref());
            let (server, client) = (server.unwrap_or("(none)"), client.unwrap_or("(none)"));
            write!(
                f,
                " First difference, line {}: the gateway has `{server}`, you signed `{client}`.",
                difference.line
            )?;
        }
    }
    Ok(())
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Error")
            .field("kind", &self.0.kind)
            .field("text", &self.to_string())
            .field("status", &self.0.status)
            .field("source", &self.0.source)
            .finish_non_exhaustive()
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.0.source.as_deref().map(|source| source as &(dyn std::error::Error + 'static))
    }
}
