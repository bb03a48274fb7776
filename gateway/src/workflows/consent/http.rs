//! The page at which a fan signs in and agrees to what an app asks for.

use std::sync::Arc;

use actix_web::http::StatusCode;
use actix_web::web::ServiceConfig;
use quanzi_openapi::ErrorCode;
use quanzi_openapi::authorization::AUTHORIZATION_PATH;
use quanzi_openapi::fans::{NewSandboxFan, Nickname};
use quanzi_openapi::gates::CreditBand;
use quanzi_openapi::id::FanId;
use serde::Deserialize;

use super::model::Step;
use super::page::{self, Note};
use super::service::{self, ConsentRequest, Who};
use crate::capabilities::sign_in;
use crate::edge::Edge;
use crate::edge::page_request::Page;
use crate::edge::pages::form_page::{self, FormPage, Visit};
use crate::platform::fault::Fault;

/// Where the page is.
pub const PATH: &str = AUTHORIZATION_PATH;

/// Mounts the page.
pub fn configure(config: &mut ServiceConfig, edge: &Arc<Edge>) {
    form_page::mount(config, edge, ConsentPage);
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

struct ConsentPage;

impl ConsentPage {
    /// Goes on: back to the app where nothing is left to be said, otherwise with a page.
    async fn next(visit: &Visit<'_>, asked: &ConsentRequest, note: Option<Note>) -> Page {
        let (edge, now) = (visit.edge(), visit.request.now());
        let went = match asked.step {
            Step::Accept => service::go_on(edge, now, asked).await,
            Step::Deny(denial) => asked.opened.denial(edge, denial).map(Some),
            Step::SignIn | Step::Consent => return Self::shown(visit, asked, note).await,
        };
        Self::back(visit, asked, went)
    }

    /// Back to the app. Where no page is wanted a redirect: there was no form before it, and it may be in a frame.
    fn back(visit: &Visit<'_>, asked: &ConsentRequest, went: Result<Option<String>, Fault>) -> Page {
        match went {
            Ok(Some(url)) if asked.opened.request.prompt.none => Page::see_other(url),
            Ok(Some(url)) => visit.frame().leave(&url),
            Ok(None) => ConsentPage.not_found(visit),
            Err(fault) => visit.error_page(fault),
        }
    }

    /// The page of this step.
    async fn shown(visit: &Visit<'_>, asked: &ConsentRequest, note: Option<Note>) -> Page {
        match Self::html(visit, asked, note).await {
            Ok(html) => visit.frame().page(Page::new(html)),
            Err(fault) => visit.error_page(fault),
        }
    }

    async fn html(visit: &Visit<'_>, asked: &ConsentRequest, note: Option<Note>) -> Result<String, Fault> {
        let (frame, code, edge) = (visit.frame(), visit.form_code(), visit.edge());
        if asked.step == Step::Consent {
            return Ok(page::consent(&frame, asked, note, &code));
        }
        let persons = if frame.sandbox { service::persons(edge, asked).await? } else { Vec::new() };
        Ok(page::sign_in(&frame, asked, note, &code, &persons, &sign_in::provider_name(edge)))
    }

    /// Does what the form says.
    async fn act(visit: &Visit<'_>, asked: &ConsentRequest, form: &Form) -> Result<Page, Fault> {
        let (edge, now) = (visit.edge(), visit.request.now());
        let again = || Page::see_other(visit.request.target().to_owned());
        match form.decision {
            Decision::SignIn | Decision::Invent => {
                if !edge.config.mode.is_sandbox() {
                    return Ok(Self::shown(visit, asked, None).await.status(StatusCode::FORBIDDEN));
                }
                let after = service::sign_in(edge, now, &visit.browser, asked, &form.who()?).await?;
                Ok(after.set_cookie(again()))
            }
            Decision::AtProvider if sign_in::is_offered(edge) => {
                let prompt = asked.opened.request.prompt;
                let reauthentication =
                    sign_in::Reauthentication { again: prompt.login, max_age: asked.opened.request.max_age };
                let target = visit.request.target();
                Ok(visit.frame().leave(&sign_in::begin(edge, now, &visit.browser, target, reauthentication).await?))
            }
            Decision::AtProvider => Ok(Self::shown(visit, asked, None).await.status(StatusCode::FORBIDDEN)),
            Decision::Leave => Ok(service::leave(edge, &visit.browser).await?.set_cookie(again())),
            Decision::Deny => Ok(Self::back(visit, asked, service::refuse(edge, now, asked).await)),
            // A fan who can no longer consent (the sign-in is too old) sees the next page.
            Decision::Allow if asked.step != Step::Consent => Ok(Self::next(visit, asked, None).await),
            Decision::Allow => {
                Ok(Self::back(visit, asked, service::agree(edge, now, asked, form.nickname.is_some()).await))
            }
        }
    }
}

impl FormPage for ConsentPage {
    const PATH: &'static str = PATH;
    const VIEW: &'static str = "ShowConsent";
    const DECIDE: &'static str = "DecideOnConsent";
    // A nickname in percent encoding and a few words.
    const FORM_BYTES_MAX: usize = 4_096;
    type Subject = ConsentRequest;
    type Form = Form;

    async fn find(&self, visit: &Visit<'_>, _token: &str) -> Result<Option<ConsentRequest>, Fault> {
        let Some(query) = visit.request.query::<Query>() else { return Ok(None) };
        let (edge, now) = (visit.edge(), visit.request.now());
        service::find(edge, now, &visit.browser, &query.client_id, &query.request_uri).await
    }

    async fn view(&self, visit: &Visit<'_>, asked: &ConsentRequest, cross_site: bool) -> Page {
        if cross_site {
            return Self::shown(visit, asked, Some(Note::Elsewhere)).await;
        }
        Self::next(visit, asked, None).await
    }

    async fn decide(&self, visit: &Visit<'_>, _token: &str, asked: ConsentRequest, form: Form) -> Page {
        match Self::act(visit, &asked, &form).await {
            Ok(page) => visit.browser.set_cookie(page),
            Err(fault) => self.refuse(visit, asked, fault).await,
        }
    }

    /// The page again, and what went wrong.
    async fn refuse(&self, visit: &Visit<'_>, asked: ConsentRequest, fault: Fault) -> Page {
        match Self::html(visit, &asked, Some(Note::of(fault.code()))).await {
            Ok(html) => visit.browser.set_cookie(visit.frame().page(Page::refusal(fault, html))),
            Err(fault) => visit.error_page(fault),
        }
    }

    fn not_found(&self, visit: &Visit<'_>) -> Page {
        let frame = visit.frame();
        let title = frame.text("This link is no longer valid", "链接已失效");
        let text = frame.text(
            "A sign-in link is valid for 90 seconds and can be used once. Please go back to where you came from and start again.",
            "登录链接有效期为 90 秒，且只能使用一次。请返回原页面重新开始。",
        );
        visit.message(StatusCode::BAD_REQUEST, title, text)
    }
}
