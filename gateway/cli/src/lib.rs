//! Links the gateway and its documentation site into one program.
//!
//! Neither of the two depends on the other: editing a guide recompiles the site and this crate, not the gateway.

use std::process::ExitCode;
use std::sync::Arc;

use actix_web::web::{Data, ServiceConfig};
use quanzi_gateway::app::site::{MountSite, SiteContext};
use quanzi_site::{Docs, DocsSettings};

/// Runs what the command line asks for.
pub fn main() -> ExitCode {
    quanzi_gateway::app::program::main(std::env::args_os().collect(), std::env::vars_os().collect(), site)
}

/// The documentation site, mounted by the gateway that serves it.
pub fn site(context: SiteContext) -> MountSite {
    let SiteContext { public_url, is_sandbox, entrance, refuse_method } = context;
    let docs = Data::new(Docs::new(DocsSettings { public_url, is_sandbox, entrance, refuse_method }));
    Arc::new(move |config: &mut ServiceConfig| {
        config.app_data(docs.clone());
        quanzi_site::configure(config);
    })
}
