//! Deliveries: one record for each attempt at a webhook endpoint; and replays, which send a part of the log again.

use serde::{Deserialize, Serialize};

use crate::endpoint::{Access, Endpoint, Example, Fields, JsonBody, Nothing, Reply, Tag, verb};
use crate::error_code::ErrorCode;
use crate::events::EventType;
use crate::id::{DeliveryId, EventId, WebhookEndpointId};
use crate::open::Open;
use crate::page::{Cursor, Limit, Page};
use crate::schema::ToSchema;
use crate::scope::Scope;
use crate::time::Time;
use crate::webhooks::WebhookEndpointPath;

/// Maximum number of replays in progress at one endpoint.
pub const REPLAYS_MAX: usize = 10;
/// Number of bytes kept of a receiver's response.
pub const RESPONSE_EXCERPT_BYTES_MAX: usize = 1_024;
/// How long deliveries are kept.
pub const DELIVERIES_KEPT_SECONDS: i64 = 30 * 24 * 3_600;

/// Outcome of an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum DeliveryOutcome {
    /// The receiver responded with 2xx.
    Succeeded,
    /// Everything else.
    Failed,
}

/// Why an attempt failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum DeliveryError {
    /// The host name could not be resolved.
    Dns,
    /// The address is private, local or reserved, so the gateway does not connect to it.
    AddressForbidden,
    /// No connection could be made.
    Connect,
    /// TLS failed: certificate or handshake.
    Tls,
    /// No complete response within 15 seconds.
    Timeout,
    /// The connection was closed before the response was complete.
    Interrupted,
    /// The response was larger than 64 KiB.
    ResponseTooLarge,
    /// The response status was not 2xx; redirects are not followed.
    Status,
}

/// One attempt to deliver an event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[cfg_attr(not(feature = "server"), non_exhaustive)]
pub struct Delivery {
    /// The delivery's id.
    pub id: DeliveryId,
    /// The endpoint.
    pub endpoint: WebhookEndpointId,
    /// The event; also in the header `webhook-id`.
    pub event: EventId,
    /// Sequence number of the event; 0 for a ping.
    pub seq: i64,
    /// The event's type.
    #[schema(value_type = EventType)]
    pub r#type: Open<EventType>,
    /// Number of the attempt for this event: 1, 2, 3 …
    pub attempt: i64,
    /// Outcome of the attempt.
    #[schema(value_type = DeliveryOutcome)]
    pub outcome: Open<DeliveryOutcome>,
    /// Why the attempt failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<DeliveryError>)]
    pub error: Option<Open<DeliveryError>>,
    /// Why the attempt failed, in words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// Status of the response, if there was one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = 200)]
    pub status: Option<u16>,
    /// The beginning of the response, at most 1 KiB.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub response: Option<String>,
    /// Duration of the attempt.
    pub latency_ms: i64,
    /// When the attempt was made.
    pub attempted_at: Time,
    /// When the next attempt is due.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_attempt_at: Option<Time>,
}

impl Example for Delivery {
    fn example() -> Self {
        Self {
            id: DeliveryId::example(),
            endpoint: WebhookEndpointId::example(),
            event: EventId::example(),
            seq: 42,
            r#type: EventType::CircleOpened.into(),
            attempt: 1,
            outcome: DeliveryOutcome::Failed.into(),
            error: Some(DeliveryError::Status.into()),
            detail: Some("the receiver responded with 503".to_owned()),
            status: Some(503),
            response: Some("down for maintenance".to_owned()),
            latency_ms: 83,
            attempted_at: Time::example(),
            next_attempt_at: Some(Time::example().plus_seconds(5)),
        }
    }
}

impl Reply for Delivery {
    fn example_value() -> serde_json::Value {
        crate::example_of::<Self>()
    }
}

/// Filter and paging of a list of deliveries.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct DeliveriesQuery {
    /// Only deliveries with this outcome.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outcome: Option<DeliveryOutcome>,
    /// Maximum number of entries per page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<Limit>,
    /// `next_cursor` of the previous page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<Cursor>,
}
impl Fields for DeliveriesQuery {}

