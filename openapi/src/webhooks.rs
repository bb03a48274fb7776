//! Webhook endpoints: where events are pushed to, signed as [Standard Webhooks](https://www.standardwebhooks.com) defines.
//!
//! A delivery contains the event as it is in the log: events of one object are delivered in order, events of different
//! objects in parallel. A failed delivery is retried for about three days; after that, or when the receiver asks for it, the
//! endpoint is disabled, and delivery resumes where it stopped when the endpoint is enabled.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::deliveries::Delivery;
use crate::endpoint::{
    Access, ETAG, Endpoint, Example, Fields, Idempotency, JsonBody, Nothing, Reply, ReplyHeader, Tag, verb,
};
use crate::error_code::ErrorCode;
use crate::events::EventType;
use crate::id::WebhookEndpointId;
use crate::open::{Edit, Open};
use crate::page::{Cursor, Limit, Page};
use crate::partners::etag;
use crate::schema::ToSchema;
use crate::scope::Scope;
use crate::text::{Text, Words, check_web_address};
use crate::time::Time;

/// Maximum number of endpoints of one partner.
pub const WEBHOOK_ENDPOINTS_MAX: usize = 10;
/// Maximum number of types an endpoint can list; an endpoint that lists none receives all.
pub const WEBHOOK_TYPES_MAX: usize = 100;
/// How long the previous secret still signs.
pub const SECRET_OVERLAP_SECONDS: i64 = 24 * 3_600;

/// The event's id; the same in every attempt.
pub const WEBHOOK_ID: &str = "webhook-id";
/// When the attempt was made, in Unix seconds.
pub const WEBHOOK_TIMESTAMP: &str = "webhook-timestamp";
/// The signatures, separated by spaces: `v1,` HMAC-SHA256 with the secret, `v1a,` Ed25519 with the gateway's key.
pub const WEBHOOK_SIGNATURE: &str = "webhook-signature";
/// In a response: `disable` asks the gateway to send nothing more.
pub const WEBHOOK_CONTROL: &str = "webhook-control";

/// Kind of [`WebhookUrl`].
pub enum WebhookUrlWords {}
impl Words for WebhookUrlWords {
    const NAME: &'static str = "WebhookUrl";
    const ABOUT: &'static str =
        "URL events are posted to: https. In a sandbox, loopback addresses are also allowed, with http as well.";
    const MAX: usize = 2_000;
    const EXAMPLE: &'static str = "https://hooks.whisker.example/quanzi";
    const FORMAT: Option<&'static str> = Some("uri");
    fn check(text: &str) -> Result<(), &'static str> {
        check_web_address(text)
    }
}
/// URL events are posted to.
pub type WebhookUrl = Text<WebhookUrlWords>;

/// Kind of [`WebhookDescription`].
pub enum WebhookDescriptionWords {}
impl Words for WebhookDescriptionWords {
    const NAME: &'static str = "WebhookDescription";
    const ABOUT: &'static str = "What the endpoint is for.";
    const MAX: usize = 200;
    const EXAMPLE: &'static str = "Member sync";
}
/// What an endpoint is for.
pub type WebhookDescription = Text<WebhookDescriptionWords>;

/// Status of a webhook endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum WebhookEndpointStatus {
    /// Events are sent.
    Enabled,
    /// Events wait in the log until the endpoint is enabled.
    Disabled,
}

/// Why an endpoint is disabled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum DisabledReason {
    /// You disabled it.
    Partner,
    /// The receiver responded with 410.
    Gone,
    /// The receiver responded with `webhook-control: disable`.
    Receiver,
    /// An event failed for about three days.
    Exhausted,
}

