//! The endpoints of webhooks: extract, one use-case, reply.

use std::sync::Arc;

use quanzi_openapi::deliveries::{Delivery, ListDeliveries, Replay, ReplayEvents};
use quanzi_openapi::webhooks::{
    ChangeWebhookEndpoint, CreateWebhookEndpoint, DeleteWebhookEndpoint, DisableWebhookEndpoint, EnableWebhookEndpoint,
    GetWebhookEndpoint, ListWebhookEndpoints, PingWebhookEndpoint, RotateWebhookSecret, WebhookEndpoint,
    WebhookEndpointWithSecret,
};
use quanzi_openapi::{Nothing, Page};

use super::service;
use super::state::Webhooks;
use crate::edge::Call;
use crate::edge::Routes;
use crate::platform::fault::Fault;

/// The routes of webhooks.
pub fn routes(routes: Routes, webhooks: &Arc<Webhooks>) -> Routes {
    let webhooks = Arc::clone(webhooks);
    let ping = async move |call: &mut Call<PingWebhookEndpoint>| ping(call, &webhooks).await;
    routes
        .mount::<CreateWebhookEndpoint, _>(create)
        .mount::<ListWebhookEndpoints, _>(list)
        .mount::<GetWebhookEndpoint, _>(get)
        .mount::<ChangeWebhookEndpoint, _>(change)
        .mount::<DeleteWebhookEndpoint, _>(delete)
        .mount::<EnableWebhookEndpoint, _>(enable)
        .mount::<DisableWebhookEndpoint, _>(disable)
        .mount::<RotateWebhookSecret, _>(rotate)
        .mount::<PingWebhookEndpoint, _>(ping)
        .mount::<ListDeliveries, _>(deliveries)
        .mount::<ReplayEvents, _>(replay)
}

async fn create(call: &mut Call<CreateWebhookEndpoint>) -> Result<WebhookEndpointWithSecret, Fault> {
    service::create(&mut call.tx, &call.edge, call.caller.partner, call.now, &call.body).await
}

async fn list(call: &mut Call<ListWebhookEndpoints>) -> Result<Page<WebhookEndpoint>, Fault> {
    service::page(&mut call.tx, &call.edge, call.caller.partner, &call.query).await
}

async fn get(call: &mut Call<GetWebhookEndpoint>) -> Result<WebhookEndpoint, Fault> {
    service::find(&mut call.tx, &call.edge, call.caller.partner, call.params.endpoint).await
}

async fn change(call: &mut Call<ChangeWebhookEndpoint>) -> Result<WebhookEndpoint, Fault> {
    let before = service::lock(&mut call.tx, call.caller.partner, call.params.endpoint).await?;
    call.check_version(before.version)?;
    service::change(&mut call.tx, &call.edge, call.caller.partner, call.now, before, &call.body).await
}

async fn delete(call: &mut Call<DeleteWebhookEndpoint>) -> Result<Nothing, Fault> {
    service::delete(&mut call.tx, &call.edge, call.caller.partner, call.now, call.params.endpoint).await?;
    Ok(Nothing {})
}

async fn enable(call: &mut Call<EnableWebhookEndpoint>) -> Result<WebhookEndpoint, Fault> {
    service::enable(&mut call.tx, &call.edge, call.caller.partner, call.now, call.params.endpoint).await
}

async fn disable(call: &mut Call<DisableWebhookEndpoint>) -> Result<WebhookEndpoint, Fault> {
    service::disable(&mut call.tx, &call.edge, call.caller.partner, call.now, call.params.endpoint).await
}

async fn rotate(call: &mut Call<RotateWebhookSecret>) -> Result<WebhookEndpointWithSecret, Fault> {
    service::rotate(&mut call.tx, &call.edge, call.caller.partner, call.now, call.params.endpoint).await
}

async fn ping(call: &mut Call<PingWebhookEndpoint>, webhooks: &Webhooks) -> Result<Delivery, Fault> {
    service::ping(&mut call.tx, webhooks, call.caller.partner, call.now, call.params.endpoint).await
}

async fn deliveries(call: &mut Call<ListDeliveries>) -> Result<Page<Delivery>, Fault> {
    service::deliveries(&mut call.tx, call.caller.partner, call.params.endpoint, &call.query).await
}

async fn replay(call: &mut Call<ReplayEvents>) -> Result<Replay, Fault> {
    service::replay(&mut call.tx, &call.edge, call.caller.partner, call.now, call.params.endpoint, &call.body).await
}
