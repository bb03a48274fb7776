//! An uninterpreted response: status, headers, bytes.

use std::fmt;
use std::time::Duration;

use bytes::Bytes;
use quanzi_openapi::Problem;
use quanzi_openapi::problem::{OAuthError, PROBLEM_TYPE};
use serde::de::DeserializeOwned;

use crate::date::http_date;
use crate::error::{Error, ErrorKind};
use crate::send::Request;

/// An uninterpreted response of the gateway: the result of a [`RawCall`](crate::RawCall).
///
/// Errors are responses here; use [`is_success`](RawReply::is_success) or [`problem`](RawReply::problem).
#[derive(Clone)]
pub struct RawReply {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, Vec<u8>)>,
    pub(crate) body: Bytes,
    /// Whether it is provably the gateway's response to this request, or no proof was required.
    pub(crate) trusted: bool,
    /// Whether an earlier attempt may have taken effect.
    pub(crate) after_doubt: bool,
    pub(crate) attempts: u32,
}

impl RawReply {
    /// The status.
    pub fn status(&self) -> u16 {
        self.status
    }

    /// Whether the status is a success.
    pub fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// The first header of this name that is text.
    pub fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(other, _)| other.eq_ignore_ascii_case(name));
        found.and_then(|(_, value)| std::str::from_utf8(value).ok())
    }

    /// All headers, as lower-case name and value.
    pub fn headers(&self) -> impl Iterator<Item = (&str, &[u8])> {
        self.headers.iter().map(|(name, value)| (name.as_str(), value.as_slice()))
    }

    /// The body.
    pub fn bytes(&self) -> &Bytes {
        &self.body
    }

    /// The gateway's id of the request.
    pub fn request_id(&self) -> Option<&str> {
        self.header("request-id")
    }

    /// Number of attempts until this response.
    pub fn attempts(&self) -> u32 {
        self.attempts
    }

    /// Whether this is the saved response to an earlier request with the same idempotency key.
    pub fn is_replayed(&self) -> bool {
        self.header("idempotent-replayed") == Some("true")
    }

    /// The problem document, if it is an error.
    pub fn problem(&self) -> Option<Problem> {
        let kind = self.header("content-type")?.split(';').next()?.trim();
        let is_problem = !self.is_success() && kind.eq_ignore_ascii_case(PROBLEM_TYPE);
        is_problem.then(|| serde_json::from_slice(&self.body).ok()).flatten()
    }

    /// The body, parsed as JSON.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T, Error> {
        self.read(&self.body)
    }

    /// The typed value of a success; any other response is an error that names the call.
    pub(crate) fn success<T: DeserializeOwned>(&self, has_body: bool, request: &Request) -> Result<T, Error> {
        let read = match (self.is_success(), has_body) {
            (true, true) => self.read(&self.body),
            (true, false) => self.read(b"{}"),
            (false, _) => Err(self.refusal()),
        };
        read.map_err(|error| error.with_call(request.method.as_str(), &request.template, self.attempts))
    }

    fn read<T: DeserializeOwned>(&self, body: &[u8]) -> Result<T, Error> {
        serde_json::from_slice(body).map_err(|error| {
            Error::unexpected(ErrorKind::ResponseUnreadable, "the response has an unexpected format", self.status, b"")
                .with_request_id(self.request_id())
                .with_source(error)
        })
    }

    fn refusal(&self) -> Error {
        // An object that is gone or changed may be so because of our own first attempt, whose answer got lost.
        let unknown = self.after_doubt && matches!(self.status, 404 | 412);
        match self.problem().filter(|_| self.trusted) {
            Some(problem) => Error::refused(problem),
            None => Error::unexpected(
                ErrorKind::Unavailable,
                "the response does not come from the gateway",
                self.status,
                &self.body,
            ),
        }
        .with_request_id(self.request_id())
        .with_outcome_unknown(unknown)
    }

    pub(crate) fn oauth_error(&self) -> Option<OAuthError> {
        serde_json::from_slice(&self.body).ok()
    }

    /// Minimum time to wait, from the header or the problem document.
    pub(crate) fn retry_after(&self, now_seconds: i64) -> Option<Duration> {
        let said = self.header("retry-after").and_then(|text| {
            let date = || http_date(text).map(|date| u64::try_from(date - now_seconds).unwrap_or(0));
            text.trim().parse::<u64>().ok().or_else(date)
        });
        let limit = || Some(u64::from(self.problem()?.limit?.resets_in_seconds));
        said.or_else(limit).map(Duration::from_secs)
    }

    /// The gateway's clock when it responded.
    pub(crate) fn date_seconds(&self) -> Option<i64> {
        http_date(self.header("date")?)
    }
}

/// Leaves out headers and body, which may contain personal data.
impl fmt::Debug for RawReply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RawReply")
            .field("status", &self.status)
            .field("request_id", &self.request_id())
            .field("bytes", &self.body.len())
            .finish_non_exhaustive()
    }
}