/// A webhook endpoint.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[cfg_attr(not(feature = "server"), non_exhaustive)]
pub struct WebhookEndpoint {
    /// The endpoint's id.
    pub id: WebhookEndpointId,
    /// URL events are posted to.
    #[serde(deserialize_with = "crate::text::as_written")]
    pub url: WebhookUrl,
    /// What the endpoint is for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[serde(deserialize_with = "crate::text::as_written")]
    pub description: Option<WebhookDescription>,
    /// Only events of these types; empty means all.
    #[schema(value_type = Vec<EventType>)]
    pub types: Vec<Open<EventType>>,
    /// Status of the endpoint.
    #[schema(value_type = WebhookEndpointStatus)]
    pub status: Open<WebhookEndpointStatus>,
    /// Why the endpoint is disabled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<DisabledReason>)]
    pub disabled_reason: Option<Open<DisabledReason>>,
    /// Since when attempts have been failing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failing_since: Option<Time>,
    /// The gateway's Ed25519 key that `v1a` signatures verify with; also in `/.well-known/jwks.json`.
    #[schema(example = "whpk_11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=")]
    pub public_key: String,
    /// Until when the previous secret signs as well.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub previous_secret_until: Option<Time>,
    /// Incremented with each change; the ETag is this number in quotes.
    pub version: i64,
    /// When the endpoint was created.
    pub created_at: Time,
    /// When the endpoint was last changed.
    pub updated_at: Time,
}

impl Example for WebhookEndpoint {
    fn example() -> Self {
        Self {
            id: WebhookEndpointId::example(),
            url: WebhookUrl::example(),
            description: Some(WebhookDescription::example()),
            types: vec![EventType::CircleOpened.into(), EventType::MembershipActivated.into()],
            status: WebhookEndpointStatus::Enabled.into(),
            disabled_reason: None,
            failing_since: None,
            public_key: "whpk_11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=".to_owned(),
            previous_secret_until: None,
            version: 1,
            created_at: Time::example(),
            updated_at: Time::example(),
        }
    }
}

impl Reply for WebhookEndpoint {
    const HEADERS: &'static [ReplyHeader] = &[ETAG];

    fn headers(&self) -> Vec<String> {
        vec![etag(self.version)]
    }

    fn example_value() -> serde_json::Value {
        crate::example_of::<Self>()
    }
}

/// A secret that deliveries are signed with: `whsec_` and base64.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(transparent)]
#[schema(value_type = String, example = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwMfKQ9r8GKYo=")]
pub struct WebhookSecret(String);

impl WebhookSecret {
    /// The secret as text.
    pub const fn new(text: String) -> Self {
        Self(text)
    }

    /// The secret as text, for storage.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for WebhookSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("WebhookSecret(whsec_…)")
    }
}

/// An endpoint with its new secret. The secret is shown only in this response.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[cfg_attr(not(feature = "server"), non_exhaustive)]
pub struct WebhookEndpointWithSecret {
    /// The endpoint.
    pub endpoint: WebhookEndpoint,
    /// The secret its deliveries are signed with from now on.
    pub secret: WebhookSecret,
}

impl Reply for WebhookEndpointWithSecret {
    const HEADERS: &'static [ReplyHeader] = &[ETAG];
    const CACHE: Option<&'static str> = Some("no-store");

    fn headers(&self) -> Vec<String> {
        vec![etag(self.endpoint.version)]
    }

    fn example_value() -> serde_json::Value {
        serde_json::json!({
            "endpoint": crate::example_of::<WebhookEndpoint>(),
            "secret": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwMfKQ9r8GKYo=",
        })
    }
}

/// A webhook endpoint to create.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct NewWebhookEndpoint {
    /// URL events are posted to.
    pub url: WebhookUrl,
    /// What the endpoint is for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<WebhookDescription>,
    /// Only events of these types; empty means all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schema(max_items = 100)]
    pub types: Vec<EventType>,
}

impl NewWebhookEndpoint {
    /// Sends all events to this URL.
    pub fn new(url: impl Into<WebhookUrl>) -> Self {
        Self { url: url.into(), description: None, types: Vec::new() }
    }

    /// Sets the description.
    #[must_use]
    pub fn description(mut self, text: impl Into<WebhookDescription>) -> Self {
        self.description = Some(text.into());
        self
    }

    /// Restricts the endpoint to these types.
    #[must_use]
    pub fn types(mut self, types: impl IntoIterator<Item = EventType>) -> Self {
        self.types = types.into_iter().collect();
        self
    }
}

impl Example for NewWebhookEndpoint {
    fn example() -> Self {
        Self::new(WebhookUrl::example())
            .description(WebhookDescription::example())
            .types([EventType::CircleOpened, EventType::MembershipActivated])
    }
}
impl JsonBody for NewWebhookEndpoint {}

