//! One declaration per endpoint, with three readers: the gateway mounts it, the SDK calls it, the document describes it.

pub mod verb;

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

#[cfg(feature = "document")]
use crate::document::NamedSchemas;
use crate::error_code::ErrorCode;
use crate::page::Page;
use crate::schema::ToSchema;
use crate::scope::{FanScope, Scope};

pub use verb::{Method, Verb};

/// An operation of the platform. The type's doc comment is its summary and description.
pub trait Endpoint: ToSchema + 'static {
    /// HTTP method, as a type.
    type Verb: Verb;
    /// HTTP method, as a value. Derived: no declaration writes it.
    const METHOD: Method = <Self::Verb as Verb>::METHOD;
    /// Path with `{name}` for each field of `Params`.
    const PATH: &'static str;
    /// Chapter of the document.
    const TAG: Tag;
    /// Who may call it.
    const ACCESS: Access;
    /// Status of a successful response.
    const STATUS: u16 = 200;
    /// Its own error codes; those common to its access and shape are added by `Operation`.
    const FAILS: &'static [ErrorCode] = &[];
    /// Whether a call must be signed: one that changes state.
    const SIGNED: bool = Self::METHOD.writes();
    /// Whether `If-Match` is required.
    const IF_MATCH: bool = false;
    /// Whether an `Idempotency-Key` is required, optional or ignored.
    const IDEMPOTENCY: Idempotency = Idempotency::of(Self::METHOD);
    /// Path parameters.
    type Params: Fields;
    /// Query parameters.
    type Query: Fields;
    /// Request body.
    type Body: Body;
    /// Body and headers of a successful response.
    type Reply: Reply;
}

/// Who may call an endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Anybody.
    Public,
    /// An app that authenticates with a client assertion (the authorization server's own endpoints).
    Client,
    /// A partner's app with this scope; no scope means any token of the partner.
    Partner(Option<Scope>),
    /// A fan, through an app, with this scope.
    Fan(FanScope),
}

/// What an endpoint does with `Idempotency-Key`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Idempotency {
    /// Ignored: the method is idempotent by itself, or repeating the call does no harm.
    None,
    /// Honoured when sent.
    Offered,
    /// Refused without.
    Required,
}

impl Idempotency {
    const fn of(method: Method) -> Self {
        if matches!(method, Method::Post) { Self::Offered } else { Self::None }
    }
}

/// Chapters of the document, in their order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Tag {
    /// The partner and its legal identity.
    Partners,
    /// Apps and their keys.
    Apps,
    /// Tokens and metadata.
    OAuth,
    /// Circles.
    Circles,
    /// Gates and their evaluation.
    Gates,
    /// Fans in circles.
    Memberships,
    /// Posts and comments.
    Content,
    /// Payments, refunds, mandates.
    Payments,
    /// What a fan does through an app.
    Me,
    /// Accounts and transfers.
    Ledger,
    /// The numbered log.
    Events,
    /// Webhook endpoints and deliveries.
    Webhooks,
    /// Only in sandbox mode.
    Sandbox,
    /// For operators.
    Operations,
}

impl Tag {
    /// Every chapter, in order.
    pub const ALL: [Self; 14] = [
        Self::Partners,
        Self::Apps,
        Self::OAuth,
        Self::Circles,
        Self::Gates,
        Self::Memberships,
        Self::Content,
        Self::Payments,
        Self::Me,
        Self::Ledger,
        Self::Events,
        Self::Webhooks,
        Self::Sandbox,
        Self::Operations,
    ];

    /// Heading and introduction.
    pub const fn about(self) -> (&'static str, &'static str) {
        match self {
            Self::Partners => {
                ("Partners", "The tenant: a merchant or organisation, disclosed by its legal name on every circle.")
            }
            Self::Apps => (
                "Apps",
                "OAuth clients of a partner, and the public keys they sign with. Keys can be rotated without downtime.",
            ),
            Self::OAuth => ("OAuth", "The authorization server: FAPI 2.0, private_key_jwt, DPoP-bound tokens."),
            Self::Circles => ("Circles", "Interest communities: draft, open, closed."),
            Self::Gates => ("Gates", "The versioned rules to join a circle, and evaluations, rule by rule."),
            Self::Memberships => ("Memberships", "Memberships of fans in circles: join, approve, assign roles, ban."),
            Self::Content => {
                ("Content", "Posts: publish, schedule, pin, edit, delete; and the comments and likes on them.")
            }
            Self::Payments => {
                ("Payments", "Payments by fans: tips, approved on a page or within a mandate; refunds; leaderboards.")
            }
            Self::Me => (
                "Fans",
                "What a fan does through your app, with a token that the fan consented to: join, read, post, comment, like, tip.",
            ),
            Self::Ledger => {
                ("Ledger", "Double-entry ledger: accounts, immutable transfers, and balances that always add up.")
            }
            Self::Events => {
                ("Events", "One numbered log per partner, without gaps: pull it, stream it, or have it pushed.")
            }
            Self::Webhooks => {
                ("Webhooks", "Endpoints that events are pushed to (Standard Webhooks), their deliveries, and replay.")
            }
            Self::Sandbox => {
                ("Sandbox", "Only in sandbox mode: register partners, create fans, move the clock, check signatures.")
            }
            Self::Operations => ("Operations", "Health of the gateway."),
        }
    }
}

/// Path or query parameters: a struct whose fields are the parameters.
pub trait Fields: ToSchema + DeserializeOwned + Serialize + 'static {}

/// No parameters, or no body.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, serde::Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Nothing {}

impl Fields for Nothing {}

