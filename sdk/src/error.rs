//! The one error of the SDK: opaque, asked by predicates, typed by the contract's error codes.
//!
//! Invariant: nothing in it, neither text nor `Debug`, is a token, a key or a body that was sent.

use std::fmt;

use quanzi_openapi::gates::Evaluation;
use quanzi_openapi::problem::OAuthError;
use quanzi_openapi::{ErrorCode, Open, Problem};

use crate::authorize::Denial;

/// Characters of a foreign answer (a proxy's page) that are kept for the message.
const EXCERPT_CHARS_MAX: usize = 200;

/// Why a call failed.
///
/// Decide by [`code`](Error::code) when the gateway refused, and by the predicates otherwise. The `Display` text is for
/// people and says what to do where we know it.
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

/// What kind of failure it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The gateway refused the call and said why: see [`Error::code`] and [`Error::problem`].
    Refused,
    /// The authorization server refused a token: see [`Error::code`].
    TokenRefused,
    /// The fan, or a page that would have to be shown, stood in the way: see [`Error::denial`].
    AuthorizationDenied,
    /// What a browser brought back, or the id token, is not the answer to what this browser was sent for.
    AuthorizationNotVerified,
    /// What the fan consented to has ended: the fan took it back, or did not come for 90 days. Send the fan through
    /// [`Client::authorize`](crate::Client::authorize) again.
    GrantEnded,
    /// Your [`TokenStore`](crate::authorize::TokenStore) failed.
    Store,
    /// Something between us and the gateway (a proxy, a load balancer) answered instead, and not well.
    Unavailable,
    /// No connection, or it broke.
    Connection,
    /// No answer in time.
    Timeout,
    /// The answer is not provably the gateway's answer to this request: unsigned, altered, or signed by somebody else.
    ResponseNotVerified,
    /// The answer is the gateway's, but not in a shape this version reads.
    ResponseUnreadable,
    /// The client or the call was put together wrong; nothing was sent.
    Configuration,
    /// A key could not be read, made or used.
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

    /// What kind of failure it is.
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// The code the gateway (or its authorization server) refused with, when this version knows it.
    pub fn code(&self) -> Option<ErrorCode> {
        self.open_code().and_then(Open::known).copied()
    }

    /// The code as it was written, also when a newer gateway sent one this version does not know.
    pub fn code_text(&self) -> Option<String> {
        self.open_code().map(ToString::to_string)
    }

    /// Whether the call was refused with this code.
    pub fn is(&self, code: ErrorCode) -> bool {
        self.code() == Some(code)
    }

    /// Whether the same call may succeed later without a change. The SDK has tried several times already.
    pub fn is_retryable(&self) -> bool {
        match self.0.kind {
            ErrorKind::Connection | ErrorKind::Timeout | ErrorKind::Unavailable => true,
            ErrorKind::Refused => self.0.problem.as_ref().is_some_and(|problem| problem.retryable),
            ErrorKind::TokenRefused => self.code().is_some_and(ErrorCode::retryable),
            _ => false,
        }
    }

    /// Whether time ran out.
    pub fn is_timeout(&self) -> bool {
        self.0.kind == ErrorKind::Timeout
    }

    /// Whether there was no connection, or it broke.
    pub fn is_connection(&self) -> bool {
        self.0.kind == ErrorKind::Connection
    }

    /// Whether the call may have taken effect although it failed here (the answer was lost or could not be trusted).
    ///
    /// Find out by repeating it with the same idempotency key, or by reading the object.
    pub fn outcome_unknown(&self) -> bool {
        self.0.outcome_unknown
    }

    /// The status of the answer, if there was one.
    pub fn status(&self) -> Option<u16> {
        self.0.status
    }

    /// The gateway's id of the request: name it when you ask for help.
    pub fn request_id(&self) -> Option<&str> {
        self.0.request_id.as_deref()
    }

    /// The refusal as the gateway sent it.
    pub fn problem(&self) -> Option<&Problem> {
        self.0.problem.as_ref()
    }

    /// What the gate answered, rule by rule, when it did not let a fan in.
    pub fn evaluation(&self) -> Option<&Evaluation> {
        self.0.problem.as_ref()?.evaluation.as_ref()
    }

    /// Why a fan's browser came back without a code.
    pub fn denial(&self) -> Option<&Open<Denial>> {
        self.0.denial.as_ref()
    }

    /// How often the request was sent.
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
        let mut error =
            Self::new(ErrorKind::AuthorizationDenied, format!("the fan came back without a code: {denial}"));
        error.0.denial = Some(denial);
        error
    }

    /// The same error, as a grant that has ended when that is what it says.
    pub(crate) fn ended_grant(mut self) -> Self {
        if self.is(ErrorCode::InvalidGrant) {
            self.0.kind = ErrorKind::GrantEnded;
        }
        self
    }

    /// An answer that is no problem document.
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
            f.write_str(" (it may have taken effect: repeat it with the same idempotency key, or read the object)")?;
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
