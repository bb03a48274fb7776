//! One request: whose it is, whether its form is ours, and how it is answered.

use std::fmt;
use std::future::{Ready, ready};

use actix_web::body::BoxBody;
use actix_web::dev::Payload;
use actix_web::http::StatusCode;
use actix_web::{FromRequest, HttpRequest, HttpResponse, ResponseError, web};
use askama::Template;
use quanzi::{Error, ErrorKind};

use crate::Site;
use crate::pages::{Frame, Message};
use crate::sessions::{Fan, Session};

const COOKIE: &str = "whisker_session";
/// Scripts and styles are ours alone, and nobody frames us.
const POLICY: &str = "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src 'self' data:; \
                      base-uri 'none'; frame-ancestors 'none'";

/// A visitor's request.
pub struct Visit {
    /// The site.
    pub site: web::Data<Site>,
    /// The visitor.
    pub session: Session,
    is_new: bool,
}

impl FromRequest for Visit {
    type Error = actix_web::Error;
    type Future = Ready<Result<Self, Self::Error>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let Some(site) = request.app_data::<web::Data<Site>>().cloned() else {
            return ready(Err(actix_web::error::ErrorInternalServerError("there is no site")));
        };
        let found = cookie(request, COOKIE).and_then(|id| site.sessions.find(&id));
        let is_new = found.is_none();
        let session = found.unwrap_or_else(|| site.sessions.begin(None, false));
        ready(Ok(Self { site, session, is_new }))
    }
}

/// A cookie of the request.
pub fn cookie(request: &HttpRequest, name: &str) -> Option<String> {
    let all = request.headers().get_all("cookie").filter_map(|value| value.to_str().ok());
    let mut pairs = all.flat_map(|line| line.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs.find(|(other, _)| *other == name).map(|(_, value)| value.to_owned())
}

/// A cookie as we set them; without a value it is dropped. Behind https add `Secure`.
pub fn set_cookie(name: &str, value: &str, path: &str, seconds: u32) -> (&'static str, String) {
    ("set-cookie", format!("{name}={value}; Path={path}; Max-Age={seconds}; HttpOnly; SameSite=Lax"))
}

impl Visit {
    /// Refuses a form that was not shown to this visitor.
    pub fn check(&self, code: &str) -> Result<(), Refusal> {
        if code == self.session.code { Ok(()) } else { Err(Refusal::Form) }
    }

    /// The fan who is signed in.
    pub fn fan(&self) -> Result<Fan, Refusal> {
        self.session.fan.clone().ok_or(Refusal::SignIn)
    }

    /// What stands around every page.
    pub fn frame(&self) -> Frame {
        let fan = self.session.fan.as_ref();
        Frame {
            code: self.session.code.clone(),
            is_signed_in: fan.is_some(),
            nickname: fan.and_then(|fan| fan.nickname.clone()).unwrap_or_else(|| "friend".to_owned()),
            notice: self.site.sessions.told(&self.session.id),
            is_owner: self.session.is_owner,
        }
    }

    /// A page.
    pub fn show(&self, page: &impl Template) -> Result<HttpResponse, Refusal> {
        self.show_with(StatusCode::OK, page)
    }

    fn show_with(&self, status: StatusCode, page: &impl Template) -> Result<HttpResponse, Refusal> {
        let html = page.render().map_err(|_| Refusal::Broken)?;
        let mut response = HttpResponse::build(status);
        if self.is_new {
            response.insert_header(session_cookie(&self.session));
        }
        Ok(response
            .insert_header(("content-type", "text/html; charset=utf-8"))
            .insert_header(("cache-control", "no-store"))
            .insert_header(("content-security-policy", POLICY))
            .insert_header(("referrer-policy", "same-origin"))
            .insert_header(("x-content-type-options", "nosniff"))
            .body(html))
    }

    /// A page that says one thing.
    pub fn message(&self, status: StatusCode, title: &str, text: &str) -> Result<HttpResponse, Refusal> {
        self.show_with(status, &Message { frame: self.frame(), title: title.to_owned(), text: text.to_owned() })
    }

    /// Says this on the page that comes next, and goes there.
    pub fn go(&self, to: &str, notice: &str) -> HttpResponse {
        if !notice.is_empty() {
            self.site.sessions.tell(&self.session.id, notice);
        }
        see_other(to)
    }

    /// A fan's call that failed: back to the page with the reason, or signed out when the consent has ended.
    pub fn failed(&self, to: &str, error: Error) -> Result<HttpResponse, Refusal> {
        if error.kind() == ErrorKind::GrantEnded {
            self.site.sessions.sign_out(&self.session.id);
            return Ok(self.go(
                "/",
                "You revoked your permission, so you are signed out here. You can sign in again at any time.",
            ));
        }
        match error.problem() {
            Some(problem) if error.status().is_some_and(|status| status < 500) => {
                let words = if problem.detail.is_empty() { &problem.title } else { &problem.detail };
                Ok(self.go(to, words))
            }
            _ => Err(error.into()),
        }
    }
}

/// The cookie of a session.
pub fn session_cookie(session: &Session) -> (&'static str, String) {
    set_cookie(COOKIE, &session.id, "/", 30 * 24 * 3_600)
}

/// To another address, with a GET.
pub fn see_other(to: &str) -> HttpResponse {
    HttpResponse::SeeOther().insert_header(("location", to)).insert_header(("cache-control", "no-store")).finish()
}

/// Why a request came to nothing.
#[derive(Debug)]
pub enum Refusal {
    /// The form was shown to somebody else, or long ago.
    Form,
    /// For fans who are signed in.
    SignIn,
    /// Page not found.
    Lost,
    /// The gateway said no, or nothing.
    Gateway(Error),
    /// Our fault.
    Broken,
}

impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        if error.status() == Some(404) { Self::Lost } else { Self::Gateway(error) }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Form => "This form is from an earlier visit. Please go back, reload the page and try again.",
            Self::SignIn => "Please sign in first.",
            Self::Lost => "Page not found.",
            Self::Gateway(_) => {
                "The circle cannot be reached right now. Nothing is lost; please try again in a moment."
            }
            Self::Broken => "Something went wrong on our side.",
        })
    }
}

impl ResponseError for Refusal {
    fn status_code(&self) -> StatusCode {
        match self {
            Self::Form | Self::SignIn => StatusCode::FORBIDDEN,
            Self::Lost => StatusCode::NOT_FOUND,
            Self::Gateway(_) => StatusCode::BAD_GATEWAY,
            Self::Broken => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    fn error_response(&self) -> HttpResponse<BoxBody> {
        if let Self::Gateway(error) = self {
            eprintln_of(error);
        }
        let frame = Frame::for_nobody();
        let page = Message { frame, title: "Well, whiskers.".to_owned(), text: self.to_string() };
        HttpResponse::build(self.status_code())
            .insert_header(("content-type", "text/html; charset=utf-8"))
            .insert_header(("content-security-policy", POLICY))
            .body(page.render().unwrap_or_default())
    }
}

#[expect(clippy::print_stderr, reason = "a small site's log")]
fn eprintln_of(error: &Error) {
    eprintln!("{error}");
}
