//! Mounts the page: one path to view and to revoke.

use std::sync::Arc;

use actix_web::http::StatusCode;
use actix_web::web::{self, Payload, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse, guard};
use quanzi_openapi::ErrorCode;
use quanzi_openapi::id::{FanId, GrantId, MandateId, PartnerId};
use serde::Deserialize;

use super::{page, service};
use crate::capabilities::sign_in;
use crate::edge::Edge;
use crate::edge::page_request::{self, Page, PageRequest};
use crate::edge::pages::{Frame, Style};
use crate::edge::sessions::Browser;
use crate::platform::fault::Fault;

const PATH: &str = "/me";
/// Longest form: a code, two ids and a word.
const FORM_BYTES_MAX: usize = 1_024;

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
    config.service(web::resource(PATH).route(look).route(decide).default_service(other));
}

/// What the address says.
#[derive(Deserialize)]
struct Query {
    /// The last partner of the page before, as the fan the person is there.
    after: Option<FanId>,
}

/// What a person can do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Decision {
    /// Take a grant back.
    RevokeGrant,
    /// Take a mandate back.
    RevokeMandate,
    /// Sign in at the provider (live mode).
    SignIn,
    /// Sign out.
    SignOut,
}

/// What the form says.
#[derive(Deserialize)]
struct Form {
    code: Option<String>,
    decision: Decision,
    partner: Option<String>,
    grant: Option<String>,
    mandate: Option<String>,
}

impl Form {
    fn partner(&self) -> Result<PartnerId, Fault> {
        self.partner.as_deref().unwrap_or_default().parse().map_err(|_| ErrorCode::FanNotFound.into())
    }

    fn grant(&self) -> Result<GrantId, Fault> {
        self.grant.as_deref().unwrap_or_default().parse().map_err(|_| ErrorCode::GrantNotFound.into())
    }

    fn mandate(&self) -> Result<MandateId, Fault> {
        self.mandate.as_deref().unwrap_or_default().parse().map_err(|_| ErrorCode::MandateNotFound.into())
    }
}

async fn look(edge: &Arc<Edge>, style: &Style, http: HttpRequest) -> HttpResponse {
    let show = async |page_request: &PageRequest| {
        let desk = Desk { page_request, style, browser: Browser::of(page_request) };
        let page = desk.shown(false).await;
        desk.browser.keep(page)
    };
    page_request::show(edge, http, "ShowMe", show, |page_request, fault| outside(page_request, style, fault)).await
}

async fn decide(edge: &Arc<Edge>, style: &Style, http: HttpRequest, payload: Payload) -> HttpResponse {
    let show = async |page_request: &PageRequest| {
        let desk = Desk { page_request, style, browser: Browser::of(page_request) };
        let form: Form = match page_request.form(payload, FORM_BYTES_MAX).await {
            Ok(form) => form,
            Err(fault) => return outside(page_request, style, fault),
        };
        if page_request.is_from_elsewhere() || !desk.browser.made_form(page_request.edge(), form.code.as_deref()) {
            let page = desk.shown(true).await.status(StatusCode::FORBIDDEN);
            return desk.browser.keep(page);
        }
        desk.act(&form).await.unwrap_or_else(|fault| outside(page_request, style, fault))
    };
    page_request::show(edge, http, "DecideOnMe", show, |page_request, fault| outside(page_request, style, fault)).await
}

/// A method that is neither looking nor deciding.
async fn other(edge: &Arc<Edge>, style: &Style, http: HttpRequest) -> HttpResponse {
    let show = async |page_request: &PageRequest| {
        outside(page_request, style, Fault::new(ErrorCode::MethodNotAllowed).header("allow", "GET, HEAD, POST"))
    };
    page_request::show(edge, http, "ShowMe", show, |page_request, fault| outside(page_request, style, fault)).await
}

fn outside(page_request: &PageRequest, style: &Style, fault: Fault) -> Page {
    let frame = Frame::new(page_request, style);
    let gone = matches!(fault.code(), ErrorCode::GrantNotFound | ErrorCode::MandateNotFound | ErrorCode::FanNotFound);
    let (title, text) = if gone {
        let title = frame.say("Nothing here", "内容不存在");
        (
            title,
            frame.say(
                "It may already have been removed. Please open your page again.",
                "该授权可能已取消，请重新打开“我的页面”。",
            ),
        )
    } else {
        frame.trouble(fault.code())
    };
    frame.page(Page::refusal(fault, frame.message(title, text)))
}

/// Serves one browser.
struct Desk<'a> {
    page_request: &'a PageRequest,
    style: &'a Style,
    browser: Browser,
}

impl Desk<'_> {
    /// The page of the signed-in person; with a note when a form came from elsewhere.
    async fn shown(&self, from_elsewhere: bool) -> Page {
        let frame = Frame::new(self.page_request, self.style);
        let app = self.page_request.edge();
        let note = frame.say(
            "The request did not come from this page. Nothing has changed; please choose again.",
            "请求并非来自本页面，未作任何更改，请重新选择。",
        );
        let after = self.page_request.query::<Query>().and_then(|query| query.after);
        match service::find(app, self.page_request.now(), &self.browser, after).await {
            Ok(Some(own)) => {
                let note = from_elsewhere.then_some(note);
                frame.page(Page::new(page::me(&frame, &own, note, &self.browser.form_code(app))))
            }
            Ok(None) => {
                let html = page::stranger(&frame, &sign_in::provider_name(app), &self.browser.form_code(app));
                frame.page(Page::new(html))
            }
            Err(fault) => outside(self.page_request, self.style, fault),
        }
    }

    async fn act(&self, form: &Form) -> Result<Page, Fault> {
        let (app, now, browser) = (self.page_request.edge(), self.page_request.now(), &self.browser);
        let again = Page::see_other(PATH.to_owned());
        // The page of partners on which it was taken back.
        let same = Page::see_other(self.page_request.target().to_owned());
        match form.decision {
            Decision::RevokeGrant => {
                service::revoke_grant(app, now, browser, form.partner()?, form.grant()?).await?;
                Ok(same)
            }
            Decision::RevokeMandate => {
                service::revoke_mandate(app, now, browser, form.partner()?, form.mandate()?).await?;
                Ok(same)
            }
            Decision::SignIn if !sign_in::is_offered(app) => Ok(again),
            Decision::SignIn => {
                let url = sign_in::begin(app, now, browser, PATH, sign_in::Reauthentication::default()).await?;
                Ok(Frame::new(self.page_request, self.style).leave(&url))
            }
            Decision::SignOut => Ok(service::sign_out(app, browser).await?.keep(again)),
        }
    }
}
