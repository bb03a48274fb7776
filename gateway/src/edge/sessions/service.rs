//! Identifies a browser: its cookie, its session, the code in its forms.

use std::fmt;

use aws_lc_rs::constant_time::verify_slices_are_equal;
use quanzi_openapi::Time;
use quanzi_openapi::id::PersonId;
use quanzi_openapi::jose::encode_base64url;

use super::store::{self, SessionRow};
use crate::edge::page_request::{Page, PageRequest};
use crate::platform::Platform;
use crate::platform::crypto::{SigningKey, hash};
use crate::platform::db::{Reader, Tx};
use crate::platform::fault::Fault;

/// How long a sign-in lasts.
const SESSION_SECONDS: i64 = 7 * 24 * 3_600;
/// Letters of a cookie: 256 bits in base64url, made as two texts of 128.
const COOKIE_LETTERS: usize = 44;

/// When a person signed in of whom nobody says when: before every required reauthentication.
pub fn unknown_sign_in_time() -> Time {
    Time::from_seconds(0)
}

/// The name of the cookie. With the prefix a browser takes it over https only, from this very host, for all its paths (RFC 6265bis,
/// 4.1.3.2); on plain http, which is a sandbox on a laptop, browsers would drop such a cookie.
const fn cookie_name(is_https: bool) -> &'static str {
    if is_https { "__Host-quanzi" } else { "quanzi" }
}

/// The browser that sent this request, signed in or not.
#[derive(Clone)]
pub struct Browser {
    secret: String,
    /// Whether it does not have the cookie yet.
    is_new: bool,
    is_https: bool,
}

/// A browser in which a person is signed in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Session {
    /// Who.
    pub person: PersonId,
    /// When the person signed in.
    pub authenticated_at: Time,
}

/// Without its cookie, whose holder is signed in as that person.
impl fmt::Debug for Browser {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Browser").field("is_new", &self.is_new).finish_non_exhaustive()
    }
}

impl Browser {
    /// The browser that sent this request; a new one if it sends no cookie of the gateway.
    pub fn of(page_request: &PageRequest) -> Self {
        let is_https = page_request.edge().config.public_url.starts_with("https://");
        let is_ours = |value: &&str| {
            value.len() == COOKIE_LETTERS
                && value.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'))
        };
        match page_request.cookie(cookie_name(is_https)).filter(is_ours) {
            Some(secret) => Self { secret: secret.to_owned(), is_new: false, is_https },
            None => Self::new(page_request.edge(), is_https),
        }
    }

    /// One that we have never seen.
    #[cfg(test)]
    pub fn first_visit(platform: &Platform) -> Self {
        Self::new(platform, true)
    }

    /// With the cookie that it was given.
    #[cfg(test)]
    pub fn with_cookie(self) -> Self {
        Self { is_new: false, ..self }
    }

    fn new(platform: &Platform, is_https: bool) -> Self {
        let secret = format!("{}{}", platform.clock.random_text(), platform.clock.random_text());
        Self { secret, is_new: true, is_https }
    }

    /// The code in the gateway's forms: no one else can create it for this browser.
    pub fn form_code(&self, platform: &Platform) -> String {
        self.code_of(&platform.signing_key())
    }

    fn code_of(&self, key: &SigningKey) -> String {
        encode_base64url(key.mac("form", self.secret.as_bytes()))
    }

    /// Whether a form carries it.
    pub fn has_valid_form_code(&self, platform: &Platform, code: Option<&str>) -> bool {
        let code = code.unwrap_or_default();
        let is_of = |key: &SigningKey| verify_slices_are_equal(self.code_of(key).as_bytes(), code.as_bytes()).is_ok();
        // The page may have been made by a process, or at a time, that signs with another of our keys.
        !self.is_new && platform.keyring.keys().signing_any().any(|key| is_of(key))
    }

    /// The page, with the cookie where the browser does not have it.
    pub fn set_cookie(&self, page: Page) -> Page {
        if self.is_new { page.header("set-cookie", self.cookie()) } else { page }
    }

    /// Not readable by scripts, not sent along when another site posts to us. Lax, not strict: a fan comes from the app's site.
    fn cookie(&self) -> String {
        let secure = if self.is_https { "; Secure" } else { "" };
        let (name, secret) = (cookie_name(self.is_https), &self.secret);
        format!("{name}={secret}; Path=/; HttpOnly; SameSite=Lax; Max-Age={SESSION_SECONDS}{secure}")
    }

    /// What the browser is kept as: nobody can make its cookie from it.
    pub fn hash(&self) -> [u8; 32] {
        hash(&self.secret)
    }
}

/// The session of a browser, if a person is signed in in it.
pub async fn find(tx: &mut Reader, browser: &Browser, now: Time) -> Result<Option<Session>, Fault> {
    if browser.is_new {
        return Ok(None);
    }
    let row = store::find(tx, browser.hash()).await?.filter(|row| row.expires_at > now);
    Ok(row.map(|row| Session { person: row.person_id, authenticated_at: row.authenticated_at }))
}

/// Signs a person in: the browser as it is from now on, with another cookie. What it was before is over.
pub async fn begin(
    tx: &mut Tx,
    platform: &Platform,
    before: &Browser,
    person: PersonId,
    authenticated_at: Time,
    now: Time,
) -> Result<Browser, Fault> {
    let after = Browser::new(platform, before.is_https);
    store::end(tx, before.hash()).await?;
    let row = SessionRow { person_id: person, authenticated_at, expires_at: now.plus_seconds(SESSION_SECONDS) };
    store::add(tx, after.hash(), &row).await?;
    Ok(after)
}

/// Signs out: the browser as it is from now on, with another cookie.
pub async fn end(tx: &mut Tx, platform: &Platform, before: &Browser) -> Result<Browser, Fault> {
    store::end(tx, before.hash()).await?;
    Ok(Browser::new(platform, before.is_https))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cookie_is_in_no_log() {
        let browser = Browser { secret: "s3cret".to_owned(), is_new: false, is_https: true };

        assert!(!format!("{browser:?}").contains("s3cret"), "{browser:?}");
    }
}
