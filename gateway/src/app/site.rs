//! The interface between the gateway and its documentation site, a crate that the program links in addition to this one.
//!
//! Invariant: nothing here depends on a page, so editing a guide does not recompile the gateway.

use std::sync::Arc;

use actix_web::web::ServiceConfig;
use actix_web::{HttpRequest, HttpResponse};

use super::state::App;
use crate::edge::{Routes, page_request};

/// Looks at a request before a page does, and may refuse it.
pub type Entrance = Box<dyn Fn(&HttpRequest) -> Option<HttpResponse> + Send + Sync>;

/// Refuses a request for its method; the text lists the methods that are allowed.
pub type RefuseMethod = Box<dyn Fn(HttpRequest, &'static str) -> HttpResponse + Send + Sync>;

/// Mounts the site in a worker.
pub type MountSite = Arc<dyn Fn(&mut ServiceConfig) + Send + Sync>;

/// Makes the site of a gateway.
pub type MakeSite = fn(SiteContext) -> MountSite;

/// What a site is told about the gateway that serves it, and what that gateway decides.
pub struct SiteContext {
    /// The gateway's public address, without a slash at its end.
    pub public_url: String,
    /// Whether it is a sandbox.
    pub is_sandbox: bool,
    /// The limits by address.
    pub entrance: Entrance,
    /// The answer to a method that no page takes.
    pub refuse_method: RefuseMethod,
}

impl SiteContext {
    /// Of this gateway.
    pub(super) fn new(app: &Arc<App>, routes: &Routes) -> Self {
        let (app, routes) = (Arc::clone(app), routes.clone());
        Self {
            public_url: app.config.public_url.clone(),
            is_sandbox: app.config.mode.is_sandbox(),
            entrance: Box::new(move |http| page_request::refuse_outside(app.edge(), http)),
            refuse_method: Box::new(move |http, allowed| routes.method_not_allowed(http, allowed)),
        }
    }
}
