//! Mandates: a fan's standing consent to be charged within limits, without an approval page for each payment.

use serde::{Deserialize, Serialize};

use crate::endpoint::{Access, ETAG, Endpoint, Example, Fields, JsonBody, Nothing, Reply, ReplyHeader, Tag, verb};
use crate::error_code::ErrorCode;
use crate::id::{CircleId, FanId, MandateId};
use crate::money::Money;
use crate::open::Open;
use crate::page::{Cursor, Limit, Page};
use crate::partners::etag;
use crate::schema::ToSchema;
use crate::scope::Scope;
use crate::time::Time;

/// Status of a mandate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum MandateStatus {
    /// The fan has been asked and has not decided yet.
    RequiresConsent,
    /// Payments can be charged within the mandate.
    Active,
    /// The fan declined.
    Declined,
    /// Revoked by the fan or by you.
    Revoked,
    /// Expired, before or after the fan agreed.
    Expired,
}

/// A fan's standing consent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[cfg_attr(not(feature = "server"), non_exhaustive)]
pub struct Mandate {
    /// The mandate's id.
    pub id: MandateId,
    /// The fan who consents.
    pub fan: FanId,
    /// The circle the mandate is for; all your circles when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub circle: Option<CircleId>,
    /// Status of the mandate.
    #[schema(value_type = MandateStatus)]
    pub status: Open<MandateStatus>,
    /// Maximum amount of one payment.
    pub per_payment: Money,
    /// Maximum amount in one day (UTC), in the same currency.
    pub per_day: Money,
    /// Until when the mandate can be used.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Time>,
    /// The page where the fan decides; only while the mandate requires consent. Anyone who has the URL can see what the fan
    /// is asked: give it only to the fan.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(format = "uri")]
    pub consent_url: Option<String>,
    /// Until when the fan can decide.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub consent_until: Option<Time>,
    /// Incremented with each change; the ETag is this number in quotes.
    pub version: i64,
    /// When the fan was asked.
    pub created_at: Time,
    /// When the mandate was last changed.
    pub updated_at: Time,
}

impl Example for Mandate {
    fn example() -> Self {
        Self {
            id: MandateId::example(),
            fan: FanId::example(),
            circle: Some(CircleId::example()),
            status: MandateStatus::Active.into(),
            per_payment: Money::new(2_000, crate::Currency::CNY),
            per_day: Money::new(10_000, crate::Currency::CNY),
            expires_at: Some(Time::example()),
            consent_url: None,
            consent_until: None,
            version: 1,
            created_at: Time::example(),
            updated_at: Time::example(),
        }
    }
}

impl Reply for Mandate {
    const HEADERS: &'static [ReplyHeader] = &[ETAG];

    fn headers(&self) -> Vec<String> {
        vec![etag(self.version)]
    }

    fn example_value() -> serde_json::Value {
        crate::example_of::<Self>()
    }
}

/// Path of a mandate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct MandatePath {
    /// The mandate's id.
    pub mandate: MandateId,
}
impl Fields for MandatePath {}

/// Filter and paging of a list of mandates.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct MandatesQuery {
    /// Only mandates of this fan.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fan: Option<FanId>,
    /// Maximum number of entries per page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<Limit>,
    /// `next_cursor` of the previous page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<Cursor>,
}
impl Fields for MandatesQuery {}

/// List mandates
///
/// Newest first, ended mandates included.
#[derive(ToSchema)]
pub struct ListMandates;
impl Endpoint for ListMandates {
    type Verb = verb::Get;
    const PATH: &'static str = "/v1/mandates";
    const TAG: Tag = Tag::Payments;
    const ACCESS: Access = Access::Partner(Some(Scope::PaymentsRead));
    type Params = Nothing;
    type Query = MandatesQuery;
    type Body = Nothing;
    type Reply = Page<Mandate>;
}

/// Get a mandate
///
/// The limits are those the fan agreed to; they never change.
#[derive(ToSchema)]
pub struct GetMandate;
impl Endpoint for GetMandate {
    type Verb = verb::Get;
    const PATH: &'static str = "/v1/mandates/{mandate}";
    const TAG: Tag = Tag::Payments;
    const ACCESS: Access = Access::Partner(Some(Scope::PaymentsRead));
    const FAILS: &'static [ErrorCode] = &[ErrorCode::MandateNotFound];
    type Params = MandatePath;
    type Query = Nothing;
    type Body = Nothing;
    type Reply = Mandate;
}

/// Revoke a mandate
///
/// Nothing can be charged within it from now on. Revoking a mandate that has ended changes nothing.
#[derive(ToSchema)]
pub struct RevokeMandate;
impl Endpoint for RevokeMandate {
    type Verb = verb::Post;
    const PATH: &'static str = "/v1/mandates/{mandate}/revoke";
    const TAG: Tag = Tag::Payments;
    const ACCESS: Access = Access::Partner(Some(Scope::PaymentsWrite));
    const FAILS: &'static [ErrorCode] = &[ErrorCode::MandateNotFound];
    type Params = MandatePath;
    type Query = Nothing;
    type Body = Nothing;
    type Reply = Mandate;
}

/// A test mandate to create.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct NewMandate {
    /// The fan who consents.
    pub fan: FanId,
    /// The circle the mandate is for; all your circles when omitted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub circle: Option<CircleId>,
    /// Maximum amount of one payment; more than zero.
    pub per_payment: Money,
    /// Maximum amount in one day (UTC), in the same currency; at least `per_payment`.
    pub per_day: Money,
    /// Until when the mandate can be used; in the future.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Time>,
}

impl NewMandate {
    /// A mandate for all your circles, without an expiry.
    pub const fn new(fan: FanId, per_payment: Money, per_day: Money) -> Self {
        Self { fan, circle: None, per_payment, per_day, expires_at: None }
    }

    /// Restricts the mandate to this circle.
    #[must_use]
    pub const fn circle(mut self, circle: CircleId) -> Self {
        self.circle = Some(circle);
        self
    }

    /// Sets the expiry.
    #[must_use]
    pub const fn expires_at(mut self, time: Time) -> Self {
        self.expires_at = Some(time);
        self
    }
}

impl Example for NewMandate {
    fn example() -> Self {
        let money = |amount| Money::new(amount, crate::Currency::CNY);
        Self::new(FanId::example(), money(2_000), money(10_000)).circle(CircleId::example()).expires_at(Time::example())
    }
}
impl JsonBody for NewMandate {}

/// Create a mandate of a test fan
///
/// Sandbox only: in live mode the fan consents on a page of the gateway, after POST /v1/me/mandates.
#[derive(ToSchema)]
pub struct CreateSandboxMandate;
impl Endpoint for CreateSandboxMandate {
    type Verb = verb::Post;
    const PATH: &'static str = "/sandbox/v1/mandates";
    const TAG: Tag = Tag::Sandbox;
    const ACCESS: Access = Access::Partner(Some(Scope::Sandbox));
    const STATUS: u16 = 201;
    const FAILS: &'static [ErrorCode] = &[ErrorCode::FanNotFound, ErrorCode::CircleNotFound];
    type Params = Nothing;
    type Query = Nothing;
    type Body = NewMandate;
    type Reply = Mandate;
}
