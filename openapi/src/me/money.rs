//! A fan's money: tips, and mandates.

use serde::{Deserialize, Serialize};

use crate::endpoint::{Access, Endpoint, Example, Fields, Idempotency, JsonBody, Nothing, Tag, verb};
use crate::error_code::ErrorCode;
use crate::id::{CircleId, MandateId, PostId};
use crate::mandates::{Mandate, MandatePath};
use crate::money::Money;
use crate::page::{Cursor, Limit, Page};
use crate::payments::{Payment, PaymentMessage, PaymentPath, PaymentStatus};
use crate::schema::ToSchema;
use crate::scope::FanScope;
use crate::time::Time;

/// A tip from the calling fan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct NewMyPayment {
    /// The circle that is paid.
    pub circle: CircleId,
    /// The post the tip is for: a published post of the circle.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub post: Option<PostId>,
    /// Amount in minor units of a currency; more than zero.
    pub amount: Money,
    /// The fan's message with the tip.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<PaymentMessage>,
    /// A mandate of this fan: the payment then succeeds immediately, without an approval page. Requires the scope
    /// `payments:mandate` as well.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mandate: Option<MandateId>,
}

impl NewMyPayment {
    /// A tip for a circle.
    pub const fn tip(circle: CircleId, amount: Money) -> Self {
        Self { circle, post: None, amount, message: None, mandate: None }
    }

    /// Sets the post the tip is for.
    #[must_use]
    pub const fn post(mut self, post: PostId) -> Self {
        self.post = Some(post);
        self
    }

    /// Sets the message.
    #[must_use]
    pub fn message(mut self, message: impl Into<PaymentMessage>) -> Self {
        self.message = Some(message.into());
        self
    }

    /// Charges the tip within this mandate.
    #[must_use]
    pub const fn mandate(mut self, mandate: MandateId) -> Self {
        self.mandate = Some(mandate);
        self
    }
}

impl Example for NewMyPayment {
    fn example() -> Self {
        Self::tip(CircleId::example(), Money::new(1_000, crate::Currency::CNY))
            .post(PostId::example())
            .message(PaymentMessage::example())
            .mandate(MandateId::example())
    }
}
impl JsonBody for NewMyPayment {}

/// Filter and paging of a list of the fan's payments.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct MyPaymentsQuery {
    /// Only payments to this circle.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub circle: Option<CircleId>,
    /// Only payments with this status.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<PaymentStatus>,
    /// Maximum number of entries per page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<Limit>,
    /// `next_cursor` of the previous page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<Cursor>,
}
impl Fields for MyPaymentsQuery {}

/// A mandate to request from the fan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct NewMyMandate {
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

impl NewMyMandate {
    /// A mandate for all your circles, without an expiry.
    pub const fn new(per_payment: Money, per_day: Money) -> Self {
        Self { circle: None, per_payment, per_day, expires_at: None }
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

impl Example for NewMyMandate {
    fn example() -> Self {
        let money = |amount| Money::new(amount, crate::Currency::CNY);
        Self::new(money(2_000), money(10_000)).circle(CircleId::example()).expires_at(Time::example())
    }
}
impl JsonBody for NewMyMandate {}

/// Paging of a list of the fan's mandates.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct MyMandatesQuery {
    /// Maximum number of entries per page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<Limit>,
    /// `next_cursor` of the previous page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<Cursor>,
}
impl Fields for MyMandatesQuery {}

/// Create a tip as the fan
///
/// Without a mandate the payment requires approval: send the fan to `approval_url`, and get the payment again when the fan
/// returns. Within a mandate of the fan, which also requires the scope `payments:mandate`, it succeeds immediately, or is
/// refused and nothing is stored. The same `Idempotency-Key` returns the same payment.
#[derive(ToSchema)]
pub struct PayAsFan;
impl Endpoint for PayAsFan {
    type Verb = verb::Post;
    const PATH: &'static str = "/v1/me/payments";
    const TAG: Tag = Tag::Me;
    const ACCESS: Access = Access::Fan(FanScope::PaymentsTip);
    const STATUS: u16 = 201;
    const FAILS: &'static [ErrorCode] = &[
        ErrorCode::FanNotFound,
        ErrorCode::CircleNotFound,
        ErrorCode::CircleNotOpen,
        ErrorCode::PostNotFound,
        ErrorCode::PayerNotMember,
        ErrorCode::MandateNotFound,
        ErrorCode::MandateNotActive,
        ErrorCode::MandateLimitReached,
        ErrorCode::PaymentLimitReached,
        ErrorCode::BalanceInsufficient,
        ErrorCode::ChannelUnavailable,
        ErrorCode::PaymentDeclined,
        ErrorCode::OutcomeUnknown,
    ];
    const IDEMPOTENCY: Idempotency = Idempotency::Required;
    type Params = Nothing;
    type Query = Nothing;
    type Body = NewMyPayment;
    type Reply = Payment;
}

