//! An error inside the gateway: what the partner may read, and separately the cause for the log.
//!
//! Invariant: nothing of `cause` reaches a response.

use std::borrow::Cow;
use std::fmt;

use quanzi_openapi::ErrorCode;
use quanzi_openapi::gates::Evaluation;
use quanzi_openapi::page::CursorError;
use quanzi_openapi::problem::{LimitReport, OAuthError, Problem, SignatureReport};

use crate::platform::db;
use crate::platform::retry::Retryable;

/// A refusal.
#[derive(Debug)]
pub struct Fault {
    code: ErrorCode,
    rest: Box<Rest>,
}

#[derive(Debug, Default)]
struct Rest {
    detail: Option<Cow<'static, str>>,
    pointer: Option<String>,
    param: Option<String>,
    evaluation: Option<Evaluation>,
    signature: Option<SignatureReport>,
    limit: Option<LimitReport>,
    retry_after_seconds: Option<u32>,
    headers: Vec<(&'static str, String)>,
    cause: Option<db::Cause>,
    again: bool,
    keep: bool,
}

impl Fault {
    /// A refusal with the code's own words.
    pub fn new(code: ErrorCode) -> Self {
        Self { code, rest: Box::default() }
    }

    /// An internal error; the partner learns only the request id.
    pub fn internal(cause: impl Into<db::Cause>) -> Self {
        Self::new(ErrorCode::Internal).because(cause)
    }

    /// A wrong field of the body.
    pub fn field(pointer: impl Into<String>, detail: impl Into<Cow<'static, str>>) -> Self {
        Self::new(ErrorCode::FieldInvalid).pointer(pointer).detail(detail)
    }

    /// A wrong path, query or header parameter.
    pub fn param(param: impl Into<String>, detail: impl Into<Cow<'static, str>>) -> Self {
        let mut fault = Self::new(ErrorCode::ParamInvalid).detail(detail);
        fault.rest.param = Some(param.into());
        fault
    }

    /// What went wrong this time, and what to do.
    #[must_use]
    pub fn detail(mut self, detail: impl Into<Cow<'static, str>>) -> Self {
        self.rest.detail = Some(detail.into());
        self
    }

    /// The field that is wrong (JSON Pointer).
    #[must_use]
    pub fn pointer(mut self, pointer: impl Into<String>) -> Self {
        self.rest.pointer = Some(pointer.into());
        self
    }

    /// What the gate answered.
    #[must_use]
    pub fn evaluation(mut self, evaluation: Evaluation) -> Self {
        self.rest.evaluation = Some(evaluation);
        self
    }

    /// How the signature failed.
    #[must_use]
    pub fn signature(mut self, report: SignatureReport) -> Self {
        self.rest.signature = Some(report);
        self
    }

    /// Which limit was hit; also sets `Retry-After`, unless waiting does not help.
    #[must_use]
    pub fn limit(mut self, report: LimitReport) -> Self {
        self.rest.retry_after_seconds = (report.window_seconds > 0).then_some(report.resets_in_seconds);
        self.rest.limit = Some(report);
        self
    }

    /// Seconds to wait.
    #[must_use]
    pub fn retry_after(mut self, seconds: u32) -> Self {
        self.rest.retry_after_seconds = Some(seconds);
        self
    }

    /// A header of the answer.
    #[must_use]
    pub fn header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.rest.headers.push((name, value.into()));
        self
    }

    /// Keeps what the call wrote, although it is refused: the edge commits instead of rolling back.
    ///
    /// For what must be remembered exactly because of the refusal: an answer about a credit band that was rolled back
    /// could be asked for again and again.
    #[must_use]
    pub fn keep_writes(mut self) -> Self {
        self.rest.keep = true;
        self
    }

    /// The cause, for the log only.
    #[must_use]
    pub fn because(mut self, cause: impl Into<db::Cause>) -> Self {
        self.rest.cause = Some(cause.into());
        self
    }

    /// The same refusal of a call that must not be run again from its start, because something of it was kept.
    #[must_use]
    pub fn once(mut self) -> Self {
        self.rest.again = false;
        self
    }

    /// What went wrong.
    pub const fn code(&self) -> ErrorCode {
        self.code
    }

    /// The report on the signature, if there is one.
    pub const fn signature_report(&self) -> Option<&SignatureReport> {
        self.rest.signature.as_ref()
    }

