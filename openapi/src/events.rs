//! Events: one numbered log per partner. Webhook, pull and stream are three views of it.
//!
//! A partner's events are numbered 1, 2, 3 … without gaps, in the order in which the changes were committed; events of one
//! object are in the order of its versions.

use std::fmt;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::apps::{App, AppKey};
use crate::circles::Circle;
use crate::comments::Comment;
use crate::content::Post;
use crate::endpoint::{Access, Endpoint, Example, Fields, Nothing, Reply, Tag, verb};
use crate::error_code::ErrorCode;
use crate::gates::Gate;
use crate::grants::Grant;
use crate::id::EventId;
use crate::mandates::Mandate;
use crate::memberships::Membership;
use crate::open::Open;
use crate::page::Limit;
use crate::partners::Partner;
use crate::payments::Payment;
use crate::refunds::Refund;
use crate::schema::ToSchema;
use crate::scope::Scope;
use crate::time::Time;
use crate::webhooks::WebhookEndpoint;

macro_rules! event_types {
    ($($(#[doc = $about:literal])+ $variant:ident $name:tt $shape:ty;)+) => {
        /// What happened to which kind of object. New types are added over time.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
        #[non_exhaustive]
        pub enum EventType {
            $($(#[doc = $about])+ #[serde(rename = $name)] $variant,)+
        }

        impl EventType {
            /// Every type, in the order of the table.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)+];

            /// The type as sent in `type`.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $name,)+ }
            }

            /// Description of the type in one sentence.
            pub const fn about(self) -> &'static str {
                match self { $(Self::$variant => concat!($($about),+),)+ }
            }

            /// The name of the type as an identifier: `PaymentSucceeded`.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => stringify!($variant),)+ }
            }

            /// The schema of `data` and everything it refers to, for the document.
            #[cfg(feature = "document")]
            pub(crate) fn schemas(self, all: &mut crate::document::NamedSchemas) {
                match self {
                    $(Self::$variant => {
                        all.push((<$shape as ToSchema>::name().into_owned(), <$shape as utoipa::PartialSchema>::schema()));
                        <$shape as ToSchema>::schemas(all);
                    })+
                }
            }

            /// Name of the schema of `data`.
            #[cfg(feature = "document")]
            pub fn shape(self) -> std::borrow::Cow<'static, str> {
                match self { $(Self::$variant => <$shape as ToSchema>::name(),)+ }
            }

            /// The object in `data`, as an example.
            pub fn example_data(self) -> Value {
                match self { $(Self::$variant => <$shape as Reply>::example_value(),)+ }
            }
        }
    };
}

