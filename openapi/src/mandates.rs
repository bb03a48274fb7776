//! Mandates: a fan's standing consent to be charged within limits, without a page for each payment.

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

/// Where a mandate stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum MandateStatus {
    /// The fan is asked, and has not decided.
    RequiresConsent,
    /// Payments can be made within it.
    Active,
    /// The fan said no.
    Declined,
    /// The fan took it back, or you gave it up.
    Revoked,
    /// Its time is over, or the time to decide.
    Expired,
}

/// A fan's standing consent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[cfg_attr(not(feature = "server"), non_exhaustive)]
pub struct Mandate {
    /// Its id.
    pub id: MandateId,
    /// Whose consent it is.
    pub fan: FanId,
    /// The circle it is for; left out: all your circles.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub circle: Option<CircleId>,
    /// Where it stands.
    #[schema(value_type = MandateStatus)]
    pub status: Open<MandateStatus>,
    /// Most of one payment.
    pub per_payment: Money,
    /// Most in one day (UTC), in the same currency.
    pub per_day: Money,
    /// Until when it can be used.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Time>,
    /// The page where the fan decides; only while the mandate requires consent. Whoever has the address can see what the fan is
    /// asked: give it to the fan alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(format = "uri")]
    pub consent_url: Option<String>,
    /// Until when the fan can decide.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub consent_until: Option<Time>,
    /// Counts the changes; the ETag is this number in quotes.
    pub version: i64,
    /// When the fan was asked.
    pub created_at: Time,
    /// When it last changed.
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

/// Which mandate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct MandatePath {
    /// The mandate.
    pub mandate: MandateId,
}
impl Fields for MandatePath {}

/// Which mandates, and which page of them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct MandatesQuery {
    /// Only those of this fan.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fan: Option<FanId>,
    /// Entries per page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<Limit>,
    /// `next_cursor` of the page before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<Cursor>,
}
impl Fields for MandatesQuery {}

/// List mandates
///
/// Newest first, those that are over too.
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

/// Read a mandate
///
/// Its limits are what the fan agreed to; they never change.
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

/// Give a mandate up
///
/// From then on nothing is charged within it. A mandate that is over already stays as it is.
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

/// A mandate to invent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct NewMandate {
    /// Who consents.
    pub fan: FanId,
    /// For this circle; left out: all your circles.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub circle: Option<CircleId>,
    /// Most of one payment; more than zero.
    pub per_payment: Money,
    /// Most in one day (UTC), in the same currency; at least `per_payment`.
    pub per_day: Money,
    /// Until when it can be used; in the future.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Time>,
}

impl NewMandate {
    /// For all your circles, without an end.
    pub const fn new(fan: FanId, per_payment: Money, per_day: Money) -> Self {
        Self { fan, circle: None, per_payment, per_day, expires_at: None }
    }

    /// For this circle only.
    #[must_use]
    pub const fn circle(mut self, circle: CircleId) -> Self {
        self.circle = Some(circle);
        self
    }

    /// Until then.
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

/// Let an invented fan consent
///
/// Sandbox only: in live mode the fan consents on a page of ours, as with POST /v1/me/mandates.
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
