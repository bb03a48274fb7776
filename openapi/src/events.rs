//! Events: one numbered log per partner. Webhook, pull and stream are three views of it.
//!
//! A partner's events are numbered 1, 2, 3 … without gaps, in the order in which the changes were committed; of one object
//! they come in the order of its versions.

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
        /// What happened: the object and what became of it. New types are added over time.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
        #[non_exhaustive]
        pub enum EventType {
            $($(#[doc = $about])+ #[serde(rename = $name)] $variant,)+
        }

        impl EventType {
            /// Every type, in the order of the table.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)+];

            /// The type as it stands in `type`.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $name,)+ }
            }

            /// What it says, in a sentence.
            pub const fn about(self) -> &'static str {
                match self { $(Self::$variant => concat!($($about),+),)+ }
            }

            /// The name of the type as an identifier: `PaymentSucceeded`.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => stringify!($variant),)+ }
            }

            /// The shape in `data` and all it is made of, for the document.
            #[cfg(feature = "document")]
            pub(crate) fn schemas(self, all: &mut crate::document::NamedSchemas) {
                match self {
                    $(Self::$variant => {
                        all.push((<$shape as ToSchema>::name().into_owned(), <$shape as utoipa::PartialSchema>::schema()));
                        <$shape as ToSchema>::schemas(all);
                    })+
                }
            }

            /// The name of the shape in `data`.
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
    /// The partner's own details changed.
    PartnerChanged "partner.changed" Partner;
    /// An app was made.
    AppCreated "app.created" App;
    /// An app changed.
    AppChanged "app.changed" App;
    /// An app has one more key: whoever holds it can act as the app.
    AppKeyAdded "app_key.added" AppKey;
    /// A key was removed from its app.
    AppKeyRemoved "app_key.removed" AppKey;
    /// A circle was made, as a draft.
    CircleCreated "circle.created" Circle;
    /// A circle's settings changed.
    CircleChanged "circle.changed" Circle;
    /// A circle was opened.
    CircleOpened "circle.opened" Circle;
    /// A circle was closed for good.
    CircleClosed "circle.closed" Circle;
    /// A circle has new rules to join.
    GateChanged "gate.changed" Gate;
    /// A fan waits for approval.
    MembershipRequested "membership.requested" Membership;
    /// A fan is in: let in by the gate or approved.
    MembershipActivated "membership.activated" Membership;
    /// A fan was not approved.
    MembershipRejected "membership.rejected" Membership;
    /// A member got another role.
    MembershipChanged "membership.changed" Membership;
    /// A fan left, or gave up waiting.
    MembershipLeft "membership.left" Membership;
    /// A member was removed.
    MembershipRemoved "membership.removed" Membership;
    /// A fan was banned.
    MembershipBanned "membership.banned" Membership;
    /// A ban was lifted.
    MembershipUnbanned "membership.unbanned" Membership;
    /// A fan let an app do something.
    GrantCreated "grant.created" Grant;
    /// A fan let the app do more.
    GrantChanged "grant.changed" Grant;
    /// A grant is over: the fan took it back, or you gave it up. Its tokens are refused from now on.
    GrantRevoked "grant.revoked" Grant;
    /// A post was made that is not seen yet: a draft, or scheduled.
    PostCreated "post.created" Post;
    /// A post can be seen.
    PostPublished "post.published" Post;
    /// A post was edited, scheduled anew, pinned or unpinned.
    PostChanged "post.changed" Post;
    /// A post was deleted.
    PostDeleted "post.deleted" Post;
    /// Somebody commented on a post. Without the author's nickname, which a fan can take back.
    CommentCreated "comment.created" Comment;
    /// A comment was deleted: by its author, a moderator or you.
    CommentDeleted "comment.deleted" Comment;
    /// A payment waits for the fan's approval.
    PaymentCreated "payment.created" Payment;
    /// The fan approved a payment, and the channel takes its time: the money is reserved. One that succeeds at once has no such event.
    PaymentApproved "payment.approved" Payment;
    /// A payment succeeded: the money is in the circle's account.
    PaymentSucceeded "payment.succeeded" Payment;
    /// A payment was declined.
    PaymentDeclined "payment.declined" Payment;
    /// A payment was canceled.
    PaymentCanceled "payment.canceled" Payment;
    /// A payment expired: nobody decided in time.
    PaymentExpired "payment.expired" Payment;
    /// A payment was refunded, in full or in part.
    PaymentRefunded "payment.refunded" Payment;
    /// Money went back to a fan.
    RefundCreated "refund.created" Refund;
    /// A fan is asked to consent to be charged.
    MandateRequested "mandate.requested" Mandate;
    /// A fan consented to be charged.
    MandateCreated "mandate.created" Mandate;
    /// A fan was asked to consent to be charged, and said no.
    MandateDeclined "mandate.declined" Mandate;
    /// A mandate was taken back.
    MandateRevoked "mandate.revoked" Mandate;
    /// A mandate's time is over, or the time to consent.
    MandateExpired "mandate.expired" Mandate;
    /// A webhook endpoint was made.
    WebhookEndpointCreated "webhook_endpoint.created" WebhookEndpoint;
    /// A webhook endpoint changed, or its secret was rotated.
    WebhookEndpointChanged "webhook_endpoint.changed" WebhookEndpoint;
    /// A webhook endpoint was deleted.
    WebhookEndpointDeleted "webhook_endpoint.deleted" WebhookEndpoint;
    /// Attempts at a webhook endpoint fail again and again.
    WebhookEndpointFailing "webhook_endpoint.failing" WebhookEndpoint;
    /// A webhook endpoint that was failing takes events again.
    WebhookEndpointRecovered "webhook_endpoint.recovered" WebhookEndpoint;
    /// A webhook endpoint was disabled: by you, by its receiver, or because it failed for too long.
    WebhookEndpointDisabled "webhook_endpoint.disabled" WebhookEndpoint;
    /// A webhook endpoint was enabled.
    WebhookEndpointEnabled "webhook_endpoint.enabled" WebhookEndpoint;
    /// You asked for a sign of life. Not in the log: its `seq` is 0.
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
    /// Its id.
    pub id: EventId,
    /// Its number: 1, 2, 3 … for each partner, without gaps.
    pub seq: i64,
    /// What happened.
    #[schema(value_type = EventType)]
    pub r#type: Open<EventType>,
    /// The id of the object it is about.
    #[schema(example = "cir_01JD8Z6T5M3Q9V0K7W2X4Y6Z8A")]
    pub object: String,
    /// The object's version after the change; events of one object come in this order.
    pub object_version: i64,
    /// When it happened.
    pub created_at: Time,
    /// The object as it was right after the change; its shape belongs to the type.
    #[schema(value_type = Object)]
    pub data: Value,
}