// One line = one type, the shape in its `data`, one sentence. A type is never renamed.
event_types! {
    /// The partner's details changed.
    PartnerChanged "partner.changed" Partner;
    /// An app was created.
    AppCreated "app.created" App;
    /// An app changed.
    AppChanged "app.changed" App;
    /// A key was added to an app: the holder of the key can act as the app.
    AppKeyAdded "app_key.added" AppKey;
    /// A key was removed from its app.
    AppKeyRemoved "app_key.removed" AppKey;
    /// A circle was created, as a draft.
    CircleCreated "circle.created" Circle;
    /// A circle's settings changed.
    CircleChanged "circle.changed" Circle;
    /// A circle was opened.
    CircleOpened "circle.opened" Circle;
    /// A circle was closed permanently.
    CircleClosed "circle.closed" Circle;
    /// A circle's gate was replaced.
    GateChanged "gate.changed" Gate;
    /// A fan is waiting for approval.
    MembershipRequested "membership.requested" Membership;
    /// A fan became a member: admitted by the gate, or approved.
    MembershipActivated "membership.activated" Membership;
    /// A fan's request to join was rejected.
    MembershipRejected "membership.rejected" Membership;
    /// A member's role changed.
    MembershipChanged "membership.changed" Membership;
    /// A fan left, or withdrew the request to join.
    MembershipLeft "membership.left" Membership;
    /// A member was removed.
    MembershipRemoved "membership.removed" Membership;
    /// A fan was banned.
    MembershipBanned "membership.banned" Membership;
    /// A ban was lifted.
    MembershipUnbanned "membership.unbanned" Membership;
    /// A fan granted scopes to an app.
    GrantCreated "grant.created" Grant;
    /// A fan granted an app more scopes.
    GrantChanged "grant.changed" Grant;
    /// A grant was revoked, by the fan or by you. Its tokens are refused from now on.
    GrantRevoked "grant.revoked" Grant;
    /// A post was created that is not visible yet: a draft, or scheduled.
    PostCreated "post.created" Post;
    /// A post was published.
    PostPublished "post.published" Post;
    /// A post was edited, rescheduled, pinned or unpinned.
    PostChanged "post.changed" Post;
    /// A post was deleted.
    PostDeleted "post.deleted" Post;
    /// A comment was written. The author's nickname is not included, because a fan can stop disclosing it.
    CommentCreated "comment.created" Comment;
    /// A comment was deleted: by its author, a moderator or you.
    CommentDeleted "comment.deleted" Comment;
    /// A payment is waiting for the fan's approval.
    PaymentCreated "payment.created" Payment;
    /// The fan approved a payment, and the channel is processing it: the money is reserved. There is no such event for a
    /// payment that succeeds immediately.
    PaymentApproved "payment.approved" Payment;
    /// A payment succeeded: the money is in the circle's account.
    PaymentSucceeded "payment.succeeded" Payment;
    /// A payment was declined.
    PaymentDeclined "payment.declined" Payment;
    /// A payment was canceled.
    PaymentCanceled "payment.canceled" Payment;
    /// A payment expired before the fan decided.
    PaymentExpired "payment.expired" Payment;
    /// A payment was refunded, in full or in part.
    PaymentRefunded "payment.refunded" Payment;
    /// Money was refunded to a fan.
    RefundCreated "refund.created" Refund;
    /// A fan was asked for a mandate.
    MandateRequested "mandate.requested" Mandate;
    /// A fan agreed to a mandate.
    MandateCreated "mandate.created" Mandate;
    /// A fan declined a mandate.
    MandateDeclined "mandate.declined" Mandate;
    /// A mandate was revoked.
    MandateRevoked "mandate.revoked" Mandate;
    /// A mandate expired, before or after the fan agreed.
    MandateExpired "mandate.expired" Mandate;
    /// A webhook endpoint was created.
    WebhookEndpointCreated "webhook_endpoint.created" WebhookEndpoint;
    /// A webhook endpoint changed, or its secret was rotated.
    WebhookEndpointChanged "webhook_endpoint.changed" WebhookEndpoint;
    /// A webhook endpoint was deleted.
    WebhookEndpointDeleted "webhook_endpoint.deleted" WebhookEndpoint;
    /// Attempts at a webhook endpoint keep failing.
    WebhookEndpointFailing "webhook_endpoint.failing" WebhookEndpoint;
    /// A webhook endpoint that was failing accepts events again.
    WebhookEndpointRecovered "webhook_endpoint.recovered" WebhookEndpoint;
    /// A webhook endpoint was disabled: by you, by its receiver, or because it failed for too long.
    WebhookEndpointDisabled "webhook_endpoint.disabled" WebhookEndpoint;
    /// A webhook endpoint was enabled.
    WebhookEndpointEnabled "webhook_endpoint.enabled" WebhookEndpoint;
    /// A test event you requested. It is not in the log: its `seq` is 0.
    WebhookEndpointPing "webhook_endpoint.ping" WebhookEndpoint;
}

impl fmt::Display for EventType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A fact in the partner's numbered log.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[cfg_attr(not(feature = "server"), non_exhaustive)]
pub struct Event {
    /// The event's id.
    pub id: EventId,
    /// Sequence number: 1, 2, 3 … for each partner, without gaps.
    pub seq: i64,
    /// What happened.
    #[schema(value_type = EventType)]
    pub r#type: Open<EventType>,
    /// Id of the object that changed.
    #[schema(example = "cir_01JD8Z6T5M3Q9V0K7W2X4Y6Z8A")]
    pub object: String,
    /// The object's version after the change; events of one object are in this order.
    pub object_version: i64,
    /// When it happened.
    pub created_at: Time,
    /// The object right after the change; its schema depends on the type.
    #[schema(value_type = Object)]
    pub data: Value,
}

impl Event {
    /// The object, parsed; an error when the event is about another kind of object.
    pub fn data<T: DeserializeOwned>(&self) -> Result<T, serde_json::Error> {
        T::deserialize(&self.data)
    }
}

impl Example for Event {
    fn example() -> Self {
        Self {
            id: EventId::example(),
            seq: 42,
            r#type: EventType::CircleOpened.into(),
            object: crate::id::CircleId::example().to_string(),
            object_version: 2,
            created_at: Time::example(),
            data: EventType::CircleOpened.example_data(),
        }
    }
}

impl Reply for Event {
    fn example_value() -> Value {
        crate::example_of::<Self>()
    }
}

/// A part of the log, in order.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[cfg_attr(not(feature = "server"), non_exhaustive)]
pub struct EventPage {
    /// The events, by `seq`.
    pub data: Vec<Event>,
    /// Whether there is more to read now. A filtered page covers a part of the log, so it can be short or empty although
    /// more events follow.
    pub has_more: bool,
    /// Send it as `after` next time: every matching event up to this sequence number has been returned.
    pub next_after: i64,
}

impl Example for EventPage {
    fn example() -> Self {
        Self { data: vec![Event::example()], has_more: false, next_after: 42 }
    }
}

impl Reply for EventPage {
    fn example_value() -> Value {
        crate::example_of::<Self>()
    }
}

/// Event types, separated by commas.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventTypes(Vec<EventType>);

