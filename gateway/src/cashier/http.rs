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
use crate::pages::{Frame, Style, is_token};
use crate::sessions::Browser;
use crate::sign_in;

/// Longest form: a code and two short words.
const FORM_BYTES_MAX: usize = 1_024;

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
    code: Option<String>,
    decision: Decision,
    appear: Option<TipDisclosure>,
}

async fn look(app: &Arc<App>, style: &Style, http: HttpRequest, token: &str) -> HttpResponse {
    let show = async |visit: &Visit| {
        let from = Shop::new(visit, style);
        let page = match from.find(token).await {
            Ok(Some(payee)) => from.payment(&payee, None),
            Ok(None) => from.lost(),
            Err(fault) => from.message(fault),
        };
        from.browser.keep(page)
    };
    pages::show(app, http, "ShowCashier", show, |visit, fault| Shop::new(visit, style).message(fault)).await
}

async fn decide(app: &Arc<App>, style: &Style, http: HttpRequest, token: &str, payload: Payload) -> HttpResponse {
    let show = async |visit: &Visit| {
        let from = Shop::new(visit, style);
        // Before anything is read of a body: whoever guesses tokens shall not be worth more work than a look-up.
        let payee = match from.find(token).await {
            Ok(Some(payee)) => payee,
            Ok(None) => return from.lost(),
            Err(fault) => return from.message(fault),
        };
        if visit.is_from_elsewhere() {
            return from.elsewhere(&payee);
        }
        let form: Form = match visit.form(payload, FORM_BYTES_MAX).await {
            Ok(form) => form,
            Err(fault) => return from.refused(payee, fault),
        };
        if !from.browser.made_form(visit.app(), form.code.as_deref()) {
            return from.elsewhere(&payee);
        }
        if form.decision == Decision::SignIn && !payee.can_decide && sign_in::is_offered(visit.app()) {
            return from.sign_in(token).await;
        }
        if !payee.can_decide {
            return from.payment(&payee, None).status(StatusCode::FORBIDDEN);
        }
        match service::decide(visit.app(), visit.now(), &payee, form.decision, form.appear).await {
            Ok(()) => Page::see_other(format!("/pay/{token}")),
            Err(fault) => match from.find(token).await {
                Ok(Some(payee)) => from.refused(payee, fault),
                Ok(None) | Err(_) => from.message(fault),
            },
        }
    };
    pages::show(app, http, "DecideAtCashier", show, |visit, fault| Shop::new(visit, style).message(fault)).await
}

/// A method that is neither looking nor deciding.
async fn other(app: &Arc<App>, style: &Style, http: HttpRequest) -> HttpResponse {
    let show = async |visit: &Visit| {
        let fault = Fault::new(ErrorCode::MethodNotAllowed).header("allow", "GET, HEAD, POST");
        Shop::new(visit, style).message(fault)
    };
    pages::show(app, http, "ShowCashier", show, |visit, fault| Shop::new(visit, style).message(fault)).await
}

/// Serves one browser, in its language.
struct Shop<'a> {
    visit: &'a Visit,
    style: &'a Style,
    browser: Browser,
}

impl<'a> Shop<'a> {
    fn new(visit: &'a Visit, style: &'a Style) -> Self {
        Self { visit, style, browser: Browser::of(visit) }
    }

    /// The payment with this token, as it is now.
    async fn find(&self, token: &str) -> Result<Option<Payee>, Fault> {
        if !is_token(token) {
            return Ok(None);
        }
        service::find(self.visit.app(), self.visit.now(), &self.browser, token).await
    }

    /// To the provider, and back to this page. Whoever is signed in is somebody else: so there as well.
    async fn sign_in(&self, token: &str) -> Page {
        let wish = sign_in::Wish { again: true, max_age: None };
        let (app, now, back) = (self.visit.app(), self.visit.now(), format!("/pay/{token}"));
        match sign_in::begin(app, now, &self.browser, &back, wish).await {
            Ok(url) => self.frame().leave(&url),
            Err(fault) => self.message(fault),
        }
    }

    /// A form that this browser did not get from us.
    fn elsewhere(&self, payee: &Payee) -> Page {
        self.browser.keep(self.payment(payee, Some(Note::Elsewhere)).status(StatusCode::FORBIDDEN))
    }

    fn html(&self, frame: &Frame<'_>, payee: &Payee, note: Option<Note>) -> String {
        let code = self.browser.form_code(self.visit.app());
        let provider = sign_in::provider_name(self.visit.app());
        page::payment(frame, payee, note, (&code, &provider), self.visit.now())
    }

    fn frame(&self) -> Frame<'_> {
        Frame::new(self.visit, self.style)
    }

    fn payment(&self, payee: &Payee, note: Option<Note>) -> Page {
        let frame = self.frame();
        frame.page(Page::new(self.html(&frame, payee, note)))
    }

    /// The payment, and what went wrong about it.
    fn refused(&self, payee: Payee, fault: Fault) -> Page {
        let frame = self.frame();
        let html = self.html(&frame, &payee, Some(Note::of(fault.code())));
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