/// List the fan's payments
///
/// To your circles, newest first.
#[derive(ToSchema)]
pub struct ListMyPayments;
impl Endpoint for ListMyPayments {
    type Verb = verb::Get;
    const PATH: &'static str = "/v1/me/payments";
    const TAG: Tag = Tag::Me;
    const ACCESS: Access = Access::Fan(FanScope::PaymentsTip);
    type Params = Nothing;
    type Query = MyPaymentsQuery;
    type Body = Nothing;
    type Reply = Page<Payment>;
}

/// Get a payment of the fan
///
/// While the payment requires approval, it contains the URL of the page where the fan decides.
#[derive(ToSchema)]
pub struct GetMyPayment;
impl Endpoint for GetMyPayment {
    type Verb = verb::Get;
    const PATH: &'static str = "/v1/me/payments/{payment}";
    const TAG: Tag = Tag::Me;
    const ACCESS: Access = Access::Fan(FanScope::PaymentsTip);
    const FAILS: &'static [ErrorCode] = &[ErrorCode::PaymentNotFound];
    type Params = PaymentPath;
    type Query = Nothing;
    type Body = Nothing;
    type Reply = Payment;
}

/// Request a mandate from the fan
///
/// The mandate is `requires_consent`: send the fan to `consent_url`, where the limits are explained. It becomes `active`
/// when the fan agrees, `declined` when the fan declines, and `expired` when the fan does not decide within 30 minutes. At
/// most five can wait for one fan at a time; a mandate that the fan never agreed to is deleted after 30 days.
#[derive(ToSchema)]
pub struct AskMyMandate;
impl Endpoint for AskMyMandate {
    type Verb = verb::Post;
    const PATH: &'static str = "/v1/me/mandates";
    const TAG: Tag = Tag::Me;
    const ACCESS: Access = Access::Fan(FanScope::PaymentsMandate);
    const STATUS: u16 = 201;
    const FAILS: &'static [ErrorCode] = &[ErrorCode::CircleNotFound, ErrorCode::MandatesWaiting];
    type Params = Nothing;
    type Query = Nothing;
    type Body = NewMyMandate;
    type Reply = Mandate;
}

/// List the fan's mandates
///
/// Newest first, ended mandates included.
#[derive(ToSchema)]
pub struct ListMyMandates;
impl Endpoint for ListMyMandates {
    type Verb = verb::Get;
    const PATH: &'static str = "/v1/me/mandates";
    const TAG: Tag = Tag::Me;
    const ACCESS: Access = Access::Fan(FanScope::PaymentsMandate);
    type Params = Nothing;
    type Query = MyMandatesQuery;
    type Body = Nothing;
    type Reply = Page<Mandate>;
}

/// Get a mandate of the fan
///
/// While the mandate requires consent, it contains the URL of the page where the fan decides.
#[derive(ToSchema)]
pub struct GetMyMandate;
impl Endpoint for GetMyMandate {
    type Verb = verb::Get;
    const PATH: &'static str = "/v1/me/mandates/{mandate}";
    const TAG: Tag = Tag::Me;
    const ACCESS: Access = Access::Fan(FanScope::PaymentsMandate);
    const FAILS: &'static [ErrorCode] = &[ErrorCode::MandateNotFound];
    type Params = MandatePath;
    type Query = Nothing;
    type Body = Nothing;
    type Reply = Mandate;
}

/// Revoke a mandate as the fan
///
/// Nothing can be charged within it from now on. Revoking a mandate that has ended changes nothing.
#[derive(ToSchema)]
pub struct RevokeMyMandate;
impl Endpoint for RevokeMyMandate {
    type Verb = verb::Delete;
    const PATH: &'static str = "/v1/me/mandates/{mandate}";
    const TAG: Tag = Tag::Me;
    const ACCESS: Access = Access::Fan(FanScope::PaymentsMandate);
    const STATUS: u16 = 204;
    const FAILS: &'static [ErrorCode] = &[ErrorCode::MandateNotFound];
    type Params = MandatePath;
    type Query = Nothing;
    type Body = Nothing;
    type Reply = Nothing;
}
