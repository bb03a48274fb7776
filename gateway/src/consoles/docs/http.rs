//! Mounts the documentation: plain GET, public, cacheable, every answer under the same strict policy.

use std::sync::OnceLock;

use actix_web::http::StatusCode;
use actix_web::http::header::{self, HeaderMap, HeaderValue};
use actix_web::{HttpRequest, HttpResponse, guard, web};
use quanzi_openapi::ErrorCode;
use quanzi_openapi::problem::PROBLEM_TYPE;

use crate::platform::clock::Clock;
use crate::platform::fault::Fault;

use super::site::{Answer, Site};

/// Only this origin, only what these pages use: a stylesheet, a script, a picture.
const POLICY: &str = "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; \
                      base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// Looks at a request before a page does, and may refuse it.
type Entrance = Box<dyn Fn(&HttpRequest) -> Option<HttpResponse> + Send + Sync>;

/// What the pages say about the gateway they are served by, and who may see them how often.
pub struct DocsSettings {
    public_url: String,
    sandbox: bool,
    entrance: Entrance,
    site: OnceLock<Site>,
}

impl DocsSettings {
    /// For a gateway at this public address (no slash at the end), in sandbox mode or live.
    pub fn new(
        public_url: impl Into<String>,
        sandbox: bool,
        entrance: impl Fn(&HttpRequest) -> Option<HttpResponse> + Send + Sync + 'static,
    ) -> Self {
        Self { public_url: public_url.into(), sandbox, entrance: Box::new(entrance), site: OnceLock::new() }
    }

    /// The pages; made when the first is asked for, so that they cost nothing at start.
    pub(super) fn site(&self) -> &Site {
        self.site.get_or_init(|| Site::new(&self.public_url, self.sandbox))
    }
}

/// Mounts every page. Needs `web::Data<DocsSettings>`.
pub fn configure(config: &mut web::ServiceConfig) {
    for path in [
        "/",
        "/docs",
        "/docs/{page:.*}",
        "/errors",
        "/errors/{code:.*}",
        "/openapi.json",
        "/llms.txt",
        "/llms-full.txt",
        "/favicon.svg",
    ] {
        let reads = guard::Any(guard::Get()).or(guard::Head());
        config.service(
            web::resource(path).route(web::route().guard(reads).to(page)).default_service(web::to(not_allowed)),
        );
    }
}

async fn page(request: HttpRequest, settings: web::Data<DocsSettings>) -> HttpResponse {
    if let Some(refusal) = (settings.entrance)(&request) {
        return refusal;
    }
    let path = request.path();
    if path == "/" {
        return redirect("/docs", StatusCode::FOUND);
    }
    if let Some(plain) = path.strip_suffix('/') {
        return redirect(plain, StatusCode::PERMANENT_REDIRECT);
    }
    let site = settings.site();
    match site.find(path, text(request.headers(), &header::ACCEPT)) {
        Some(answer) => send(&request, answer, StatusCode::OK),
        None => send(&request, site.not_found(), StatusCode::NOT_FOUND),
    }
}

fn send(request: &HttpRequest, answer: &Answer, status: StatusCode) -> HttpResponse {
    let known = text(request.headers(), &header::IF_NONE_MATCH);
    let unchanged =
        status == StatusCode::OK && known.split(',').any(|tag| tag.trim().trim_start_matches("W/") == answer.etag);
    let mut response = HttpResponse::build(if unchanged { StatusCode::NOT_MODIFIED } else { status });
    protect(&mut response);
    response
        .insert_header((header::ETAG, answer.etag.clone()))
        .insert_header((header::CACHE_CONTROL, answer.cache))
        .insert_header((header::VARY, "Accept"));
    if unchanged {
        return response.finish();
    }
    response.insert_header((header::CONTENT_TYPE, answer.media_type));
    // For HEAD too: the server then sends the length and keeps the body.
    response.body(answer.body.clone())
}

/// `to` is a path of ours: a path that begins with two slashes would lead to another host, so it leads home.
fn redirect(to: &str, status: StatusCode) -> HttpResponse {
    let to = if to.starts_with("//") || to.is_empty() { "/docs" } else { to };
    let mut response = HttpResponse::build(status);
    protect(&mut response);
    response.insert_header((header::LOCATION, to)).finish()
}

fn protect(response: &mut actix_web::HttpResponseBuilder) {
    response
        .insert_header((header::CONTENT_SECURITY_POLICY, POLICY))
        .insert_header((header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .insert_header((header::REFERRER_POLICY, "no-referrer"))
        .insert_header(("Cross-Origin-Opener-Policy", "same-origin"));
}

fn text<'h>(headers: &'h HeaderMap, name: &header::HeaderName) -> &'h str {
    headers.get(name).map(HeaderValue::to_str).and_then(Result::ok).unwrap_or_default()
}

/// Any other method, refused as everywhere else (RFC 9457).
async fn not_allowed(request: HttpRequest, settings: web::Data<DocsSettings>) -> HttpResponse {
    if let Some(refusal) = (settings.entrance)(&request) {
        return refusal;
    }
    let request_id = format!("req_{}", Clock::system().random_text());
    let fault = Fault::new(ErrorCode::MethodNotAllowed).detail("A page takes GET and HEAD only.");
    HttpResponse::MethodNotAllowed()
        .insert_header(("allow", "GET, HEAD"))
        .insert_header(("cache-control", "no-store"))
        .insert_header(("request-id", request_id.clone()))
        .content_type(PROBLEM_TYPE)
        .body(serde_json::to_vec(&fault.problem(&settings.public_url, &request_id)).unwrap_or_default())
}
