//! Requests for HTML pages, which browsers send, in contrast to API calls.
//!
//! Invariants: a page is under the same limits as every request (IP address, sizes, body in size and time); it is logged and
//! counted under a fixed name, never under its URL, which may be a secret.

use std::sync::Arc;

use actix_web::http::StatusCode;
use actix_web::http::header::{self, HeaderName, HeaderValue};
use actix_web::web::{Bytes, Payload};
use actix_web::{HttpRequest, HttpResponse};
use quanzi_openapi::endpoint::BodyKind;
use quanzi_openapi::{ErrorCode, Operation, Time};
use serde::de::DeserializeOwned;
use tracing::Instrument as _;

use super::answer::Answer;
use super::body::{self, Bounds};
use super::exchange::Exchange;
use crate::edge::Edge;
use crate::platform::fault::Fault;

const HTML: &str = "text/html; charset=utf-8";

/// What every page of a capability is sent with: nothing but our own stylesheet and pictures, no script, no frame around it.
const POLICY: &str = "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; frame-ancestors 'none'; \
                      form-action 'self'";

/// Pages have no declaration in the contract.
static NO_OPERATION: Operation = Operation::of::<quanzi_openapi::operations::GetLiveness>();

/// A request for a page.
pub(crate) struct PageRequest(Exchange);

/// A page as it is to be sent.
#[derive(Debug)]
pub(crate) struct Page {
    status: u16,
    html: String,
    headers: Vec<(&'static str, String)>,
    fault: Option<Fault>,
}

impl Page {
    /// A page that shows what was asked for.
    pub fn new(html: String) -> Self {
        Self { status: 200, html, headers: Vec::new(), fault: None }
    }

    /// A page that says what went wrong; how to say it is the page's own business.
    pub fn refusal(fault: Fault, html: String) -> Self {
        Self { status: fault.code().status(), html, headers: Vec::new(), fault: Some(fault) }
    }

    /// A redirect to a path of the gateway, after a form, so that reloading does not send it again.
    ///
    /// Not for another origin: browsers hold the `form-action` of the page a form was on against every redirect that follows, also
    /// those of others. There leads [`Frame::leave`](crate::edge::pages::Frame::leave).
    pub fn see_other(path: String) -> Self {
        let headers = vec![("location", path)];
        Self { status: 303, html: String::new(), headers, fault: None }
    }

    /// With this status, where no error code of the API has it.
    pub fn status(mut self, status: StatusCode) -> Self {
        self.status = status.as_u16();
        self
    }

    /// With one more header.
    pub fn header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }
}

impl PageRequest {
    /// The gateway.
    pub fn edge(&self) -> &Edge {
        &self.0.edge
    }

    /// When the page was asked for.
    pub const fn now(&self) -> Time {
        self.0.now
    }

    /// A header, if there is one that can be read.
    pub fn header(&self, name: HeaderName) -> Option<&str> {
        self.0.http.headers().get(name).map(HeaderValue::to_str).and_then(Result::ok)
    }

    /// What the address says after its path; nothing where it says something twice.
    pub fn query<T: DeserializeOwned>(&self) -> Option<T> {
        serde_urlencoded::from_str(self.0.http.query_string()).ok()
    }

    /// The path and what follows it, as it was sent.
    pub fn target(&self) -> &str {
        self.0.http.uri().path_and_query().map_or("/", |target| target.as_str())
    }

    /// The cookie of this name (RFC 6265, 5.4); the first, when a browser sends two.
    pub fn cookie(&self, name: &str) -> Option<&str> {
        let fields = self.0.http.headers().get_all(header::COOKIE).filter_map(|field| field.to_str().ok());
        fields.flat_map(|field| field.split(';')).find_map(|pair| {
            let (named, value) = pair.trim().split_once('=')?;
            (named == name).then_some(value)
        })
    }

    /// The form that was sent, as it was sent, of at most so many bytes.
    pub async fn form_bytes(&self, payload: Payload, bytes_max: usize) -> Result<Bytes, Fault> {
        let seconds_max = self.edge().config.body_timeout_seconds;
        let bounds = Bounds { bytes_max, seconds_max, checks_digest: false, hints: false };
        let bytes = body::read(&self.0.http, payload, &bounds).await?;
        body::check_type(&self.0.http, BodyKind::Form, bytes.is_empty())?;
        Ok(bytes)
    }