/// The part of the log to send again: everything, unless you set a start.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct NewReplay {
    /// Sequence number of the first event.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 1)]
    pub from_seq: Option<i64>,
    /// Sequence number of the last event; the latest event when omitted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 1)]
    pub to_seq: Option<i64>,
    /// Starts with the first event at or after this time; instead of `from_seq`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<Time>,
    /// Only events of these types; the endpoint's types when omitted.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schema(max_items = 100)]
    pub types: Vec<EventType>,
}

impl NewReplay {
    /// Replays the whole log.
    pub fn all() -> Self {
        Self::default()
    }

    /// Sequence number of the first event.
    pub fn from_seq(seq: i64) -> Self {
        Self { from_seq: Some(seq), ..Self::default() }
    }

    /// Starts with the first event at or after this time.
    pub fn since(time: Time) -> Self {
        Self { since: Some(time), ..Self::default() }
    }

    /// Ends with the event of this sequence number.
    #[must_use]
    pub const fn to_seq(mut self, seq: i64) -> Self {
        self.to_seq = Some(seq);
        self
    }

    /// Only events of these types.
    #[must_use]
    pub fn types(mut self, types: impl IntoIterator<Item = EventType>) -> Self {
        self.types = types.into_iter().collect();
        self
    }
}

impl Example for NewReplay {
    fn example() -> Self {
        Self::from_seq(17).to_seq(42).types([EventType::MembershipActivated])
    }
}
impl JsonBody for NewReplay {}

/// A part of the log that is being sent again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[cfg_attr(not(feature = "server"), non_exhaustive)]
pub struct Replay {
    /// The endpoint.
    pub endpoint: WebhookEndpointId,
    /// Sequence number of the first event.
    pub from_seq: i64,
    /// Sequence number of the last event. Later events, and events that have not been delivered yet, are sent without a
    /// replay.
    pub to_seq: i64,
    /// Only events of these types; empty means all.
    #[schema(value_type = Vec<EventType>)]
    pub types: Vec<Open<EventType>>,
    /// When the replay was requested.
    pub created_at: Time,
}

impl Example for Replay {
    fn example() -> Self {
        Self {
            endpoint: WebhookEndpointId::example(),
            from_seq: 17,
            to_seq: 42,
            types: vec![EventType::MembershipActivated.into()],
            created_at: Time::example(),
        }
    }
}

impl Reply for Replay {
    fn example_value() -> serde_json::Value {
        crate::example_of::<Self>()
    }
}

/// List the deliveries of a webhook endpoint
///
/// Every attempt of the last 30 days, newest first.
#[derive(ToSchema)]
pub struct ListDeliveries;
impl Endpoint for ListDeliveries {
    type Verb = verb::Get;
    const PATH: &'static str = "/v1/webhook_endpoints/{endpoint}/deliveries";
    const TAG: Tag = Tag::Webhooks;
    const ACCESS: Access = Access::Partner(Some(Scope::EventsRead));
    const FAILS: &'static [ErrorCode] = &[ErrorCode::WebhookEndpointNotFound];
    type Params = WebhookEndpointPath;
    type Query = DeliveriesQuery;
    type Body = Nothing;
    type Reply = Page<Delivery>;
}

/// Replay events to a webhook endpoint
///
/// Sends a part of the log again, in order; the endpoint may be newer than the events. This also enables a disabled endpoint
/// and retries waiting events immediately, so one call recovers from any outage.
#[derive(ToSchema)]
pub struct ReplayEvents;
impl Endpoint for ReplayEvents {
    type Verb = verb::Post;
    const PATH: &'static str = "/v1/webhook_endpoints/{endpoint}/replay";
    const TAG: Tag = Tag::Webhooks;
    const ACCESS: Access = Access::Partner(Some(Scope::WebhooksWrite));
    const STATUS: u16 = 202;
    const FAILS: &'static [ErrorCode] = &[ErrorCode::WebhookEndpointNotFound, ErrorCode::ReplayLimitReached];
    type Params = WebhookEndpointPath;
    type Query = Nothing;
    type Body = NewReplay;
    type Reply = Replay;
}
