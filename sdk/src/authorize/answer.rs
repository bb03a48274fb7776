//! What a browser returns with (RFC 6749, 4.1.2; RFC 9207).
//!
//! Invariant: nothing in it is trusted, not even an error, before issuer and state match those the browser was sent with.

use std::fmt;

use oauth2::AuthorizationCode;
use quanzi_openapi::Open;
use serde::{Deserialize, Serialize};

use super::not_verified;
use crate::error::Error;

/// Maximum length of an error code that is read.
const ERROR_CHARS_MAX: usize = 64;

/// Why a fan's browser returned without a code (RFC 6749, 4.1.2.1; OpenID Connect Core, 3.1.2.6).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Denial {
    /// The fan declined.
    AccessDenied,
    /// The fan would have to sign in, but [`Prompt::None`](super::Prompt::None) was requested.
    LoginRequired,
    /// The fan would have to consent, but [`Prompt::None`](super::Prompt::None) was requested.
    ConsentRequired,
}

impl fmt::Display for Denial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::AccessDenied => "access_denied",
            Self::LoginRequired => "login_required",
            Self::ConsentRequired => "consent_required",
        })
    }
}

#[derive(Default)]
struct Parameters {
    code: Option<String>,
    state: Option<String>,
    iss: Option<String>,
    error: Option<String>,
}

impl Parameters {
    fn read(query: &str) -> Result<Self, Error> {
        let mut parameters = Self::default();
        for (name, value) in url::form_urlencoded::parse(query.strip_prefix('?').unwrap_or(query).as_bytes()) {
            let place = match &*name {
                "code" => &mut parameters.code,
                "state" => &mut parameters.state,
                "iss" => &mut parameters.iss,
                "error" => &mut parameters.error,
                _ => continue,
            };
            if place.replace(value.into_owned()).is_some() {
                return Err(not_verified(format!("the browser returned with `{name}` twice")));
            }
        }
        Ok(parameters)
    }
}

/// The code in the browser's return, checked against what the browser was sent with.
pub(super) fn code(query: &str, issuer: &str, state: &str) -> Result<AuthorizationCode, Error> {
    let parameters = Parameters::read(query)?;
    if parameters.iss.as_deref() != Some(issuer) {
        return Err(not_verified("the browser returned from a different authorization server: `iss` does not match"));
    }
    if parameters.state.as_deref() != Some(state) {
        return Err(not_verified(
            "`state` does not match the one this browser was sent with: it belongs to a different or an older request",
        ));
    }
    match (parameters.error, parameters.code) {
        (Some(error), _) => Err(Error::denied(denial(&error))),
        (None, Some(code)) => Ok(AuthorizationCode::new(code)),
        (None, None) => Err(not_verified("the browser returned with neither a code nor an error")),
    }
}

fn denial(error: &str) -> Open<Denial> {
    let error: String = error.chars().filter(|letter| !letter.is_control()).take(ERROR_CHARS_MAX).collect();
    serde_json::from_value(error.clone().into()).unwrap_or_else(|_| Open::Unknown(error.into()))
}
