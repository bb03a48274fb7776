//! Mounts the stylesheet.

use std::sync::Arc;

use actix_web::http::header;
use actix_web::web::{self, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse};

use super::style::{CSS, Style};
use crate::edge::Edge;
use crate::edge::page_request;

/// Mounts what all pages share.
pub fn configure(config: &mut ServiceConfig, edge: &Arc<Edge>) {
    let edge = Arc::clone(edge);
    let sheet = web::get().to(move |http: HttpRequest| {
        let refusal = page_request::refuse_outside(&edge, &http);
        std::future::ready(refusal.unwrap_or_else(stylesheet))
    });
    config.service(web::resource(Style::new().path).route(sheet));
}

fn stylesheet() -> HttpResponse {
    HttpResponse::Ok()
        .insert_header((header::CONTENT_TYPE, "text/css; charset=utf-8"))
        .insert_header((header::CACHE_CONTROL, "public, max-age=31536000, immutable"))
        .insert_header((header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .insert_header(("cross-origin-resource-policy", "same-origin"))
        .body(CSS)
}
