//! Handlers of apps and keys.

use quanzi_openapi::apps::{AddKey, App, AppKey, AppKeys, ChangeApp, CreateApp, GetApp, ListApps, ListKeys, RemoveKey};
use quanzi_openapi::{Nothing, Page};

use crate::edge::Call;
use crate::edge::Routes;
use crate::platform::fault::Fault;

use super::service;

/// The capability's routes.
pub fn routes(routes: Routes) -> Routes {
    routes
        .mount::<ListApps, _>(list)
        .mount::<CreateApp, _>(create)
        .mount::<GetApp, _>(get)
        .mount::<ChangeApp, _>(change)
        .mount::<ListKeys, _>(list_keys)
        .mount::<AddKey, _>(add_key)
        .mount::<RemoveKey, _>(remove_key)
}

async fn list(call: &mut Call<ListApps>) -> Result<Page<App>, Fault> {
    let limit = call.query.limit.unwrap_or_default();
    service::list(&mut call.tx, call.caller.partner, limit, call.query.cursor.as_ref()).await
}

async fn create(call: &mut Call<CreateApp>) -> Result<App, Fault> {
    let context = service::Context::new(&call.edge, call.now);
    service::create(&mut call.tx, context, call.caller.partner, call.caller.scopes, &call.body, "").await
}

async fn get(call: &mut Call<GetApp>) -> Result<App, Fault> {
    service::get(&mut call.tx, call.caller.partner, call.params.app).await
}

async fn change(call: &mut Call<ChangeApp>) -> Result<App, Fault> {
    let before = service::lock(&mut call.tx, call.caller.partner, call.params.app).await?;
    call.check_version(before.version)?;
    let version = before.version;
    let context = service::Context::new(&call.edge, call.now);
    // Cloned: after a conflict the edge runs the handler again with the same body.
    let change = call.body.clone();
    let changed = service::change(&mut call.tx, context, &call.caller, before, change).await?;
    call.access_changed = changed.version != version;
    Ok(changed)
}

async fn list_keys(call: &mut Call<ListKeys>) -> Result<AppKeys, Fault> {
    service::keys(&mut call.tx, call.caller.partner, call.params.app).await
}

async fn add_key(call: &mut Call<AddKey>) -> Result<AppKey, Fault> {
    let context = service::Context::new(&call.edge, call.now);
    let added = service::add_key(&mut call.tx, context, &call.caller, call.params.app, &call.body).await?;
    call.access_changed = true;
    Ok(added)
}

async fn remove_key(call: &mut Call<RemoveKey>) -> Result<Nothing, Fault> {
    let context = service::Context::new(&call.edge, call.now);
    service::remove_key(&mut call.tx, context, call.caller.partner, call.params.app, &call.params.kid).await?;
    call.access_changed = true;
    Ok(Nothing {})
}
