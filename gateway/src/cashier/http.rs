//! Mounts the page: one address to look at and to decide.

use std::sync::Arc;

use actix_web::http::StatusCode;
use actix_web::web::{self, Payload, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse, guard};
use quanzi_openapi::ErrorCode;
use quanzi_openapi::tips::TipDisclosure;
use serde::Deserialize;

use super::page::{self, Note};
use super::service::{self, Decision, Payee};
use crate::app::App;
use crate::fault::Fault;
use crate::http::pages::{self, Page, Visit};
use crate::pages::{Frame, Style};

/// Longest form: two short words.
const FORM_BYTES_MAX: usize = 1_024;
/// Length of a token: 128 bits in base64url.
const TOKEN_LETTERS: usize = 22;

/// Mounts the page.
pub fn configure(config: &mut ServiceConfig, app: &Arc<App>) {
    let style = Arc::new(Style::new());
    let (looks, decides, others) = (Arc::clone(app), Arc::clone(app), Arc::clone(app));
    let (style_of_looks, style_of_decides, style_of_others) = (Arc::clone(&style), Arc::clone(&style), style.clone());
    let reads = guard::Any(guard::Get()).or(guard::Head());
    let look = web::route().guard(reads).to(move |http: HttpRequest, token: web::Path<String>| {
        let (app, style) = (Arc::clone(&looks), Arc::clone(&style_of_looks));
        async move { look(&app, &style, http, &token).await }
    });
    let decide = web::post().to(move |http: HttpRequest, token: web::Path<String>, payload: Payload| {
        let (app, style) = (Arc::clone(&decides), Arc::clone(&style_of_decides));
        async move { decide(&app, &style, http, &token, payload).await }
    });
    let other = web::to(move |http: HttpRequest| {
        let (app, style) = (Arc::clone(&others), Arc::clone(&style_of_others));
        async move { other(&app, &style, http).await }
    });
    config.service(web::resource("/pay/{token}").route(look).route(decide).default_service(other));
}

/// What the form says.
#[derive(Deserialize)]
struct Form {
    decision: Decision,
    appear: Option<TipDisclosure>,
}

async fn look(app: &Arc<App>, style: &Style, http: HttpRequest, token: &str) -> HttpResponse {
    let show = async |visit: &Visit| {
        let found = find(visit, token).await;
        let from = Shop { visit, style };
        match found {
            Ok(Some(payee)) => from.payment(&payee, None),
            Ok(None) => from.lost(),
            Err(fault) => from.message(fault),
        }
    };
    pages::show(app, http, "ShowCashier", show, |visit, fault| Shop { visit, style }.message(fault)).await
}

async fn decide(app: &Arc<App>, style: &Style, http: HttpRequest, token: &str, payload: Payload) -> HttpResponse {
    let show = async |visit: &Visit| {
        let from = Shop { visit, style };
        // Before anything is read of a body: whoever guesses tokens shall not be worth more work than a look-up.
        let payee = match find(visit, token).await {
            Ok(Some(payee)) => payee,
            Ok(None) => return from.lost(),
            Err(fault) => return from.message(fault),
        };
        if visit.is_from_elsewhere() {
            return from.payment(&payee, Some(Note::Elsewhere)).status(StatusCode::FORBIDDEN);
        }
        let form: Form = match visit.form(payload, FORM_BYTES_MAX).await {
            Ok(form) => form,
            Err(fault) => return from.refused(payee, fault),
        };
        if !payee.can_decide {
            return from.payment(&payee, None).status(StatusCode::FORBIDDEN);
        }
        match service::decide(visit.app(), visit.now(), &payee, form.decision, form.appear).await {
            Ok(()) => Page::see_other(format!("/pay/{token}")),
            Err(fault) => match find(visit, token).await {
                Ok(Some(payee)) => from.refused(payee, fault),
                Ok(None) | Err(_) => from.message(fault),
            },
        }
    };
    pages::show(app, http, "DecideAtCashier", show, |visit, fault| Shop { visit, style }.message(fault)).await
}

/// A method that is neither looking nor deciding.
async fn other(app: &Arc<App>, style: &Style, http: HttpRequest) -> HttpResponse {
    let show = async |visit: &Visit| {
        let fault = Fault::new(ErrorCode::MethodNotAllowed).header("allow", "GET, HEAD, POST");
        Shop { visit, style }.message(fault)
    };
    pages::show(app, http, "ShowCashier", show, |visit, fault| Shop { visit, style }.message(fault)).await
}

/// The payment with this token, as it is now.
async fn find(visit: &Visit, token: &str) -> Result<Option<Payee>, Fault> {
    let is_token = |letter: u8| letter.is_ascii_alphanumeric() || matches!(letter, b'-' | b'_');
    if token.len() != TOKEN_LETTERS || !token.bytes().all(is_token) {
        return Ok(None);
    }
    service::find(visit.app(), visit.now(), token).await
}

/// Writes pages in the visitor's language.
struct Shop<'a> {
    visit: &'a Visit,
    style: &'a Style,
}

impl Shop<'_> {
    fn frame(&self) -> Frame<'_> {
        Frame::new(self.visit, self.style)
    }

    fn payment(&self, payee: &Payee, note: Option<Note>) -> Page {
        let frame = self.frame();
        frame.page(Page::new(page::payment(&frame, payee, note, self.visit.now())))
    }

    /// The payment, and what went wrong about it.
    fn refused(&self, payee: Payee, fault: Fault) -> Page {
        let frame = self.frame();
        let html = page::payment(&frame, &payee, Some(Note::of(fault.code())), self.visit.now());
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