impl EventTypes {
    /// A filter for these types.
    pub fn new(types: impl IntoIterator<Item = EventType>) -> Self {
        Self(types.into_iter().collect())
    }

    /// The types.
    pub fn types(&self) -> &[EventType] {
        &self.0
    }
}

impl Serialize for EventTypes {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let words: Vec<&str> = self.0.iter().map(|kind| kind.as_str()).collect();
        serializer.serialize_str(&words.join(","))
    }
}

impl<'de> Deserialize<'de> for EventTypes {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let find = |word: &str| {
            let known = EventType::ALL.iter().copied().find(|kind| kind.as_str() == word);
            known.ok_or_else(|| {
                serde::de::Error::custom(format!(
                    "expected event types, separated by commas; {word:?} is not an event type"
                ))
            })
        };
        text.split(',').map(find).collect::<Result<_, _>>().map(Self)
    }
}

/// Filter and paging of the log.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct EventsQuery {
    /// Only events after this sequence number; 0, or omitted, starts with the first event.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<i64>,
    /// Only those of these types, separated by commas.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub types: Option<EventTypes>,
    /// Only events about this object.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub object: Option<String>,
    /// Maximum number of events per page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<Limit>,
}
impl Fields for EventsQuery {}

impl EventsQuery {
    /// All events after this sequence number.
    pub fn after(seq: i64) -> Self {
        Self { after: Some(seq), ..Self::default() }
    }
}

/// Path of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct EventPath {
    /// The event's id.
    pub event: EventId,
}
impl Fields for EventPath {}

/// List events
///
/// In order: send the `next_after` of the previous page as `after`. Without a filter the sequence numbers are contiguous, so
/// you can verify that nothing is missing. With `types` a page covers at most 10,000 sequence numbers: it may be short, even
/// empty, while `has_more` is true. Store `next_after` together with the effects of the events.
#[derive(ToSchema)]
pub struct ListEvents;
impl Endpoint for ListEvents {
    type Verb = verb::Get;
    const PATH: &'static str = "/v1/events";
    const TAG: Tag = Tag::Events;
    const ACCESS: Access = Access::Partner(Some(Scope::EventsRead));
    type Params = Nothing;
    type Query = EventsQuery;
    type Body = Nothing;
    type Reply = EventPage;
}

/// Get an event
///
/// Events never change.
#[derive(ToSchema)]
pub struct GetEvent;
impl Endpoint for GetEvent {
    type Verb = verb::Get;
    const PATH: &'static str = "/v1/events/{event}";
    const TAG: Tag = Tag::Events;
    const ACCESS: Access = Access::Partner(Some(Scope::EventsRead));
    const FAILS: &'static [ErrorCode] = &[ErrorCode::EventNotFound];
    type Params = EventPath;
    type Query = Nothing;
    type Body = Nothing;
    type Reply = Event;
}

/// A stream of events (`text/event-stream`): `id` is the sequence number, `event` the type, `data` the event as in the log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct EventStream(pub String);

impl Reply for EventStream {
    const MEDIA_TYPE: &'static str = "text/event-stream";

    fn example_value() -> Value {
        let event = Event::example();
        Value::from(format!("id: {}\nevent: {}\ndata: {}\n\n", event.seq, event.r#type, crate::example_of::<Event>()))
    }
}

/// Where to start the stream.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct StreamQuery {
    /// Start after this sequence number; the header `Last-Event-ID` takes precedence. When omitted: only new events.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<i64>,
}
impl Fields for StreamQuery {}

/// Stream events
///
/// Server-sent events after `Last-Event-ID` or `after`, then new ones as they happen. When the connection breaks, or the
/// gateway closes it (the token has expired or was revoked, or the gateway is shutting down), reconnect with the last
/// sequence number you have processed: nothing is lost in between. The gateway sends a comment every 15 seconds while there
/// are no events. An app can have 4 streams open.
#[derive(ToSchema)]
pub struct StreamEvents;
impl Endpoint for StreamEvents {
    type Verb = verb::Get;
    const PATH: &'static str = "/v1/events/stream";
    const TAG: Tag = Tag::Events;
    const ACCESS: Access = Access::Partner(Some(Scope::EventsRead));
    type Params = Nothing;
    type Query = StreamQuery;
    type Body = Nothing;
    type Reply = EventStream;
}

/// An object that events can be about: it has an id and a version.
pub trait Subject: Serialize {
    /// The object's id as text.
    fn object(&self) -> String;
    /// The object's version: incremented with each change.
    fn object_version(&self) -> i64;
}

macro_rules! subjects {
    ($($shape:ty)+) => {$(
        impl Subject for $shape {
            fn object(&self) -> String {
                self.id.to_string()
            }
            fn object_version(&self) -> i64 {
                self.version
            }
        }
    )+};
}
subjects! { App Circle Comment Gate Grant Mandate Membership Partner Payment Post Refund WebhookEndpoint }