/// Changes to an endpoint.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct WebhookEndpointChange {
    /// URL events are posted to.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "crate::open::not_null")]
    #[schema(value_type = WebhookUrl, required = false)]
    pub url: Option<WebhookUrl>,
    /// What the endpoint is for; null removes it.
    #[serde(default, skip_serializing_if = "Edit::is_keep")]
    #[schema(value_type = Option<WebhookDescription>)]
    pub description: Edit<WebhookDescription>,
    /// Only events of these types; empty means all. Applies to events not yet read from the log.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "crate::open::not_null")]
    #[schema(value_type = Vec<EventType>, required = false, max_items = 100)]
    pub types: Option<Vec<EventType>>,
}

impl Example for WebhookEndpointChange {
    fn example() -> Self {
        Self { types: Some(vec![EventType::CircleOpened]), ..Self::default() }
    }
}
impl JsonBody for WebhookEndpointChange {}

/// Path of a webhook endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct WebhookEndpointPath {
    /// The endpoint.
    pub endpoint: WebhookEndpointId,
}
impl Fields for WebhookEndpointPath {}

/// Paging of a list of webhook endpoints.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct WebhookEndpointsQuery {
    /// Maximum number of entries per page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<Limit>,
    /// `next_cursor` of the previous page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<Cursor>,
}
impl Fields for WebhookEndpointsQuery {}

/// Create a webhook endpoint
///
/// Events from now on are posted to it; for earlier events, request a replay. The secret is shown only in this response. At
/// most 10 endpoints.
#[derive(ToSchema)]
pub struct CreateWebhookEndpoint;
impl Endpoint for CreateWebhookEndpoint {
    type Verb = verb::Post;
    const PATH: &'static str = "/v1/webhook_endpoints";
    const TAG: Tag = Tag::Webhooks;
    const ACCESS: Access = Access::Partner(Some(Scope::WebhooksWrite));
    const STATUS: u16 = 201;
    const FAILS: &'static [ErrorCode] = &[ErrorCode::WebhookUrlForbidden, ErrorCode::WebhookEndpointLimitReached];
    type Params = Nothing;
    type Query = Nothing;
    type Body = NewWebhookEndpoint;
    type Reply = WebhookEndpointWithSecret;
}

/// List webhook endpoints
///
/// Newest first.
#[derive(ToSchema)]
pub struct ListWebhookEndpoints;
impl Endpoint for ListWebhookEndpoints {
    type Verb = verb::Get;
    const PATH: &'static str = "/v1/webhook_endpoints";
    const TAG: Tag = Tag::Webhooks;
    const ACCESS: Access = Access::Partner(Some(Scope::EventsRead));
    type Params = Nothing;
    type Query = WebhookEndpointsQuery;
    type Body = Nothing;
    type Reply = Page<WebhookEndpoint>;
}

/// Get a webhook endpoint
///
/// Its status, why it is disabled, and since when it has been failing. The secret is never shown again.
#[derive(ToSchema)]
pub struct GetWebhookEndpoint;
impl Endpoint for GetWebhookEndpoint {
    type Verb = verb::Get;
    const PATH: &'static str = "/v1/webhook_endpoints/{endpoint}";
    const TAG: Tag = Tag::Webhooks;
    const ACCESS: Access = Access::Partner(Some(Scope::EventsRead));
    const FAILS: &'static [ErrorCode] = &[ErrorCode::WebhookEndpointNotFound];
    type Params = WebhookEndpointPath;
    type Query = Nothing;
    type Body = Nothing;
    type Reply = WebhookEndpoint;
}

/// Update a webhook endpoint
///
/// URL, description or types. Waiting events are sent to a new URL as well.
#[derive(ToSchema)]
pub struct ChangeWebhookEndpoint;
impl Endpoint for ChangeWebhookEndpoint {
    type Verb = verb::Patch;
    const PATH: &'static str = "/v1/webhook_endpoints/{endpoint}";
    const TAG: Tag = Tag::Webhooks;
    const ACCESS: Access = Access::Partner(Some(Scope::WebhooksWrite));
    const FAILS: &'static [ErrorCode] = &[ErrorCode::WebhookEndpointNotFound, ErrorCode::WebhookUrlForbidden];
    const IF_MATCH: bool = true;
    type Params = WebhookEndpointPath;
    type Query = Nothing;
    type Body = WebhookEndpointChange;
    type Reply = WebhookEndpoint;
}

