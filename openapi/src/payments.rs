//! Payments by fans: approved on a page, or charged within a mandate.
//!
//! A refused payment leaves no trace; a payment that exists always has a status: `requires_approval` → `succeeded` |
//! `declined` | `canceled` | `expired`, then `partially_refunded` | `refunded`.

use serde::{Deserialize, Serialize};

use crate::endpoint::{
    Access, ETAG, Endpoint, Example, Fields, Idempotency, JsonBody, Nothing, Reply, ReplyHeader, Tag, verb,
};
use crate::error_code::ErrorCode;
use crate::id::{CircleId, FanId, MandateId, PaymentId, PostId};
use crate::money::Money;
use crate::open::Open;
use crate::page::{Cursor, Limit, Page};
use crate::partners::etag;
use crate::schema::ToSchema;
use crate::scope::Scope;
use crate::text::{Text, Words};
use crate::time::Time;

/// What a payment is for. More kinds are added over time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum PaymentKind {
    /// A gift to the circle or for a post.
    Tip,
}

/// Status of a payment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum PaymentStatus {
    /// The fan has not decided yet: send them to `approval_url`.
    RequiresApproval,
    /// The money is in the circle's account.
    Succeeded,
    /// The fan or the channel declined.
    Declined,
    /// You canceled the payment before the fan decided.
    Canceled,
    /// The fan did not decide in time.
    Expired,
    /// A part was refunded.
    PartiallyRefunded,
    /// The full amount was refunded.
    Refunded,
}

/// Why a payment was declined.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum DeclineReason {
    /// The fan declined.
    Fan,
    /// The channel declined.
    Channel,
}

/// Kind of [`MerchantReference`].
#[derive(Debug)]
pub enum MerchantReferenceWords {}
impl Words for MerchantReferenceWords {
    const NAME: &'static str = "MerchantReference";
    const ABOUT: &'static str = "Your own reference for a payment, permanently unique among your payments.";
    const MAX: usize = 64;
    const EXAMPLE: &'static str = "2026-11-20-000042";
    const PATTERN: Option<&'static str> = Some("^[0-9A-Za-z_-]+$");
    fn check(text: &str) -> Result<(), &'static str> {
        let plain = text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'));
        if plain { Ok(()) } else { Err("letters, digits, - and _ only") }
    }
}
/// Your own reference for a payment.
pub type MerchantReference = Text<MerchantReferenceWords>;

/// Kind of [`PaymentMessage`].
#[derive(Debug)]
pub enum PaymentMessageWords {}
impl Words for PaymentMessageWords {
    const NAME: &'static str = "PaymentMessage";
    const ABOUT: &'static str = "The fan's message with the payment.";
    const MAX: usize = 200;
    const EXAMPLE: &'static str = "For the cats!";
}
/// What the fan says with the payment.
pub type PaymentMessage = Text<PaymentMessageWords>;

/// A payment of a fan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[cfg_attr(not(feature = "server"), non_exhaustive)]
pub struct Payment {
    /// The payment's id.
    pub id: PaymentId,
    /// What the payment is for.
    #[schema(value_type = PaymentKind)]
    pub kind: Open<PaymentKind>,
    /// Status of the payment.
    #[schema(value_type = PaymentStatus)]
    pub status: Open<PaymentStatus>,
    /// The fan who pays.
    pub fan: FanId,
    /// The circle whose account is paid.
    pub circle: CircleId,
    /// The post the payment is for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub post: Option<PostId>,
    /// What the fan pays.
    pub amount: Money,
    /// The platform's share of the amount.
    pub fee: Money,
    /// The circle's share of the amount: `amount` − `fee`.
    pub net: Money,
    /// Amount refunded to the fan so far.
    pub refunded: Money,
    /// The fan's message with the payment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<PaymentMessage>,
    /// The mandate within which the payment was charged.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mandate: Option<MandateId>,
    /// Your own reference.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub merchant_reference: Option<MerchantReference>,
    /// The page where the fan decides; only while the payment requires approval. Give it only to the fan: in live mode the
    /// fan has to sign in there, in a sandbox anyone with the URL can decide.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(format = "uri")]
    pub approval_url: Option<String>,
    /// Until when the fan can decide.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Time>,
    /// Why the payment was declined.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<DeclineReason>)]
    pub decline_reason: Option<Open<DeclineReason>>,
    /// Incremented with each change; the ETag is this number in quotes.
    pub version: i64,
    /// When the payment was created.
    pub created_at: Time,
    /// When the payment was last changed.
    pub updated_at: Time,
    /// When the money moved.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub succeeded_at: Option<Time>,
}

impl Example for Payment {
    fn example() -> Self {
        let money = |amount| Money::new(amount, crate::Currency::CNY);
        Self {
            id: PaymentId::example(),
            kind: PaymentKind::Tip.into(),
            status: PaymentStatus::Succeeded.into(),
            fan: FanId::example(),
            circle: CircleId::example(),
            post: Some(PostId::example()),
            amount: money(1_000),
            fee: money(30),
            net: money(970),
            refunded: money(0),
            message: Some(PaymentMessage::example()),
            mandate: Some(MandateId::example()),
            merchant_reference: Some(MerchantReference::example()),
            approval_url: None,
            expires_at: None,
            decline_reason: None,
            version: 1,
            created_at: Time::example(),
            updated_at: Time::example(),
            succeeded_at: Some(Time::example()),
        }
    }
}

impl Reply for Payment {
    const HEADERS: &'static [ReplyHeader] = &[ETAG];

    fn headers(&self) -> Vec<String> {
        vec![etag(self.version)]
    }

