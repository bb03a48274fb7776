//! Use-cases of the sandbox.

use quanzi_openapi::sandbox::{NewPartner, Registration};
use quanzi_openapi::scope::Scopes;

use crate::capabilities::apps;
use crate::capabilities::apps::service::Context;
use crate::capabilities::partners;
use crate::platform::db::Tx;
use crate::platform::fault::Fault;

/// Registers a partner with its first app, which may do everything, or nothing at all.
pub async fn register(tx: &mut Tx, context: Context<'_>, new: &NewPartner) -> Result<Registration, Fault> {
    let (name, legal_name) = (new.name.clone(), new.legal_name.clone());
    let partner = partners::service::register(tx, context.clock, context.now, name, legal_name).await?;
    let app = apps::service::create(tx, context, partner.id, Scopes::all(), &new.app, "/app").await?;
    Ok(Registration { partner, app })
}
