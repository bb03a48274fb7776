//! Mounts the page: one path to view, to sign in and to decide.

use std::sync::Arc;

use actix_web::http::StatusCode;
use actix_web::web::{self, Payload, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse, guard};
use quanzi_openapi::ErrorCode;
use quanzi_openapi::authorization::AUTHORIZATION_PATH;
use quanzi_openapi::fans::{NewSandboxFan, Nickname};
use quanzi_openapi::gates::CreditBand;
use quanzi_openapi::id::FanId;
use serde::Deserialize;

use super::model::Step;
use super::page::{self, Note};
use super::service::{self, Asked, Who};
use crate::capabilities::sign_in;
use crate::edge::Edge;
use crate::edge::page_request::{self, Page, PageRequest};
use crate::edge::pages::{Frame, Style};
use crate::edge::sessions::Browser;
use crate::platform::fault::Fault;

/// Longest form: a nickname in percent encoding and a few words.
const FORM_BYTES_MAX: usize = 4_096;

/// Mounts the page.
pub fn configure(config: &mut ServiceConfig, edge: &Arc<Edge>) {
    let style = Arc::new(Style::new());
    let (looks, decides, others) = (Arc::clone(edge), Arc::clone(edge), Arc::clone(edge));
    let (style_of_looks, style_of_decides, style_of_others) = (Arc::clone(&style), Arc::clone(&style), style);
    let reads = guard::Any(guard::Get()).or(guard::Head());
    let look = web::route().guard(reads).to(move |http: HttpRequest| {
        let (edge, style) = (Arc::clone(&looks), Arc::clone(&style_of_looks));
        async move { look(&edge, &style, http).await }
    });
    let decide = web::post().to(move |http: HttpRequest, payload: Payload| {
        let (edge, style) = (Arc::clone(&decides), Arc::clone(&style_of_decides));
        async move { decide(&edge, &style, http, payload).await }
    });
    let other = web::to(move |http: HttpRequest| {
        let (edge, style) = (Arc::clone(&others), Arc::clone(&style_of_others));
        async move { other(&edge, &style, http).await }
    });
    config.service(web::resource(AUTHORIZATION_PATH).route(look).route(decide).default_service(other));
}

/// What the address says. Anything else in it is not looked at: the request was pushed (RFC 9126, 4).
#[derive(Deserialize)]
struct Query {
    client_id: String,
    request_uri: String,
}

/// What a fan can say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Decision {
    /// I am this invented person.
    SignIn,
    /// I am a new invented person.
    Invent,
    /// I sign in at the provider (live mode).
    AtProvider,
    /// I am somebody else.
    Leave,
    /// Yes.
    Allow,
    /// No.
    Deny,
}

/// What the form says.
#[derive(Deserialize)]
struct Form {
    code: Option<String>,
    decision: Decision,
    /// Whom to sign in as.
    fan: Option<String>,
    /// What the new person is called; or, next to a yes, whether the app may know.
    nickname: Option<String>,
    adult: Option<String>,
    real_name_verified: Option<String>,
    credit_band: Option<String>,
}

impl Form {
    fn who(&self) -> Result<Who, Fault> {
        if self.decision == Decision::SignIn {
            let fan = self.fan.as_deref().unwrap_or_default().parse::<FanId>();
            return fan.map(Who::Known).map_err(|_| ErrorCode::FanNotFound.into());
        }
        let nickname = Nickname::new(self.nickname.as_deref().unwrap_or_default());
        let nickname = nickname.map_err(|error| Fault::field("/nickname", error.to_string()))?;
        let mut new = NewSandboxFan::new(nickname);
        new.adult = self.adult.is_some();
        new.real_name_verified = self.real_name_verified.is_some();
        new.credit_band = match self.credit_band.as_deref() {
            None | Some("") => None,
            Some(band) => Some(band_named(band).ok_or_else(|| Fault::field("/credit_band", "expected a band"))?),
        };
        Ok(Who::Invented(new))
    }
}

fn band_named(word: &str) -> Option<CreditBand> {
    serde_json::from_value(serde_json::Value::from(word)).ok()
}

async fn look(edge: &Arc<Edge>, style: &Style, http: HttpRequest) -> HttpResponse {
    let show = async |page_request: &PageRequest| {
        let desk = Desk { page_request, style, browser: Browser::of(page_request) };
        let page = match desk.find().await {
            Ok(Some(asked)) => desk.next(&asked, None).await,
            Ok(None) => desk.lost(),
            Err(fault) => desk.message(fault),
        };
        desk.browser.keep(page)
    };
    page_request::show(edge, http, "ShowConsent", show, |page_request, fault| outside(page_request, style, fault)).await
}

async fn decide(edge: &Arc<Edge>, style: &Style, http: HttpRequest, payload: Payload) -> HttpResponse {
    let show = async |page_request: &PageRequest| {
        let desk = Desk { page_request, style, browser: Browser::of(page_request) };
        // Before any of the body is read: guessing requests must not cost the gateway more than a look-up.
        let asked = match desk.find().await {
            Ok(Some(asked)) => asked,
            Ok(None) => return desk.lost(),
            Err(fault) => return desk.message(fault),
        };
        let page = match page_request.form::<Form>(payload, FORM_BYTES_MAX).await {
            Ok(form)
                if page_request.is_from_elsewhere()
                    || !desk.browser.made_form(page_request.edge(), form.code.as_deref()) =>
            {
                desk.shown(&asked, Some(Note::Elsewhere)).await.status(StatusCode::FORBIDDEN)
            }
            Ok(form) => match desk.act(&asked, &form).await {
                Ok(page) => page,
                Err(fault) => desk.refused(&asked, fault).await,
            },
            Err(fault) => desk.refused(&asked, fault).await,
        };
        desk.browser.keep(page)
    };
    page_request::show(edge, http, "DecideOnConsent", show, |page_request, fault| outside(page_request, style, fault))
        .await
}