/// How a body is encoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BodyKind {
    /// No body; a caller may send zero bytes or an empty JSON object.
    Nothing,
    /// `application/json`.
    Json,
    /// `application/x-www-form-urlencoded` (the OAuth endpoints).
    Form,
    /// Raw bytes, in one of these media types and up to this size.
    Upload {
        /// Accepted media types.
        types: &'static [&'static str],
        /// Maximum number of bytes.
        bytes_max: u64,
    },
}

impl BodyKind {
    /// Accepted media types.
    pub const fn media_types(self) -> &'static [&'static str] {
        match self {
            Self::Nothing | Self::Json => &["application/json"],
            Self::Form => &["application/x-www-form-urlencoded"],
            Self::Upload { types, .. } => types,
        }
    }
}

/// Why a body could not be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BodyError {
    /// The body is not well-formed.
    #[error("{0}")]
    Malformed(String),
    /// One field is invalid.
    #[error("{message}")]
    Field {
        /// JSON Pointer (RFC 6901).
        pointer: String,
        /// What was expected.
        message: String,
    },
}

/// A request body.
pub trait Body: Sized + 'static {
    /// How the body is encoded.
    const KIND: BodyKind;

    /// Parses the bytes of a request.
    fn read(bytes: &[u8]) -> Result<Self, BodyError>;

    /// Serialises to the bytes of a request.
    fn write(&self) -> Result<Vec<u8>, serde_json::Error>;

    /// An example for the document.
    fn example_value() -> Option<Value>;

    /// Adds the schema and those it refers to; returns its name.
    #[cfg(feature = "document")]
    fn schema_name(schemas: &mut NamedSchemas) -> Option<String>;
}

/// A shape with an example that cannot drift, because it is a value of the shape itself.
pub trait Example {
    /// A typical value.
    fn example() -> Self;
}

impl Body for Nothing {
    const KIND: BodyKind = BodyKind::Nothing;

    fn read(bytes: &[u8]) -> Result<Self, BodyError> {
        if bytes.is_empty() { Ok(Self {}) } else { crate::body::json(bytes) }
    }

    fn write(&self) -> Result<Vec<u8>, serde_json::Error> {
        Ok(Vec::new())
    }

    fn example_value() -> Option<Value> {
        None
    }

    #[cfg(feature = "document")]
    fn schema_name(_: &mut NamedSchemas) -> Option<String> {
        None
    }
}

/// A JSON body: implement this empty trait for a shape, and the shape is a [`Body`].
pub trait JsonBody: Example + ToSchema + DeserializeOwned + Serialize + 'static {}

impl<T: JsonBody> Body for T {
    const KIND: BodyKind = BodyKind::Json;

    fn read(bytes: &[u8]) -> Result<Self, BodyError> {
        crate::body::json(bytes)
    }

    fn write(&self) -> Result<Vec<u8>, serde_json::Error> {
        serde_json::to_vec(self)
    }

    fn example_value() -> Option<Value> {
        serde_json::to_value(T::example()).ok()
    }

    #[cfg(feature = "document")]
    fn schema_name(schemas: &mut NamedSchemas) -> Option<String> {
        schemas.push((T::name().into_owned(), T::schema()));
        T::schemas(schemas);
        Some(T::name().into_owned())
    }
}

/// A form body (`application/x-www-form-urlencoded`), wrapped so that the encoding is part of the type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Form<T>(pub T);

impl<T: Example + ToSchema + DeserializeOwned + Serialize + 'static> Body for Form<T> {
    const KIND: BodyKind = BodyKind::Form;

    fn read(bytes: &[u8]) -> Result<Self, BodyError> {
        crate::body::form(bytes).map(Self)
    }

    fn write(&self) -> Result<Vec<u8>, serde_json::Error> {
        serde_urlencoded::to_string(&self.0).map(String::into_bytes).map_err(serde::ser::Error::custom)
    }

    fn example_value() -> Option<Value> {
        serde_json::to_value(T::example()).ok()
    }

    #[cfg(feature = "document")]
    fn schema_name(schemas: &mut NamedSchemas) -> Option<String> {
        schemas.push((T::name().into_owned(), T::schema()));
        T::schemas(schemas);
        Some(T::name().into_owned())
    }
}

/// A header of a successful response.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReplyHeader {
    /// The header's name.
    pub name: &'static str,
    /// The header's description.
    pub about: &'static str,
    /// A valid value.
    pub example: &'static str,
}

/// `ETag` of a versioned object.
pub const ETAG: ReplyHeader = ReplyHeader {
    name: "ETag",
    about: "The object's version; send it as If-Match when you update the object.",
    example: "\"3\"",
};

/// Body and headers of a successful response.
pub trait Reply: ToSchema + Serialize + DeserializeOwned + 'static {
    /// Headers that are always present.
    const HEADERS: &'static [ReplyHeader] = &[];
    /// Whether it has a body.
    const HAS_BODY: bool = true;
    /// The body's media type.
    const MEDIA_TYPE: &'static str = "application/json";
    /// `Cache-Control`, where caches may keep it.
    const CACHE: Option<&'static str> = None;

    /// The headers' values, in the order of `HEADERS`.
    fn headers(&self) -> Vec<String> {
        Vec::new()
    }

    /// An example for the document.
    fn example_value() -> Value;
}

impl Reply for Nothing {
    const HAS_BODY: bool = false;

    fn example_value() -> Value {
        Value::Null
    }
}

impl<T: Reply> Reply for Page<T> {
    fn example_value() -> Value {
        serde_json::json!({ "data": [T::example_value()], "has_more": false })
    }
}