    fn example_value() -> serde_json::Value {
        crate::example_of::<Self>()
    }
}

/// A payment to create.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct NewPayment {
    /// What the payment is for.
    pub kind: PaymentKind,
    /// The fan who pays: an active member of the circle.
    pub fan: FanId,
    /// The circle that is paid.
    pub circle: CircleId,
    /// The post the payment is for: a published post of the circle.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub post: Option<PostId>,
    /// Amount in minor units of a currency; more than zero.
    pub amount: Money,
    /// The fan's message with the payment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<PaymentMessage>,
    /// A mandate of this fan: the payment then succeeds immediately, without an approval page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mandate: Option<MandateId>,
    /// Your own reference, permanently unique among your payments.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub merchant_reference: Option<MerchantReference>,
}

impl NewPayment {
    /// A tip for a circle.
    pub const fn tip(fan: FanId, circle: CircleId, amount: Money) -> Self {
        Self {
            kind: PaymentKind::Tip,
            fan,
            circle,
            post: None,
            amount,
            message: None,
            mandate: None,
            merchant_reference: None,
        }
    }

    /// Sets the post the payment is for.
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

    /// Charges the payment within this mandate.
    #[must_use]
    pub const fn mandate(mut self, mandate: MandateId) -> Self {
        self.mandate = Some(mandate);
        self
    }

    /// Sets your own reference.
    #[must_use]
    pub fn merchant_reference(mut self, number: impl Into<MerchantReference>) -> Self {
        self.merchant_reference = Some(number.into());
        self
    }
}

impl Example for NewPayment {
    fn example() -> Self {
        Self::tip(FanId::example(), CircleId::example(), Money::new(1_000, crate::Currency::CNY))
            .post(PostId::example())
            .message(PaymentMessage::example())
            .mandate(MandateId::example())
            .merchant_reference(MerchantReference::example())
    }
}
impl JsonBody for NewPayment {}

/// Path of a payment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PaymentPath {
    /// The payment's id.
    pub payment: PaymentId,
}
impl Fields for PaymentPath {}

/// Filter and paging of a list of payments.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct PaymentsQuery {
    /// Only payments to this circle.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub circle: Option<CircleId>,
    /// Only payments of this fan.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fan: Option<FanId>,
    /// Only payments with this status.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<PaymentStatus>,
    /// Only payments created at or after this time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<Time>,
    /// Only payments created before this time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Time>,
    /// Maximum number of entries per page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<Limit>,
    /// `next_cursor` of the previous page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<Cursor>,
}
impl Fields for PaymentsQuery {}

/// Create a payment
///
/// Without a mandate the payment requires approval: send the fan to `approval_url`, and learn the outcome from the event
/// `payment.succeeded`, `payment.declined` or `payment.expired`. Within a mandate it succeeds immediately, or is refused and
/// nothing is stored. The same `Idempotency-Key` returns the same payment, however often you retry, so nobody pays twice.
#[derive(ToSchema)]
pub struct CreatePayment;
impl Endpoint for CreatePayment {
    type Verb = verb::Post;
    const PATH: &'static str = "/v1/payments";
    const TAG: Tag = Tag::Payments;
    const ACCESS: Access = Access::Partner(Some(Scope::PaymentsWrite));
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
        ErrorCode::MerchantReferenceTaken,
        ErrorCode::ChannelUnavailable,
        ErrorCode::PaymentDeclined,
        ErrorCode::OutcomeUnknown,
    ];
    const IDEMPOTENCY: Idempotency = Idempotency::Required;
    type Params = Nothing;
    type Query = Nothing;
    type Body = NewPayment;
    type Reply = Payment;
}

/// List payments
///
/// Newest first.
#[derive(ToSchema)]
pub struct ListPayments;
impl Endpoint for ListPayments {
    type Verb = verb::Get;
    const PATH: &'static str = "/v1/payments";
    const TAG: Tag = Tag::Payments;
    const ACCESS: Access = Access::Partner(Some(Scope::PaymentsRead));
    type Params = Nothing;
    type Query = PaymentsQuery;
    type Body = Nothing;
    type Reply = Page<Payment>;
}

/// Get a payment
///
/// While the payment requires approval, it contains the URL of the page where the fan decides.
#[derive(ToSchema)]
pub struct GetPayment;
impl Endpoint for GetPayment {
    type Verb = verb::Get;
    const PATH: &'static str = "/v1/payments/{payment}";
    const TAG: Tag = Tag::Payments;
    const ACCESS: Access = Access::Partner(Some(Scope::PaymentsRead));
    const FAILS: &'static [ErrorCode] = &[ErrorCode::PaymentNotFound];
    type Params = PaymentPath;
    type Query = Nothing;
    type Body = Nothing;
    type Reply = Payment;
}

/// Cancel a payment
///
/// Cancels a payment that is still waiting for approval; its page tells the fan. Canceling a canceled payment changes
/// nothing.
#[derive(ToSchema)]
pub struct CancelPayment;
impl Endpoint for CancelPayment {
    type Verb = verb::Post;
    const PATH: &'static str = "/v1/payments/{payment}/cancel";
    const TAG: Tag = Tag::Payments;
    const ACCESS: Access = Access::Partner(Some(Scope::PaymentsWrite));
    const FAILS: &'static [ErrorCode] =
        &[ErrorCode::PaymentNotFound, ErrorCode::PaymentConflict, ErrorCode::OutcomeUnknown];
    type Params = PaymentPath;
    type Query = Nothing;
    type Body = Nothing;
    type Reply = Payment;
}
