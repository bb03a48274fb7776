//! Mounts the redirect URI of the identity provider.

use std::sync::Arc;

use actix_web::http::StatusCode;
use actix_web::web::{self, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse};
use serde::Deserialize;

use super::service::{self, Arrived, BACK_PATH, Reauthentication};
use crate::edge::Edge;
use crate::edge::page_request::{self, Page, PageRequest};
use crate::edge::pages::form_page::Visit;
use crate::edge::pages::{Frame, Style};
use crate::edge::sessions::Browser;
use crate::platform::fault::Fault;

/// Mounts the address, where there is a provider.
pub fn configure(config: &mut ServiceConfig, edge: &Arc<Edge>) {
    if !service::is_offered(edge) {
        return;
    }
    let (edge, style) = (Arc::clone(edge), Arc::new(Style::new()));
    let arrive = web::get().to(move |http: HttpRequest| {
        let (edge, style) = (Arc::clone(&edge), Arc::clone(&style));
        async move { arrive(&edge, &style, http).await }
    });
    config.service(web::resource(BACK_PATH).route(arrive));
}

/// What the address says (RFC 6749, 4.1.2).
#[derive(Deserialize)]
struct Query {
    state: String,
    code: Option<String>,
}

async fn arrive(edge: &Arc<Edge>, style: &Style, http: HttpRequest) -> HttpResponse {
    let show = async |page_request: &PageRequest| {
        let arrived = match page_request.query::<Query>() {
            Some(query) => {
                let browser = Browser::of(page_request);
                service::arrive(page_request.edge(), page_request.now(), browser, &query.state, query.code.as_deref())
                    .await
            }
            None => Ok(None),
        };
        match arrived {
            Ok(Some(Arrived { browser, target })) => browser.set_cookie(Page::see_other(target)),
            Ok(None) => lost(page_request, style),
            Err(fault) => outside(page_request, style, fault),
        }
    };
    page_request::show(edge, http, "ArriveSignedIn", show, |page_request, fault| outside(page_request, style, fault))
        .await
}

fn lost(page_request: &PageRequest, style: &Style) -> Page {
    let frame = Frame::new(page_request, style);
    let title = frame.text("This sign-in is no longer valid", "登录已失效");
    let text = frame.text("Please go back to where you came from and start again.", "请返回原页面重新开始。");
    frame.page(Page::new(frame.message(title, text)).status(StatusCode::BAD_REQUEST))
}

fn outside(page_request: &PageRequest, style: &Style, fault: Fault) -> Page {
    let frame = Frame::new(page_request, style);
    let (title, text) = frame.error_text(fault.code());
    frame.page(Page::refusal(fault, frame.message(title, text)))
}

/// Sends the browser to the provider, and back to this page. The signed-in person is someone else, who has to sign out there as well.
pub async fn as_somebody_else(visit: &Visit<'_>, back: String) -> Page {
    let reauthentication = Reauthentication { again: true, max_age: None };
    match service::begin(visit.edge(), visit.request.now(), &visit.browser, &back, reauthentication).await {
        Ok(url) => visit.frame().leave(&url),
        Err(fault) => visit.error_page(fault),
    }
}
