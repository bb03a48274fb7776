//! The page at which a person sees, and revokes, what partners were allowed.

use std::sync::Arc;

use actix_web::web::ServiceConfig;
use quanzi_openapi::ErrorCode;
use quanzi_openapi::id::{FanId, GrantId, MandateId, PartnerId};
use serde::Deserialize;

use super::{page, service};
use crate::capabilities::sign_in;
use crate::edge::Edge;
use crate::edge::page_request::Page;
use crate::edge::pages::form_page::{self, FormPage, Visit};
use crate::platform::fault::Fault;

/// Where the page is.
pub const PATH: &str = "/me";

/// Mounts the page.
pub fn configure(config: &mut ServiceConfig, edge: &Arc<Edge>) {
    form_page::mount(config, edge, MePage);
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

struct MePage;

impl MePage {
    async fn act(visit: &Visit<'_>, form: &Form) -> Result<Page, Fault> {
        let (edge, now, browser) = (visit.edge(), visit.request.now(), &visit.browser);
        let again = Page::see_other(PATH.to_owned());
        // The page of partners on which it was revoked.
        let same = Page::see_other(visit.request.target().to_owned());
        match form.decision {
            Decision::RevokeGrant => {
                service::revoke_grant(edge, now, browser, form.partner()?, form.grant()?).await?;
                Ok(same)
            }
            Decision::RevokeMandate => {
                service::revoke_mandate(edge, now, browser, form.partner()?, form.mandate()?).await?;
                Ok(same)
            }
            Decision::SignIn if !sign_in::is_offered(edge) => Ok(again),
            Decision::SignIn => {
                let url = sign_in::begin(edge, now, browser, PATH, sign_in::Reauthentication::default()).await?;
                Ok(visit.frame().leave(&url))
            }
            Decision::SignOut => Ok(service::sign_out(edge, browser).await?.set_cookie(again)),
        }
    }
}

impl FormPage for MePage {
    const PATH: &'static str = PATH;
    const VIEW: &'static str = "ShowMe";
    const DECIDE: &'static str = "DecideOnMe";
    // A code, two ids and a word.
    const FORM_BYTES_MAX: usize = 1_024;
    // The page looks up what it shows when it is viewed: a decision needs none of it.
    type Subject = ();
    type Form = Form;

    async fn find(&self, _visit: &Visit<'_>, _token: &str) -> Result<Option<()>, Fault> {
        Ok(Some(()))
    }

    async fn view(&self, visit: &Visit<'_>, (): &(), cross_site: bool) -> Page {
        let frame = visit.frame();
        let note = frame.text(
            "The request did not come from this page. Nothing has changed; please choose again.",
            "请求并非来自本页面，未作任何更改，请重新选择。",
        );
        let (edge, code) = (visit.edge(), visit.form_code());
        let after = visit.request.query::<Query>().and_then(|query| query.after);
        match service::find(edge, visit.request.now(), &visit.browser, after).await {
            Ok(Some(own)) => frame.page(Page::new(page::me(&frame, &own, cross_site.then_some(note), &code))),
            Ok(None) => frame.page(Page::new(page::signed_out(&frame, &sign_in::provider_name(edge), &code))),
            Err(fault) => self.error_page(visit, fault),
        }
    }

    async fn decide(&self, visit: &Visit<'_>, _token: &str, (): (), form: Form) -> Page {
        Self::act(visit, &form).await.unwrap_or_else(|fault| self.error_page(visit, fault))
    }

    fn not_found(&self, visit: &Visit<'_>) -> Page {
        visit.error_page(Fault::new(ErrorCode::RouteNotFound))
    }

    fn error_page(&self, visit: &Visit<'_>, fault: Fault) -> Page {
        let frame = visit.frame();
        let gone =
            matches!(fault.code(), ErrorCode::GrantNotFound | ErrorCode::MandateNotFound | ErrorCode::FanNotFound);
        let (title, text) = if gone {
            let title = frame.text("Nothing here", "内容不存在");
            (
                title,
                frame.text(
                    "It may already have been removed. Please open your page again.",
                    "该授权可能已取消，请重新打开“我的页面”。",
                ),
            )
        } else {
            frame.error_text(fault.code())
        };
        frame.page(Page::refusal(fault, frame.message(title, text)))
    }
}
