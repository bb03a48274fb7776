//! An attempt as partners read it.

use quanzi_openapi::deliveries::{Delivery, DeliveryError, DeliveryOutcome};
use quanzi_openapi::id::WebhookEndpointId;
use quanzi_openapi::{Open, Time};

use super::send::Attempt;
use super::state::Webhooks;
use super::store;
use crate::platform::outbox::Stored;

/// The attempt as the partner reads it.
pub fn delivery(
    webhooks: &Webhooks,
    endpoint: WebhookEndpointId,
    event: &Stored,
    number: i64,
    attempted_at: Time,
    attempt: Attempt,
    next: Option<Time>,
) -> Delivery {
    let (error, detail): (Option<DeliveryError>, _) = attempt.failure.unzip();
    let outcome = if error.is_some() { DeliveryOutcome::Failed } else { DeliveryOutcome::Succeeded };
    Delivery {
        id: webhooks.clock.id(),
        endpoint,
        event: event.id,
        seq: event.seq,
        r#type: store::event_type(&event.kind),
        attempt: number,
        outcome: outcome.into(),
        error: error.map(Open::from),
        detail,
        status: attempt.status,
        response: attempt.response,
        latency_ms: attempt.latency_ms,
        attempted_at,
        next_attempt_at: next,
    }
}
