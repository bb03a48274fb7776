//! Mounts the documentation: plain GET, public, cacheable, every response under the same strict policy.

use std::sync::OnceLock;

use actix_web::http::StatusCode;
use actix_web::http::header::{self, HeaderMap, HeaderValue};
use actix_web::{HttpRequest, HttpResponse, guard, web};

use crate::site::{Answer, Site};

/// Only this origin, only what these pages use: a stylesheet, a script, a picture.
const POLICY: &str = "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; \
                      base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// Looks at a request before a page does, and may refuse it.
type Entrance = Box<dyn Fn(&HttpRequest) -> Option<HttpResponse> + Send + Sync>;

/// Refuses a request for its method; the text lists the methods that are allowed.
type RefuseMethod = Box<dyn Fn(HttpRequest, &'static str) -> HttpResponse + Send + Sync>;

/// What the pages say about the gateway they are served by, and what that gateway decides.
pub struct DocsSettings {
    /// The gateway's public address, without a slash at its end.
    pub public_url: String,
    /// Whether it is a sandbox.
    pub is_sandbox: bool,
    /// Who may see the pages how often.
    pub entrance: Entrance,
    /// What a method is answered that no page takes.
    pub refuse_method: RefuseMethod,
}

/// The site: every page of one gateway.
pub struct Docs {
    settings: DocsSettings,
    site: OnceLock<Site>,
}

impl Docs {
    /// For a gateway with these settings.
    pub const fn new(settings: DocsSettings) -> Self {
        Self { settings, site: OnceLock::new() }
    }

    /// The pages; made when the first is asked for, so that they cost nothing at start.
    pub(crate) fn site(&self) -> &Site {
        self.site.get_or_init(|| Site::new(&self.settings.public_url, self.settings.is_sandbox))
    }
}

/// Mounts every page. Needs `web::Data<Docs>`.
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

async fn page(request: HttpRequest, docs: web::Data<Docs>) -> HttpResponse {
    if let Some(refusal) = (docs.settings.entrance)(&request) {
        return refusal;
    }
    let path = request.path();
    if path == "/" {
        return redirect("/docs", StatusCode::FOUND);
    }
    if let Some(plain) = path.strip_suffix('/') {
        return redirect(plain, StatusCode::PERMANENT_REDIRECT);
    }
    let site = docs.site();
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

/// `to` is a path on this host: a path that starts with two slashes would lead to another host, so it leads home.
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

/// Any other method, refused as everywhere else.
async fn not_allowed(request: HttpRequest, docs: web::Data<Docs>) -> HttpResponse {
    (docs.settings.refuse_method)(request, "GET, HEAD")
}
