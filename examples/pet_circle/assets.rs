//! The site's own style and script; nothing comes from elsewhere.

use actix_web::HttpResponse;

pub async fn style() -> HttpResponse {
    asset("text/css; charset=utf-8", include_str!("style.css"))
}

pub async fn script() -> HttpResponse {
    asset("text/javascript; charset=utf-8", include_str!("live.js"))
}

fn asset(kind: &str, text: &'static str) -> HttpResponse {
    HttpResponse::Ok()
        .insert_header(("content-type", kind))
        .insert_header(("cache-control", "public, max-age=60"))
        .insert_header(("x-content-type-options", "nosniff"))
        .body(text)
}
