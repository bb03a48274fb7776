//! The page at which a fan pays.

use std::sync::Arc;

use actix_web::http::StatusCode;
use actix_web::web::ServiceConfig;
use quanzi_openapi::ErrorCode;
use quanzi_openapi::tips::TipDisclosure;
use serde::Deserialize;

use super::page::{self, Note};
use super::service::{self, CashierPayment, Decision};
use crate::capabilities::payments::PaymentLookups;
use crate::capabilities::sign_in;
use crate::edge::Edge;
use crate::edge::page_request::Page;
use crate::edge::pages::form_page::{self, FormPage, Visit};
use crate::edge::pages::{Frame, is_token};
use crate::platform::fault::Fault;

/// Where the page is.
pub const PATH: &str = "/pay/{token}";

/// Mounts the page.
pub fn configure(config: &mut ServiceConfig, edge: &Arc<Edge>, lookups: &Arc<PaymentLookups>) {
    form_page::mount(config, edge, CashierPage { lookups: Arc::clone(lookups) });
}

/// What the form says.
#[derive(Deserialize)]
struct Form {
    decision: Decision,
    appear: Option<TipDisclosure>,
}

struct CashierPage {
    lookups: Arc<PaymentLookups>,
}

impl CashierPage {
    fn html(visit: &Visit<'_>, frame: &Frame<'_>, asked: &CashierPayment, note: Option<Note>) -> String {
        let provider = sign_in::provider_name(visit.edge());
        page::payment(frame, asked, note, (&visit.form_code(), &provider), visit.request.now())
    }

    fn page(visit: &Visit<'_>, asked: &CashierPayment, note: Option<Note>) -> Page {
        let frame = visit.frame();
        frame.page(Page::new(Self::html(visit, &frame, asked, note)))
    }

    /// The payment, and what went wrong about it.
    fn refused(visit: &Visit<'_>, asked: &CashierPayment, fault: Fault) -> Page {
        let frame = visit.frame();
        let html = Self::html(visit, &frame, asked, Some(Note::of(fault.code())));
        frame.page(Page::refusal(fault, html))
    }
}

impl FormPage for CashierPage {
    const PATH: &'static str = PATH;
    const VIEW: &'static str = "ShowCashier";
    const DECIDE: &'static str = "DecideAtCashier";
    // A code and two short words.
    const FORM_BYTES_MAX: usize = 1_024;
    type Subject = CashierPayment;
    type Form = Form;

    async fn find(&self, visit: &Visit<'_>, token: &str) -> Result<Option<CashierPayment>, Fault> {
        if !is_token(token) {
            return Ok(None);
        }
        service::find(visit.edge(), visit.request.now(), &visit.browser, token).await
    }

    async fn view(&self, visit: &Visit<'_>, asked: &CashierPayment, cross_site: bool) -> Page {
        Self::page(visit, asked, cross_site.then_some(Note::Elsewhere))
    }

    async fn decide(&self, visit: &Visit<'_>, token: &str, asked: CashierPayment, form: Form) -> Page {
        if form.decision == Decision::SignIn && !asked.can_decide && sign_in::is_offered(visit.edge()) {
            return sign_in::as_somebody_else(visit, format!("/pay/{token}")).await;
        }
        if !asked.can_decide {
            return Self::page(visit, &asked, None).status(StatusCode::FORBIDDEN);
        }
        let platform = (visit.edge() as &_, self.lookups.as_ref());
        match service::decide(platform, visit.request.now(), &asked, form.decision, form.appear).await {
            Ok(()) => Page::see_other(format!("/pay/{token}")),
            Err(fault) => match self.find(visit, token).await {
                Ok(Some(asked)) => Self::refused(visit, &asked, fault),
                Ok(None) | Err(_) => self.error_page(visit, fault),
            },
        }
    }

    async fn refuse(&self, visit: &Visit<'_>, asked: CashierPayment, fault: Fault) -> Page {
        Self::refused(visit, &asked, fault)
    }

    fn not_found(&self, visit: &Visit<'_>) -> Page {
        let frame = visit.frame();
        let html = page::message(&frame, ErrorCode::RouteNotFound);
        frame.page(Page::new(html).status(StatusCode::NOT_FOUND))
    }

    fn error_page(&self, visit: &Visit<'_>, fault: Fault) -> Page {
        let frame = visit.frame();
        let html = page::message(&frame, fault.code());
        frame.page(Page::refusal(fault, html))
    }
}
