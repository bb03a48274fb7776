//! Mounts the address that browsers come back to.

use std::sync::Arc;

use actix_web::http::StatusCode;
use actix_web::web::{self, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse};
use serde::Deserialize;

use super::service::{self, Arrived, BACK_PATH};
use crate::app::App;
use crate::fault::Fault;
use crate::http::pages::{self, Page, Visit};
use crate::pages::{Frame, Style};
use crate::sessions::Browser;

/// Mounts the address, where there is a provider.
pub fn configure(config: &mut ServiceConfig, app: &Arc<App>) {
    if !service::is_offered(app) {
        return;
    }
    let (app, style) = (Arc::clone(app), Arc::new(Style::new()));
    let arrive = web::get().to(move |http: HttpRequest| {
        let (app, style) = (Arc::clone(&app), Arc::clone(&style));
        async move { arrive(&app, &style, http).await }
    });
    config.service(web::resource(BACK_PATH).route(arrive));
}

/// What the address says (RFC 6749, 4.1.2).
#[derive(Deserialize)]
struct Query {
    state: String,
    code: Option<String>,
}

async fn arrive(app: &Arc<App>, style: &Style, http: HttpRequest) -> HttpResponse {
    let show = async |visit: &Visit| {
        let arrived = match visit.query::<Query>() {
            Some(query) => {
                let browser = Browser::of(visit);
                service::arrive(visit.app(), visit.now(), browser, &query.state, query.code.as_deref()).await
            }
            None => Ok(None),
        };
        match arrived {
            Ok(Some(Arrived { browser, target })) => browser.keep(Page::see_other(target)),
            Ok(None) => lost(visit, style),
            Err(fault) => outside(visit, style, fault),
        }
    };
    pages::show(app, http, "ArriveSignedIn", show, |visit, fault| outside(visit, style, fault)).await
}

fn lost(visit: &Visit, style: &Style) -> Page {
    let frame = Frame::new(visit, style);
    let title = frame.say("That sign-in is not good any more", "登录已失效");
    let text = frame.say("Go back to where you came from and start again.", "请返回原处重新开始。");
    frame.page(Page::new(frame.message(title, text)).status(StatusCode::BAD_REQUEST))
}

fn outside(visit: &Visit, style: &Style, fault: Fault) -> Page {
    let frame = Frame::new(visit, style);
    let (title, text) = frame.trouble(fault.code());
    frame.page(Page::refusal(fault, frame.message(title, text)))
}
