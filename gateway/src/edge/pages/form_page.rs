//! Pages with a form: viewing them, and deciding by the form. One gate stands before every decision.
//!
//! Invariants: what the page is about is looked up before any of the body is read, so that guessing addresses costs no more than a
//! look-up; a form is acted on only when it comes from a page of this gateway (`Sec-Fetch-Site`, `Origin`) and carries the code of the
//! browser's own cookie; otherwise the answer is 403 with the page as it was, and nothing has changed.

use std::sync::Arc;

use actix_web::http::StatusCode;
use actix_web::web::{self, Payload, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse, guard};
use quanzi_openapi::ErrorCode;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::frame::Frame;
use super::style::Style;
use crate::edge::Edge;
use crate::edge::page_request::{self, Page, PageRequest};
use crate::edge::sessions::Browser;
use crate::platform::fault::Fault;

/// One view of a page by one browser, in its language.
pub struct Visit<'a> {
    /// The request.
    pub request: &'a PageRequest,
    /// The browser that sent it.
    pub browser: Browser,
    style: &'a Style,
}

impl<'a> Visit<'a> {
    /// Of this request.
    pub fn new(request: &'a PageRequest, style: &'a Style) -> Self {
        Self { request, style, browser: Browser::of(request) }
    }

    /// The gateway.
    pub fn edge(&self) -> &'a Edge {
        self.request.edge()
    }

    /// What stands around the page.
    pub fn frame(&self) -> Frame<'_> {
        Frame::new(self.request, self.style)
    }

    /// The code that the page's form must carry.
    pub fn form_code(&self) -> String {
        self.browser.form_code(self.edge())
    }

    /// A page that says what went wrong and is no page's own business.
    pub fn error_page(&self, fault: Fault) -> Page {
        let frame = self.frame();
        let (title, text) = frame.error_text(fault.code());
        frame.page(Page::refusal(fault, frame.message(title, text)))
    }

    /// A page that says one thing, with this status.
    pub fn message(&self, status: StatusCode, title: &str, text: &str) -> Page {
        let frame = self.frame();
        frame.page(Page::new(frame.message(title, text)).status(status))
    }
}

/// A page at which a person decides by a form.
pub trait FormPage: 'static {
    /// Its path; `{token}` at most.
    const PATH: &'static str;
    /// What viewing it is called in logs and metrics.
    const VIEW: &'static str;
    /// What deciding is called there.
    const DECIDE: &'static str;
    /// The longest form.
    const FORM_BYTES_MAX: usize;
    /// What the page is about, looked up for each request.
    type Subject;
    /// What the form says, beside its code.
    type Form: DeserializeOwned;

    /// What the page is about; `token` is what stands in the path.
    async fn find(&self, visit: &Visit<'_>, token: &str) -> Result<Option<Self::Subject>, Fault>;

    /// The page. `cross_site` when a form was refused because it did not come from the page itself.
    async fn view(&self, visit: &Visit<'_>, subject: &Self::Subject, cross_site: bool) -> Page;

    /// Does what the form says.
    async fn decide(&self, visit: &Visit<'_>, token: &str, subject: Self::Subject, form: Self::Form) -> Page;

    /// The page when the form cannot be read.
    async fn refuse(&self, visit: &Visit<'_>, _subject: Self::Subject, fault: Fault) -> Page {
        visit.error_page(fault)
    }

    /// The page when there is nothing it could be about.
    fn not_found(&self, visit: &Visit<'_>) -> Page;

    /// The page for what went wrong before or beside all that.
    fn error_page(&self, visit: &Visit<'_>, fault: Fault) -> Page {
        visit.error_page(fault)
    }
}

/// The code in a form.
#[derive(Deserialize)]
struct Code {
    code: Option<String>,
}

/// Mounts a page for GET, HEAD and POST.
pub fn mount<P: FormPage + Send + Sync>(config: &mut ServiceConfig, edge: &Arc<Edge>, page: P) {
    let shared = Arc::new((Arc::clone(edge), Style::new(), page));
    let (views, decides, others) = (Arc::clone(&shared), Arc::clone(&shared), shared);
    let view = web::route().guard(guard::Any(guard::Get()).or(guard::Head())).to(move |http: HttpRequest| {
        let shared = Arc::clone(&views);
        async move { view(&shared.0, &shared.1, &shared.2, http).await }
    });
    let decide = web::post().to(move |http: HttpRequest, payload: Payload| {
        let shared = Arc::clone(&decides);
        async move { decide(&shared.0, &shared.1, &shared.2, http, payload).await }
    });
    let other = web::to(move |http: HttpRequest| {
        let shared = Arc::clone(&others);
        async move { other(&shared.0, &shared.1, &shared.2, http).await }
    });
    config.service(web::resource(P::PATH).route(view).route(decide).default_service(other));
}

fn token(http: &HttpRequest) -> String {
    http.match_info().get("token").unwrap_or_default().to_owned()
}

async fn view<P: FormPage>(edge: &Arc<Edge>, style: &Style, page: &P, http: HttpRequest) -> HttpResponse {
    let token = token(&http);
    let show = async |request: &PageRequest| {
        let visit = Visit::new(request, style);
        let shown = match page.find(&visit, &token).await {
            Ok(Some(subject)) => page.view(&visit, &subject, false).await,
            Ok(None) => page.not_found(&visit),
            Err(fault) => page.error_page(&visit, fault),
        };
        visit.browser.set_cookie(shown)
    };
    page_request::show(edge, http, P::VIEW, show, |request, fault| page.error_page(&Visit::new(request, style), fault))
        .await
}

async fn decide<P: FormPage>(
    edge: &Arc<Edge>,
    style: &Style,
    page: &P,
    http: HttpRequest,
    payload: Payload,
) -> HttpResponse {
    let token = token(&http);
    let show = async |request: &PageRequest| {
        let visit = Visit::new(request, style);
        let subject = match page.find(&visit, &token).await {
            Ok(Some(subject)) => subject,
            Ok(None) => return page.not_found(&visit),
            Err(fault) => return page.error_page(&visit, fault),
        };
        if request.is_cross_site() {
            return visit.browser.set_cookie(page.view(&visit, &subject, true).await.status(StatusCode::FORBIDDEN));
        }
        let sent = match request.form_bytes(payload, P::FORM_BYTES_MAX).await {
            Ok(sent) => sent,
            Err(fault) => return page.refuse(&visit, subject, fault).await,
        };
        let (form, code) = match (PageRequest::read_form(&sent), PageRequest::read_form::<Code>(&sent)) {
            (Ok(form), Ok(Code { code })) => (form, code),
            (Err(fault), _) | (_, Err(fault)) => return page.refuse(&visit, subject, fault).await,
        };
        if !visit.browser.has_valid_form_code(visit.edge(), code.as_deref()) {
            return visit.browser.set_cookie(page.view(&visit, &subject, true).await.status(StatusCode::FORBIDDEN));
        }
        page.decide(&visit, &token, subject, form).await
    };
    page_request::show(edge, http, P::DECIDE, show, |request, fault| {
        page.error_page(&Visit::new(request, style), fault)
    })
    .await
}

/// A method that neither views nor decides.
async fn other<P: FormPage>(edge: &Arc<Edge>, style: &Style, page: &P, http: HttpRequest) -> HttpResponse {
    let show = async |request: &PageRequest| {
        let fault = Fault::new(ErrorCode::MethodNotAllowed).header("allow", "GET, HEAD, POST");
        page.error_page(&Visit::new(request, style), fault)
    };
    page_request::show(edge, http, P::VIEW, show, |request, fault| page.error_page(&Visit::new(request, style), fault))
        .await
}
