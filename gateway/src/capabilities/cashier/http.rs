//! Mounts the page: one path to view and to decide.

use std::sync::Arc;

use actix_web::http::StatusCode;
use actix_web::web::{self, Payload, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse, guard};
use quanzi_openapi::ErrorCode;
use quanzi_openapi::tips::TipDisclosure;
use serde::Deserialize;

use super::page::{self, Note};
use super::service::{self, Asked, Decision};
use crate::capabilities::payments::PaymentLookups;
use crate::capabilities::sign_in;
use crate::edge::Edge;
use crate::edge::page_request::{self, Page, PageRequest};
use crate::edge::pages::{Frame, Style, is_token};
use crate::edge::sessions::Browser;
use crate::platform::fault::Fault;

/// Longest form: a code and two short words.
const FORM_BYTES_MAX: usize = 1_024;

/// Mounts the page.
pub fn configure(config: &mut ServiceConfig, edge: &Arc<Edge>, lookups: &Arc<PaymentLookups>) {
    let lookups = Arc::clone(lookups);
    let style = Arc::new(Style::new());
    let (looks, decides, others) = (Arc::clone(edge), Arc::clone(edge), Arc::clone(edge));
    let (style_of_looks, style_of_decides, style_of_others) = (Arc::clone(&style), Arc::clone(&style), style.clone());
    let reads = guard::Any(guard::Get()).or(guard::Head());
    let look = web::route().guard(reads).to(move |http: HttpRequest, token: web::Path<String>| {
        let (edge, style) = (Arc::clone(&looks), Arc::clone(&style_of_looks));
        async move { look(&edge, &style, http, &token).await }
    });
    let decide = web::post().to(move |http: HttpRequest, token: web::Path<String>, payload: Payload| {
        let (edge, style, lookups) = (Arc::clone(&decides), Arc::clone(&style_of_decides), Arc::clone(&lookups));
        async move { decide((&edge, &lookups), &style, http, &token, payload).await }
    });
    let other = web::to(move |http: HttpRequest| {
        let (edge, style) = (Arc::clone(&others), Arc::clone(&style_of_others));
        async move { other(&edge, &style, http).await }
    });
    config.service(web::resource("/pay/{token}").route(look).route(decide).default_service(other));
}

/// What the form says.
#[derive(Deserialize)]
struct Form {
    code: Option<String>,
    decision: Decision,
    appear: Option<TipDisclosure>,
}

async fn look(edge: &Arc<Edge>, style: &Style, http: HttpRequest, token: &str) -> HttpResponse {
    let show = async |page_request: &PageRequest| {
        let desk = Desk::new(page_request, style);
        let page = match desk.find(token).await {
            Ok(Some(asked)) => desk.payment(&asked, None),
            Ok(None) => desk.lost(),
            Err(fault) => desk.message(fault),
        };
        desk.browser.keep(page)
    };
    page_request::show(edge, http, "ShowCashier", show, |page_request, fault| {
        Desk::new(page_request, style).message(fault)
    })
    .await
}

async fn decide(
    (edge, lookups): (&Arc<Edge>, &PaymentLookups),
    style: &Style,
    http: HttpRequest,
    token: &str,
    payload: Payload,
) -> HttpResponse {
    let show = async |page_request: &PageRequest| {
        let desk = Desk::new(page_request, style);
        // Before any of the body is read: guessing tokens must not cost the gateway more than a look-up.
        let asked = match desk.find(token).await {
            Ok(Some(asked)) => asked,
            Ok(None) => return desk.lost(),
            Err(fault) => return desk.message(fault),
        };
        if page_request.is_from_elsewhere() {
            return desk.elsewhere(&asked);
        }
        let form: Form = match page_request.form(payload, FORM_BYTES_MAX).await {
            Ok(form) => form,
            Err(fault) => return desk.refused(asked, fault),
        };
        if !desk.browser.made_form(page_request.edge(), form.code.as_deref()) {
            return desk.elsewhere(&asked);
        }
        if form.decision == Decision::SignIn && !asked.can_decide && sign_in::is_offered(page_request.edge()) {
            return desk.sign_in(token).await;
        }
        if !asked.can_decide {
            return desk.payment(&asked, None).status(StatusCode::FORBIDDEN);
        }
        match service::decide((page_request.edge(), lookups), page_request.now(), &asked, form.decision, form.appear)
            .await
        {
            Ok(()) => Page::see_other(format!("/pay/{token}")),
            Err(fault) => match desk.find(token).await {
                Ok(Some(asked)) => desk.refused(asked, fault),
                Ok(None) | Err(_) => desk.message(fault),
            },
        }
    };
    page_request::show(edge, http, "DecideAtCashier", show, |page_request, fault| {
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
    page_request::show(edge, http, "ShowCashier", show, |page_request, fault| {
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

    /// The payment with this token, as it is now.
    async fn find(&self, token: &str) -> Result<Option<Asked>, Fault> {
        if !is_token(token) {
            return Ok(None);
        }
        service::find(self.page_request.edge(), self.page_request.now(), &self.browser, token).await
    }

    /// To the provider, and back to this page. The signed-in person is someone else, who has to sign out there as well.
    async fn sign_in(&self, token: &str) -> Page {
        let reauthentication = sign_in::Reauthentication { again: true, max_age: None };
        let (app, now, back) = (self.page_request.edge(), self.page_request.now(), format!("/pay/{token}"));
        match sign_in::begin(app, now, &self.browser, &back, reauthentication).await {
            Ok(url) => self.frame().leave(&url),
            Err(fault) => self.message(fault),
        }
    }

    /// A form that this browser did not get from us.
    fn elsewhere(&self, asked: &Asked) -> Page {
        self.browser.keep(self.payment(asked, Some(Note::Elsewhere)).status(StatusCode::FORBIDDEN))
    }

    fn html(&self, frame: &Frame<'_>, asked: &Asked, note: Option<Note>) -> String {
        let code = self.browser.form_code(self.page_request.edge());
        let provider = sign_in::provider_name(self.page_request.edge());
        page::payment(frame, asked, note, (&code, &provider), self.page_request.now())
    }

    fn frame(&self) -> Frame<'_> {
        Frame::new(self.page_request, self.style)
    }

    fn payment(&self, asked: &Asked, note: Option<Note>) -> Page {
        let frame = self.frame();
        frame.page(Page::new(self.html(&frame, asked, note)))
    }

    /// The payment, and what went wrong about it.
    fn refused(&self, asked: Asked, fault: Fault) -> Page {
        let frame = self.frame();
        let html = self.html(&frame, &asked, Some(Note::of(fault.code())));
        frame.page(Page::refusal(fault, html))
    }

    fn lost(&self) -> Page {
        let frame = self.frame();
        let html = page::message(&frame, ErrorCode::RouteNotFound);
        frame.page(Page::new(html).status(StatusCode::NOT_FOUND))
    }

    fn message(&self, fault: Fault) -> Page {
        let frame = self.frame();
        let html = page::message(&frame, fault.code());
        frame.page(Page::refusal(fault, html))
    }
}
