//! Webhook endpoints: where your events are pushed to. The receiving side is [`webhook`](crate::webhook).

use quanzi_openapi::Nothing;
pub use quanzi_openapi::deliveries::{
    DeliveriesQuery, Delivery, DeliveryError, DeliveryOutcome, ListDeliveries, NewReplay, Replay, ReplayEvents,
};
pub use quanzi_openapi::events::EventType;
use quanzi_openapi::id::WebhookEndpointId;
pub use quanzi_openapi::webhooks::{
    ChangeWebhookEndpoint, CreateWebhookEndpoint, DeleteWebhookEndpoint, DisableWebhookEndpoint, DisabledReason,
    EnableWebhookEndpoint, GetWebhookEndpoint, ListWebhookEndpoints, NewWebhookEndpoint, PingWebhookEndpoint,
    RotateWebhookSecret, WebhookDescription, WebhookEndpoint, WebhookEndpointChange, WebhookEndpointPath,
    WebhookEndpointStatus, WebhookEndpointWithSecret, WebhookEndpointsQuery, WebhookSecret, WebhookUrl,
};

use crate::{Call, Client};

/// Calls about webhook endpoints; from [`Client::webhook_endpoints`].
#[derive(Debug, Clone)]
pub struct WebhookEndpointCalls(Client);

impl Client {
    /// Calls about your webhook endpoints.
    pub fn webhook_endpoints(&self) -> WebhookEndpointCalls {
        WebhookEndpointCalls(self.clone())
    }
}

impl WebhookEndpointCalls {
    /// Creates an endpoint. Store the secret in the response: it is not shown again.
    pub fn create(&self, endpoint: NewWebhookEndpoint) -> Call<CreateWebhookEndpoint> {
        self.0.call(Nothing {}, Nothing {}, endpoint)
    }

    /// Lists your endpoints, newest first.
    pub fn list(&self, query: WebhookEndpointsQuery) -> Call<ListWebhookEndpoints> {
        self.0.call(Nothing {}, query, Nothing {})
    }

    /// Gets an endpoint.
    pub fn get(&self, endpoint: WebhookEndpointId) -> Call<GetWebhookEndpoint> {
        self.0.call(WebhookEndpointPath { endpoint }, Nothing {}, Nothing {})
    }

    /// Updates an endpoint; pass the version you read to [`Call::if_match`].
    pub fn change(&self, endpoint: WebhookEndpointId, change: WebhookEndpointChange) -> Call<ChangeWebhookEndpoint> {
        self.0.call(WebhookEndpointPath { endpoint }, Nothing {}, change)
    }

    /// Deletes an endpoint.
    pub fn delete(&self, endpoint: WebhookEndpointId) -> Call<DeleteWebhookEndpoint> {
        self.0.call(WebhookEndpointPath { endpoint }, Nothing {}, Nothing {})
    }

    /// Enables an endpoint: delivery resumes where it stopped.
    pub fn enable(&self, endpoint: WebhookEndpointId) -> Call<EnableWebhookEndpoint> {
        self.0.call(WebhookEndpointPath { endpoint }, Nothing {}, Nothing {})
    }

    /// Disables an endpoint.
    pub fn disable(&self, endpoint: WebhookEndpointId) -> Call<DisableWebhookEndpoint> {
        self.0.call(WebhookEndpointPath { endpoint }, Nothing {}, Nothing {})
    }

    /// Rotates the endpoint's secret; the previous one also signs for 24 hours.
    pub fn rotate_secret(&self, endpoint: WebhookEndpointId) -> Call<RotateWebhookSecret> {
        self.0.call(WebhookEndpointPath { endpoint }, Nothing {}, Nothing {})
    }

    /// Sends one signed `webhook_endpoint.ping` and returns the result.
    pub fn ping(&self, endpoint: WebhookEndpointId) -> Call<PingWebhookEndpoint> {
        self.0.call(WebhookEndpointPath { endpoint }, Nothing {}, Nothing {})
    }

    /// Lists the delivery attempts of the last 30 days, newest first.
    pub fn deliveries(&self, endpoint: WebhookEndpointId, query: DeliveriesQuery) -> Call<ListDeliveries> {
        self.0.call(WebhookEndpointPath { endpoint }, query, Nothing {})
    }

    /// Sends a part of the log again, including events from before the endpoint existed or while it was down.
    pub fn replay(&self, endpoint: WebhookEndpointId, replay: NewReplay) -> Call<ReplayEvents> {
        self.0.call(WebhookEndpointPath { endpoint }, Nothing {}, replay)
    }
}