    /// What a form says.
    pub fn read_form<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Fault> {
        serde_urlencoded::from_bytes(bytes)
            .map_err(|error| Fault::new(ErrorCode::BodyMalformed).because(error.to_string()))
    }

    /// Whether a browser says that a page of somebody else sent this.
    ///
    /// `Origin: null` says nothing: it is what browsers send from a page without referrer, which ours are, and those that are
    /// old or on plain HTTP send no `Sec-Fetch-Site` beside it.
    pub fn is_cross_site(&self) -> bool {
        if let Some(site) = self.header(HeaderName::from_static("sec-fetch-site")) {
            return !matches!(site, "same-origin" | "none");
        }
        let config = &self.edge().config;
        let mut own = std::iter::once(&config.public_url).chain(&config.public_url_aliases);
        self.header(header::ORIGIN).is_some_and(|origin| origin != "null" && !own.any(|own| own == origin))
    }

    fn finish(&self, name: &'static str, page: Page) -> HttpResponse {
        let code = page.fault.as_ref().map(Fault::code);
        match &page.fault {
            Some(fault) if page.status >= 500 => {
                tracing::error!(code = %fault.code(), cause = fault.cause().map(tracing::field::display), "failed");
            }
            Some(fault) => {
                let cause = fault.cause().map(tracing::field::display);
                tracing::info!(code = %fault.code(), status = page.status, cause, "refused");
            }
            None => tracing::info!(status = page.status, "answered"),
        }
        let metrics = &self.edge().metrics;
        metrics.observe(name, page.status, code, self.0.started.elapsed().as_secs_f64());
        if let (Some(ErrorCode::RateLimited), Some(left)) = (code, &self.0.left) {
            metrics.rate_limited(left.name());
        }
        self.0.finish(answer(page))
    }
}

/// Shows a page: `show` when the request is within the limits, otherwise `refuse`.
pub(crate) async fn show(
    edge: &Arc<Edge>,
    http: HttpRequest,
    name: &'static str,
    show: impl AsyncFnOnce(&PageRequest) -> Page,
    refuse: impl FnOnce(&PageRequest, Fault) -> Page,
) -> HttpResponse {
    let mut exchange = Exchange::open(edge, http, &NO_OPERATION);
    let span = tracing::info_span!("request", id = %exchange.id, operation = name);
    let work = async {
        let outside = exchange.check_outside();
        let page_request = PageRequest(exchange);
        let page = match outside {
            Ok(()) => show(&page_request).await,
            Err(fault) => refuse(&page_request, fault),
        };
        page_request.finish(name, page)
    };
    edge.metrics.watch(work.instrument(span)).await
}

/// The same limits for pages that answer by themselves: the refusal, when a request is not within them.
pub(crate) fn refuse_outside(edge: &Arc<Edge>, http: &HttpRequest) -> Option<HttpResponse> {
    let mut exchange = Exchange::open(edge, http.clone(), &NO_OPERATION);
    let fault = exchange.check_outside().err()?;
    if let (ErrorCode::RateLimited, Some(left)) = (fault.code(), &exchange.left) {
        edge.metrics.rate_limited(left.name());
    }
    Some(exchange.finish(exchange.refuse(&fault)))
}

fn answer(page: Page) -> Answer {
    let mut headers: Vec<(String, String)> = [
        ("cache-control", "no-store"),
        ("referrer-policy", "no-referrer"),
        ("cross-origin-opener-policy", "same-origin"),
        ("cross-origin-resource-policy", "same-origin"),
        // For browsers that do not know `frame-ancestors`.
        ("x-frame-options", "DENY"),
        ("x-robots-tag", "noindex, nofollow"),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .to_vec();
    headers.push(("content-security-policy".to_owned(), POLICY.to_owned()));
    headers.extend(page.headers.into_iter().map(|(name, value)| (name.to_owned(), value)));
    if let Some(fault) = &page.fault {
        headers.extend(fault.headers().iter().map(|(name, value)| ((*name).to_owned(), value.clone())));
        headers.extend(fault.retry_after_seconds().map(|seconds| ("retry-after".to_owned(), seconds.to_string())));
    }
    let content_type = (!page.html.is_empty()).then_some(HTML);
    Answer { status: page.status, content_type, headers, body: page.html.into() }
}