impl Event {
    /// The object in its shape; an error when the event is about something else.
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
    /// Whether to read on at once. A page of some types looks at a part of the log, so it may be short or empty and have more behind it.
    pub has_more: bool,
    /// Send it as `after` the next time: the number up to which you have seen everything you asked for.
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
    /// These types.
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
                serde::de::Error::custom(format!("expected event types, separated by commas; {word:?} is none"))
            })
        };
        text.split(',').map(find).collect::<Result<_, _>>().map(Self)
    }
}

/// Which events.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct EventsQuery {
    /// Only those after this number; 0, or left out, begins with the first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<i64>,
    /// Only those of these types, separated by commas.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub types: Option<EventTypes>,
    /// Only those about this object.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub object: Option<String>,
    /// Events per page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<Limit>,
}
impl Fields for EventsQuery {}

impl EventsQuery {
    /// Everything after this number.
    pub fn after(seq: i64) -> Self {
        Self { after: Some(seq), ..Self::default() }
    }
}

/// Which event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct EventPath {
    /// The event.
    pub event: EventId,
}
impl Fields for EventPath {}

/// Read the log
///
/// In order, from where you are: send the `next_after` of the page before as `after`. Without a filter the numbers follow each
/// other without gaps, so you can see that nothing is missing. With `types` a page looks at 10,000 numbers at most: it may be short, even
/// empty, while `has_more` is true. Keep `next_after` together with what you did about the events.
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

/// Read an event
///
/// As it was written: events never change.
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

/// Events as they come (`text/event-stream`): `id` is the number, `event` the type, `data` the event as in the log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct EventStream(pub String);

impl Reply for EventStream {
    const MEDIA_TYPE: &'static str = "text/event-stream";

    fn example_value() -> Value {
        let event = Event::example();
        Value::from(format!("id: {}\nevent: {}\ndata: {}\n\n", event.seq, event.r#type, crate::example_of::<Event>()))
    }
}

/// From where on to stream.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct StreamQuery {
    /// After this number; the header `Last-Event-ID` goes before. Left out: only what is yet to come.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<i64>,
}
impl Fields for StreamQuery {}

/// Stream the log
///
/// Server-sent events, from `Last-Event-ID` or `after` on, then as they come. When the connection breaks, or is ended by the
/// gateway (its token has expired or was revoked, the gateway stops), connect again with the last number you have dealt with:
/// nothing is lost in between. A comment comes every 15 seconds when there is nothing to say. An app can hold 4 streams.
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

/// What an event can be about: an object with an id and a version.
pub trait Subject: Serialize {
    /// The id, as text.
    fn object(&self) -> String;
    /// The version: counts the changes of the object.
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
