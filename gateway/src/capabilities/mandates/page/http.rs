//! The page at which a fan decides about a mandate.

use std::sync::Arc;

use actix_web::http::StatusCode;
use actix_web::web::ServiceConfig;
use serde::Deserialize;

use super::service::{self, MandateRequest};
use super::view::{self, Note};
use crate::capabilities::sign_in;
use crate::edge::Edge;
use crate::edge::page_request::Page;
use crate::edge::pages::form_page::{self, FormPage, Visit};
use crate::edge::pages::is_token;
use crate::platform::fault::Fault;

/// Where the page is.
pub const PATH: &str = "/mandate/{token}";

/// Mounts the page.
pub fn configure(config: &mut ServiceConfig, edge: &Arc<Edge>) {
    form_page::mount(config, edge, MandatePage);
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
    decision: Decision,
}

struct MandatePage;

impl MandatePage {
    fn page(visit: &Visit<'_>, asked: &MandateRequest, note: Option<Note>) -> Page {
        let frame = visit.frame();
        let provider = sign_in::provider_name(visit.edge());
        let html = view::asked(&frame, asked, note, (&visit.form_code(), &provider), visit.request.now());
        frame.page(Page::new(html))
    }
}

impl FormPage for MandatePage {
    const PATH: &'static str = PATH;
    const VIEW: &'static str = "ShowMandate";
    const DECIDE: &'static str = "DecideOnMandate";
    // A code and a short word.
    const FORM_BYTES_MAX: usize = 1_024;
    type Subject = MandateRequest;
    type Form = Form;

    async fn find(&self, visit: &Visit<'_>, token: &str) -> Result<Option<MandateRequest>, Fault> {
        if !is_token(token) {
            return Ok(None);
        }
        service::find(visit.edge(), visit.request.now(), &visit.browser, token).await
    }

    async fn view(&self, visit: &Visit<'_>, asked: &MandateRequest, cross_site: bool) -> Page {
        Self::page(visit, asked, cross_site.then_some(Note::Elsewhere))
    }

    async fn decide(&self, visit: &Visit<'_>, token: &str, asked: MandateRequest, form: Form) -> Page {
        if form.decision == Decision::SignIn && !asked.can_decide && sign_in::is_offered(visit.edge()) {
            return sign_in::as_somebody_else(visit, format!("/mandate/{token}")).await;
        }
        if !asked.can_decide || form.decision == Decision::SignIn {
            return Self::page(visit, &asked, None).status(StatusCode::FORBIDDEN);
        }
        let agrees = form.decision == Decision::Agree;
        match service::decide(visit.edge(), visit.request.now(), &asked, agrees).await {
            Ok(true) => Page::see_other(format!("/mandate/{token}")),
            // Decided before, or too late: the page says how it stands.
            Ok(false) => match self.find(visit, token).await {
                Ok(Some(asked)) => Self::page(visit, &asked, Some(Note::Decided)).status(StatusCode::CONFLICT),
                Ok(None) => self.not_found(visit),
                Err(fault) => visit.error_page(fault),
            },
            Err(fault) => visit.error_page(fault),
        }
    }

    fn not_found(&self, visit: &Visit<'_>) -> Page {
        let frame = visit.frame();
        let title = frame.text("This link is not valid", "链接无效");
        let text = frame.text(
            "The link may be incomplete. Please open it again from where you received it, or ask for a new one. Nothing has been agreed.",
            "链接可能不完整。请回到原页面重新打开，或重新获取链接。未作任何授权。",
        );
        visit.message(StatusCode::NOT_FOUND, title, text)
    }
}