/// Delete a webhook endpoint
///
/// Nothing more is sent to it, and its deliveries can no longer be read.
#[derive(ToSchema)]
pub struct DeleteWebhookEndpoint;
impl Endpoint for DeleteWebhookEndpoint {
    type Verb = verb::Delete;
    const PATH: &'static str = "/v1/webhook_endpoints/{endpoint}";
    const TAG: Tag = Tag::Webhooks;
    const ACCESS: Access = Access::Partner(Some(Scope::WebhooksWrite));
    const STATUS: u16 = 204;
    const FAILS: &'static [ErrorCode] = &[ErrorCode::WebhookEndpointNotFound];
    type Params = WebhookEndpointPath;
    type Query = Nothing;
    type Body = Nothing;
    type Reply = Nothing;
}

/// Enable a webhook endpoint
///
/// Delivery resumes where it stopped: events from the meantime are not skipped.
#[derive(ToSchema)]
pub struct EnableWebhookEndpoint;
impl Endpoint for EnableWebhookEndpoint {
    type Verb = verb::Post;
    const PATH: &'static str = "/v1/webhook_endpoints/{endpoint}/enable";
    const TAG: Tag = Tag::Webhooks;
    const ACCESS: Access = Access::Partner(Some(Scope::WebhooksWrite));
    const FAILS: &'static [ErrorCode] = &[ErrorCode::WebhookEndpointNotFound];
    type Params = WebhookEndpointPath;
    type Query = Nothing;
    type Body = Nothing;
    type Reply = WebhookEndpoint;
}

/// Disable a webhook endpoint
///
/// Nothing is sent until it is enabled; requests in progress are completed.
#[derive(ToSchema)]
pub struct DisableWebhookEndpoint;
impl Endpoint for DisableWebhookEndpoint {
    type Verb = verb::Post;
    const PATH: &'static str = "/v1/webhook_endpoints/{endpoint}/disable";
    const TAG: Tag = Tag::Webhooks;
    const ACCESS: Access = Access::Partner(Some(Scope::WebhooksWrite));
    const FAILS: &'static [ErrorCode] = &[ErrorCode::WebhookEndpointNotFound];
    type Params = WebhookEndpointPath;
    type Query = Nothing;
    type Body = Nothing;
    type Reply = WebhookEndpoint;
}

/// Rotate the secret of a webhook endpoint
///
/// The new secret is shown only in this response. For 24 hours deliveries are signed with both secrets.
#[derive(ToSchema)]
pub struct RotateWebhookSecret;
impl Endpoint for RotateWebhookSecret {
    type Verb = verb::Post;
    const PATH: &'static str = "/v1/webhook_endpoints/{endpoint}/rotate_secret";
    const TAG: Tag = Tag::Webhooks;
    const ACCESS: Access = Access::Partner(Some(Scope::WebhooksWrite));
    const FAILS: &'static [ErrorCode] = &[ErrorCode::WebhookEndpointNotFound];
    type Params = WebhookEndpointPath;
    type Query = Nothing;
    type Body = Nothing;
    type Reply = WebhookEndpointWithSecret;
}

/// Ping a webhook endpoint
///
/// Sends one signed `webhook_endpoint.ping` immediately, even when the endpoint is disabled, and returns the result. A ping
/// is not in the log (its `seq` is 0) and is not retried.
#[derive(ToSchema)]
pub struct PingWebhookEndpoint;
impl Endpoint for PingWebhookEndpoint {
    type Verb = verb::Post;
    const PATH: &'static str = "/v1/webhook_endpoints/{endpoint}/ping";
    const TAG: Tag = Tag::Webhooks;
    const ACCESS: Access = Access::Partner(Some(Scope::WebhooksWrite));
    const FAILS: &'static [ErrorCode] = &[ErrorCode::WebhookEndpointNotFound];
    const IDEMPOTENCY: Idempotency = Idempotency::None;
    type Params = WebhookEndpointPath;
    type Query = Nothing;
    type Body = Nothing;
    type Reply = Delivery;
}