/// A method that is neither looking nor deciding.
async fn other(edge: &Arc<Edge>, style: &Style, http: HttpRequest) -> HttpResponse {
    let show = async |page_request: &PageRequest| {
        outside(page_request, style, Fault::new(ErrorCode::MethodNotAllowed).header("allow", "GET, HEAD, POST"))
    };
    page_request::show(edge, http, "ShowConsent", show, |page_request, fault| outside(page_request, style, fault)).await
}

fn outside(page_request: &PageRequest, style: &Style, fault: Fault) -> Page {
    let frame = Frame::new(page_request, style);
    let (title, text) = frame.trouble(fault.code());
    frame.page(Page::refusal(fault, frame.message(title, text)))
}

/// Serves one browser.
struct Desk<'a> {
    page_request: &'a PageRequest,
    style: &'a Style,
    browser: Browser,
}

impl Desk<'_> {
    fn frame(&self) -> Frame<'_> {
        Frame::new(self.page_request, self.style)
    }

    async fn find(&self) -> Result<Option<Asked>, Fault> {
        let Some(query) = self.page_request.query::<Query>() else { return Ok(None) };
        let (edge, now) = (self.page_request.edge(), self.page_request.now());
        service::find(edge, now, &self.browser, &query.client_id, &query.request_uri).await
    }

    /// Goes on: back to the app where nothing is left to be said, otherwise with a page.
    async fn next(&self, asked: &Asked, note: Option<Note>) -> Page {
        let (edge, now) = (self.page_request.edge(), self.page_request.now());
        let went = match asked.step {
            Step::Accept => service::go_on(edge, now, asked).await,
            Step::Deny(denial) => asked.opened.denial(edge, denial).map(Some),
            Step::SignIn | Step::Consent => return self.shown(asked, note).await,
        };
        self.back(asked, went)
    }

    /// Back to the app. Where no page is wanted a redirect: there was no form before it, and it may be in a frame.
    fn back(&self, asked: &Asked, went: Result<Option<String>, Fault>) -> Page {
        match went {
            Ok(Some(url)) if asked.opened.request.prompt.none => Page::see_other(url),
            Ok(Some(url)) => self.frame().leave(&url),
            Ok(None) => self.lost(),
            Err(fault) => self.message(fault),
        }
    }

    /// The page of this step.
    async fn shown(&self, asked: &Asked, note: Option<Note>) -> Page {
        match self.html(asked, note).await {
            Ok(html) => self.frame().page(Page::new(html)),
            Err(fault) => self.message(fault),
        }
    }

    async fn html(&self, asked: &Asked, note: Option<Note>) -> Result<String, Fault> {
        let (frame, code) = (self.frame(), self.browser.form_code(self.page_request.edge()));
        if asked.step == Step::Consent {
            return Ok(page::consent(&frame, asked, note, &code));
        }
        let persons = if frame.sandbox { service::persons(self.page_request.edge(), asked).await? } else { Vec::new() };
        Ok(page::sign_in(&frame, asked, note, &code, &persons, &sign_in::provider_name(self.page_request.edge())))
    }

    /// The page again, and what went wrong.
    async fn refused(&self, asked: &Asked, fault: Fault) -> Page {
        match self.html(asked, Some(Note::of(fault.code()))).await {
            Ok(html) => self.frame().page(Page::refusal(fault, html)),
            Err(fault) => self.message(fault),
        }
    }

    /// Does what the form says.
    async fn act(&self, asked: &Asked, form: &Form) -> Result<Page, Fault> {
        let (edge, now) = (self.page_request.edge(), self.page_request.now());
        let again = || Page::see_other(self.page_request.target().to_owned());
        match form.decision {
            Decision::SignIn | Decision::Invent => {
                if !edge.config.mode.is_sandbox() {
                    return Ok(self.shown(asked, None).await.status(StatusCode::FORBIDDEN));
                }
                let after = service::sign_in(edge, now, &self.browser, asked, &form.who()?).await?;
                Ok(after.keep(again()))
            }
            Decision::AtProvider if sign_in::is_offered(edge) => {
                let prompt = asked.opened.request.prompt;
                let reauthentication =
                    sign_in::Reauthentication { again: prompt.login, max_age: asked.opened.request.max_age };
                let target = self.page_request.target();
                Ok(self.frame().leave(&sign_in::begin(edge, now, &self.browser, target, reauthentication).await?))
            }
            Decision::AtProvider => Ok(self.shown(asked, None).await.status(StatusCode::FORBIDDEN)),
            Decision::Leave => Ok(service::leave(edge, &self.browser).await?.keep(again())),
            Decision::Deny => Ok(self.back(asked, service::refuse(edge, now, asked).await)),
            // A fan who can no longer consent (the sign-in is too old) sees the next page.
            Decision::Allow if asked.step != Step::Consent => Ok(self.next(asked, None).await),
            Decision::Allow => Ok(self.back(asked, service::agree(edge, now, asked, form.nickname.is_some()).await)),
        }
    }

    fn lost(&self) -> Page {
        let frame = self.frame();
        let title = frame.say("This link is no longer valid", "链接已失效");
        let text = frame.say(
            "A sign-in link is valid for 90 seconds and can be used once. Please go back to where you came from and start again.",
            "登录链接有效期为 90 秒，且只能使用一次。请返回原页面重新开始。",
        );
        frame.page(Page::new(frame.message(title, text)).status(StatusCode::BAD_REQUEST))
    }

    fn message(&self, fault: Fault) -> Page {
        outside(self.page_request, self.style, fault)
    }
}
