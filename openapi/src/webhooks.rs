//! Webhook endpoints: where events are pushed to, signed as [Standard Webhooks](https://www.standardwebhooks.com) says.
//!
//! A delivery is the event as the log has it: of one object one after the other, of different objects side by side. What was not
//! taken is sent again for about three days; after that, and when the receiver asks for it, the endpoint is disabled, and goes on
//! from there when it is enabled.

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

/// Most endpoints of one partner.
pub const WEBHOOK_ENDPOINTS_MAX: usize = 10;
/// Most types an endpoint can name; one that names none gets all.
pub const WEBHOOK_TYPES_MAX: usize = 100;
/// How long the secret before the last one still signs.
pub const SECRET_OVERLAP_SECONDS: i64 = 24 * 3_600;

/// Names the event; the same in every attempt.
pub const WEBHOOK_ID: &str = "webhook-id";
/// When the attempt was made, in Unix seconds.
pub const WEBHOOK_TIMESTAMP: &str = "webhook-timestamp";
/// The signatures, separated by spaces: `v1,` HMAC-SHA256 with the secret, `v1a,` Ed25519 with the gateway's key.
pub const WEBHOOK_SIGNATURE: &str = "webhook-signature";
/// In an answer: `disable` asks us to send nothing more.
pub const WEBHOOK_CONTROL: &str = "webhook-control";

/// Kind of [`WebhookUrl`].
pub enum WebhookUrlWords {}
impl Words for WebhookUrlWords {
    const NAME: &'static str = "WebhookUrl";
    const ABOUT: &'static str =
        "Where events are posted to: an https URL. A sandbox also takes loopback addresses, with http as well.";
    const MAX: usize = 2_000;
    const EXAMPLE: &'static str = "https://hooks.whisker.example/quanzi";
    const FORMAT: Option<&'static str> = Some("uri");
    fn check(text: &str) -> Result<(), &'static str> {
        check_web_address(text)
    }
}
/// Where events are posted to.
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

/// Whether events are sent to an endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum WebhookEndpointStatus {
    /// They are.
    Enabled,
    /// They wait in the log until it is enabled.
    Disabled,
}

/// Why an endpoint is disabled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum DisabledReason {
    /// You disabled it.
    Partner,
    /// It answered 410.
    Gone,
    /// It answered with `webhook-control: disable`.
    Receiver,
    /// An event was not taken in about three days of attempts.
    Exhausted,
}

/// Where events are pushed to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[cfg_attr(not(feature = "server"), non_exhaustive)]
pub struct WebhookEndpoint {
    /// Its id.
    pub id: WebhookEndpointId,
    /// Where to.
    #[serde(deserialize_with = "crate::text::as_written")]
    pub url: WebhookUrl,
    /// What it is for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[serde(deserialize_with = "crate::text::as_written")]
    pub description: Option<WebhookDescription>,
    /// Only events of these types; empty means all.
    #[schema(value_type = Vec<EventType>)]
    pub types: Vec<Open<EventType>>,
    /// Whether events are sent.
    #[schema(value_type = WebhookEndpointStatus)]
    pub status: Open<WebhookEndpointStatus>,
    /// Why it is disabled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<DisabledReason>)]
    pub disabled_reason: Option<Open<DisabledReason>>,
    /// Since when attempts have been failing again and again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failing_since: Option<Time>,
    /// The gateway's Ed25519 key that `v1a` signatures verify with; also in `/.well-known/jwks.json`.
    #[schema(example = "whpk_11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=")]
    pub public_key: String,
    /// Until when the secret before the last one signs as well.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub previous_secret_until: Option<Time>,
    /// Counts the changes; the ETag is this number in quotes.
    pub version: i64,
    /// When it was made.
    pub created_at: Time,
    /// When it last changed.
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

/// A secret that deliveries are signed with: `whsec_` and base64. Its `Debug` does not show it.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(transparent)]
#[schema(value_type = String, example = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwMfKQ9r8GKYo=")]
pub struct WebhookSecret(String);

impl WebhookSecret {
    /// The secret as text.
    pub const fn new(text: String) -> Self {
        Self(text)
    }

    /// The text, to be stored where secrets are stored.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for WebhookSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("WebhookSecret(whsec_…)")
    }
}

/// An endpoint with its new secret. The secret is shown here and nowhere else.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[cfg_attr(not(feature = "server"), non_exhaustive)]
pub struct WebhookEndpointWithSecret {
    /// The endpoint.
    pub endpoint: WebhookEndpoint,
    /// What its deliveries are signed with from now on.
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

/// A new endpoint.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct NewWebhookEndpoint {
    /// Where to.
    pub url: WebhookUrl,
    /// What it is for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<WebhookDescription>,
    /// Only events of these types; empty means all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schema(max_items = 100)]
    pub types: Vec<EventType>,
}

impl NewWebhookEndpoint {
    /// All events, to this URL.
    pub fn new(url: impl Into<WebhookUrl>) -> Self {
        Self { url: url.into(), description: None, types: Vec::new() }
    }

    /// With what it is for.
    #[must_use]
    pub fn description(mut self, text: impl Into<WebhookDescription>) -> Self {
        self.description = Some(text.into());
        self
    }

    /// Only these types.
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
    /// Where to.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "crate::open::not_null")]
    #[schema(value_type = WebhookUrl, required = false)]
    pub url: Option<WebhookUrl>,
    /// What it is for; null removes it.
    #[serde(default, skip_serializing_if = "Edit::is_keep")]
    #[schema(value_type = Option<WebhookDescription>)]
    pub description: Edit<WebhookDescription>,
    /// Only events of these types; empty means all. Counts for events that are not read from the log yet.
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

/// Which endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct WebhookEndpointPath {
    /// The endpoint.
    pub endpoint: WebhookEndpointId,
}
impl Fields for WebhookEndpointPath {}

/// Which page of the endpoints.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct WebhookEndpointsQuery {
    /// Entries per page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<Limit>,
    /// `next_cursor` of the page before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<Cursor>,
}
impl Fields for WebhookEndpointsQuery {}

/// Make a webhook endpoint
///
/// Events from now on are posted to it; what was before comes with a replay. The secret is shown in this answer only. At most 10
/// endpoints.
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

/// List the webhook endpoints
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

/// Read a webhook endpoint
///
/// How it stands: enabled or disabled and why, how far it was delivered to, since when it fails. Its secret is never shown again.
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

/// Change a webhook endpoint
///
/// Its URL, description or types. A new URL gets what is waiting, too.
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
/// Nothing more is sent; its deliveries can no longer be read.
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
/// It goes on where it stopped: nothing that happened meanwhile is left out.
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
/// Nothing is sent until it is enabled; requests under way are finished.
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
/// The new secret is shown in this answer only. For 24 hours deliveries carry a signature of each of the two.
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
/// Sends one signed `webhook_endpoint.ping` at once, also when the endpoint is disabled, and answers with what came of it. A ping is
/// not in the log (its `seq` is 0) and is not repeated.
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
