//! Mounts the page: one path to view and to decide.

use std::sync::Arc;

use actix_web::http::StatusCode;
use actix_web::web::{self, Payload, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse, guard};
use quanzi_openapi::ErrorCode;
use serde::Deserialize;

use super::service::{self, Asked};
use super::view::{self, Note};
use crate::capabilities::sign_in;
use crate::edge::Edge;
use crate::edge::page_request::{self, Page, PageRequest};
use crate::edge::pages::{Frame, Style, is_token};
use crate::edge::sessions::Browser;
use crate::platform::fault::Fault;

/// Longest form: a code and a short word.
const FORM_BYTES_MAX: usize = 1_024;

/// Mounts the page.
pub fn configure(config: &mut ServiceConfig, edge: &Arc<Edge>) {
    let style = Arc::new(Style::new());
    let (looks, decides, others) = (Arc::clone(edge), Arc::clone(edge), Arc::clone(edge));
    let (style_of_looks, style_of_decides, style_of_others) = (Arc::clone(&style), Arc::clone(&style), style);
    let reads = guard::Any(guard::Get()).or(guard::Head());
    let look = web::route().guard(reads).to(move |http: HttpRequest, token: web::Path<String>| {
        let (edge, style) = (Arc::clone(&looks), Arc::clone(&style_of_looks));
        async move { look(&edge, &style, http, &token).await }
    });
    let decide = web::post().to(move |http: HttpRequest, token: web::Path<String>, payload: Payload| {
        let (edge, style) = (Arc::clone(&decides), Arc::clone(&style_of_decides));
        async move { decide(&edge, &style, http, &token, payload).await }
    });
    let other = web::to(move |http: HttpRequest| {
        let (edge, style) = (Arc::clone(&others), Arc::clone(&style_of_others));
        async move { other(&edge, &style, http).await }
    });
    config.service(web::resource("/mandate/{token}").route(look).route(decide).default_service(other));
}

/// What a fan may say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Decision {
    /// Yes.
    Agree,
    /// No.
    Decline,
    /// First who it is (live mode).
    SignIn,
}

/// What the form says.
#[derive(Deserialize)]
struct Form {
    code: Option<String>,
    decision: Decision,
}

async fn look(edge: &Arc<Edge>, style: &Style, http: HttpRequest, token: &str) -> HttpResponse {
    let show = async |page_request: &PageRequest| {
        let desk = Desk::new(page_request, style);
        let page = match desk.find(token).await {
            Ok(Some(asked)) => desk.asked(&asked, None),
            Ok(None) => desk.lost(),
            Err(fault) => desk.message(fault),
        };
        desk.browser.keep(page)
    };
    page_request::show(edge, http, "ShowMandate", show, |page_request, fault| {
        Desk::new(page_request, style).message(fault)
    })
    .await
}

async fn decide(edge: &Arc<Edge>, style: &Style, http: HttpRequest, token: &str, payload: Payload) -> HttpResponse {
    let show = async |page_request: &PageRequest| {
        let desk = Desk::new(page_request, style);
        // Before any of the body is read: guessing tokens must not cost the gateway more than a look-up.
        let asked = match desk.find(token).await {
            Ok(Some(asked)) => asked,
            Ok(None) => return desk.lost(),
            Err(fault) => return desk.message(fault),
        };
        let form: Form = match page_request.form(payload, FORM_BYTES_MAX).await {
            Ok(form) => form,
            Err(fault) => return desk.message(fault),
        };
        if page_request.is_from_elsewhere() || !desk.browser.made_form(page_request.edge(), form.code.as_deref()) {
            let page = desk.asked(&asked, Some(Note::Elsewhere)).status(StatusCode::FORBIDDEN);
            return desk.browser.keep(page);
        }
        if form.decision == Decision::SignIn && !asked.can_decide && sign_in::is_offered(page_request.edge()) {
            return desk.sign_in(token).await;
        }
        if !asked.can_decide || form.decision == Decision::SignIn {
            return desk.asked(&asked, None).status(StatusCode::FORBIDDEN);
        }
        match service::decide(page_request.edge(), page_request.now(), &asked, form.decision == Decision::Agree).await {
            Ok(true) => Page::see_other(format!("/mandate/{token}")),
            // Decided before, or too late: the page says how it stands.
            Ok(false) => match desk.find(token).await {
                Ok(Some(asked)) => desk.asked(&asked, Some(Note::Decided)).status(StatusCode::CONFLICT),
                Ok(None) => desk.lost(),
                Err(fault) => desk.message(fault),
            },
            Err(fault) => desk.message(fault),
        }
    };
    page_request::show(edge, http, "DecideOnMandate", show, |page_request, fault| {
        Desk::new(page_request, style).message(fault)
    })
    .await
}

/// A method that is neither looking nor deciding.
async fn other(edge: &Arc<Edge>, style: &Style, http: HttpRequest) -> HttpResponse {
    let show = async |page_request: &PageRequest| {
        let fault = Fault::new(ErrorCode::MethodNotAllowed).header("allow", "GET, HEAD, POST");
        Desk::new(page_request, style).message(fault)
    };
    page_request::show(edge, http, "ShowMandate", show, |page_request, fault| {
        Desk::new(page_request, style).message(fault)
    })
    .await
}

/// Serves one browser, in its language.
struct Desk<'a> {
    page_request: &'a PageRequest,
    style: &'a Style,
    browser: Browser,
}

impl<'a> Desk<'a> {
    fn new(page_request: &'a PageRequest, style: &'a Style) -> Self {
        Self { page_request, style, browser: Browser::of(page_request) }
    }

    /// The consent with this token, as it is now.
    async fn find(&self, token: &str) -> Result<Option<Asked>, Fault> {
        if !is_token(token) {
            return Ok(None);
        }
        service::find(self.page_request.edge(), self.page_request.now(), &self.browser, token).await
    }

    fn frame(&self) -> Frame<'_> {
        Frame::new(self.page_request, self.style)
    }

    fn asked(&self, asked: &Asked, note: Option<Note>) -> Page {
        let frame = self.frame();
        let code = self.browser.form_code(self.page_request.edge());
        let provider = sign_in::provider_name(self.page_request.edge());
        let html = view::asked(&frame, asked, note, (&code, &provider), self.page_request.now());
        frame.page(Page::new(html))
    }

    /// To the provider, and back to this page. The signed-in person is someone else, who has to sign out there as well.
    async fn sign_in(&self, token: &str) -> Page {
        let reauthentication = sign_in::Reauthentication { again: true, max_age: None };
        let (app, now, back) = (self.page_request.edge(), self.page_request.now(), format!("/mandate/{token}"));
        match sign_in::begin(app, now, &self.browser, &back, reauthentication).await {
            Ok(url) => self.frame().leave(&url),
            Err(fault) => self.message(fault),
        }
    }

    fn lost(&self) -> Page {
        let frame = self.frame();
        let title = frame.say("This link is not valid", "链接无效");
        let text = frame.say(
            "The link may be incomplete. Please open it again from where you received it, or ask for a new one. Nothing has been agreed.",
            "链接可能不完整。请回到原页面重新打开，或重新获取链接。未作任何授权。",
        );
        frame.page(Page::new(frame.message(title, text)).status(StatusCode::NOT_FOUND))
    }

    fn message(&self, fault: Fault) -> Page {
        let frame = self.frame();
        let (title, text) = frame.trouble(fault.code());
        frame.page(Page::refusal(fault, frame.message(title, text)))
    }
}