    /// The same refusal with another report on the signature.
    #[must_use]
    pub fn map_signature(mut self, change: impl FnOnce(&mut SignatureReport)) -> Self {
        change(self.rest.signature.get_or_insert_default());
        self
    }

    /// Whether the edge must commit what the call wrote, although it is refused.
    pub const fn keeps_writes(&self) -> bool {
        self.rest.keep
    }

    /// Which limit was hit, if it was one.
    pub const fn limit_report(&self) -> Option<&LimitReport> {
        self.rest.limit.as_ref()
    }

    /// What the gate answered, if it was a gate that refused.
    pub const fn gate_evaluation(&self) -> Option<&Evaluation> {
        self.rest.evaluation.as_ref()
    }

    /// The field that is wrong (JSON Pointer), if it was one.
    pub fn field_pointer(&self) -> Option<&str> {
        self.rest.pointer.as_deref()
    }

    /// What the partner reads.
    pub fn text(&self) -> &str {
        self.rest.detail.as_deref().unwrap_or_else(|| self.code.remedy())
    }

    /// The cause, for the log.
    pub const fn cause(&self) -> Option<&db::Cause> {
        self.rest.cause.as_ref()
    }

    /// Seconds to wait, when there is something to wait for.
    pub fn retry_after_seconds(&self) -> Option<u32> {
        let default = matches!(self.code.status(), 409 | 429 | 503) && self.code.retryable();
        self.rest.retry_after_seconds.or(default.then_some(1))
    }

    /// Headers of the answer.
    pub fn headers(&self) -> &[(&'static str, String)] {
        &self.rest.headers
    }

    /// The refusal on the wire (RFC 9457).
    pub fn problem(&self, public_url: &str, request_id: &str) -> Problem {
        Problem {
            r#type: format!("{public_url}{}", self.code.page()),
            title: self.code.title().to_owned(),
            status: self.code.status(),
            code: self.code.into(),
            detail: self.text().to_owned(),
            pointer: self.rest.pointer.clone(),
            param: self.rest.param.clone(),
            request_id: request_id.to_owned(),
            retryable: self.code.retryable(),
            evaluation: self.rest.evaluation.clone(),
            signature: self.rest.signature.clone(),
            limit: self.rest.limit.clone(),
        }
    }

    /// The refusal of an OAuth endpoint on the wire (RFC 6749, 5.2).
    pub fn oauth_error(&self, public_url: &str, request_id: &str) -> OAuthError {
        // Outside their table OAuth endpoints may only say these two (RFC 6749, 4.1.2.1 and 5.2).
        let error = match self.code {
            ErrorCode::FieldInvalid | ErrorCode::BodyMalformed | ErrorCode::ParamInvalid => ErrorCode::InvalidRequest,
            code => code,
        };
        OAuthError {
            error: error.into(),
            error_description: self.text().to_owned(),
            error_uri: format!("{public_url}{}", error.page()),
            request_id: request_id.to_owned(),
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code, self.text())
    }
}

impl std::error::Error for Fault {}

impl From<ErrorCode> for Fault {
    fn from(code: ErrorCode) -> Self {
        Self::new(code)
    }
}

/// A cursor of another list, or of an older one.
impl From<CursorError> for Fault {
    fn from(error: CursorError) -> Self {
        Self::param("cursor", error.to_string())
    }
}

impl From<db::Fault> for Fault {
    fn from(fault: db::Fault) -> Self {
        match fault {
            db::Fault::Retry => {
                let mut busy = Self::new(ErrorCode::Overloaded).because(fault);
                busy.rest.again = true;
                busy
            }
            db::Fault::Busy(_) | db::Fault::Gone(_) => Self::new(ErrorCode::Overloaded).because(fault),
            // Not `overloaded`: that promises that nothing happened, and clients repeat it even without a key.
            db::Fault::Unknown(_) => Self::new(ErrorCode::OutcomeUnknown).because(fault),
            db::Fault::ZeroByte => {
                Self::new(ErrorCode::BodyMalformed).detail("text must not contain the zero character")
            }
            other => Self::internal(other),
        }
    }
}

impl Retryable for Fault {
    fn is_retryable(&self) -> bool {
        self.rest.again
    }
}
