//! Payments: a fan pays. Approved on a page, or charged within a mandate.
//!
//! A payment that is refused leaves nothing behind; one that exists says what became of it. States:
//! `requires_approval` → `succeeded` | `declined` | `canceled` | `expired`, then `partially_refunded` | `refunded`.

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

/// Where a payment stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum PaymentStatus {
    /// The fan has not decided yet: send them to `approval_url`.
    RequiresApproval,
    /// The money is in the circle's account.
    Succeeded,
    /// The fan said no, or the channel did.
    Declined,
    /// You took it back before the fan decided.
    Canceled,
    /// Nobody decided in time.
    Expired,
    /// A part was given back.
    PartiallyRefunded,
    /// All was given back.
    Refunded,
}

/// Why a payment was declined.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum DeclineReason {
    /// The fan said no.
    Fan,
    /// The channel said no.
    Channel,
}

/// The kind of an `merchant_reference`.
#[derive(Debug)]
pub enum MerchantReferenceWords {}
impl Words for MerchantReferenceWords {
    const NAME: &'static str = "MerchantReference";
    const ABOUT: &'static str = "Your own number of a payment, unique for ever among your payments.";
    const MAX: usize = 64;
    const EXAMPLE: &'static str = "2026-11-20-000042";
    const PATTERN: Option<&'static str> = Some("^[0-9A-Za-z_-]+$");
    fn check(text: &str) -> Result<(), &'static str> {
        let plain = text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'));
        if plain { Ok(()) } else { Err("letters, digits, - and _ only") }
    }
}
/// Your own number of a payment.
pub type MerchantReference = Text<MerchantReferenceWords>;

/// The kind of a message that goes with a payment.
#[derive(Debug)]
pub enum PaymentMessageWords {}
impl Words for PaymentMessageWords {
    const NAME: &'static str = "PaymentMessage";
    const ABOUT: &'static str = "What the fan says with the payment.";
    const MAX: usize = 200;
    const EXAMPLE: &'static str = "For the cats!";
}
/// What the fan says with the payment.
pub type PaymentMessage = Text<PaymentMessageWords>;

/// A payment of a fan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[cfg_attr(not(feature = "server"), non_exhaustive)]
pub struct Payment {
    /// Its id.
    pub id: PaymentId,
    /// What it is for.
    #[schema(value_type = PaymentKind)]
    pub kind: Open<PaymentKind>,
    /// Where it stands.
    #[schema(value_type = PaymentStatus)]
    pub status: Open<PaymentStatus>,
    /// Who pays.
    pub fan: FanId,
    /// Who is paid: the circle's account.
    pub circle: CircleId,
    /// The post it is for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub post: Option<PostId>,
    /// What the fan pays.
    pub amount: Money,
    /// The platform's part of the amount.
    pub fee: Money,
    /// The circle's part of the amount: `amount` − `fee`.
    pub net: Money,
    /// What was given back to the fan so far.
    pub refunded: Money,
    /// What the fan says with it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<PaymentMessage>,
    /// The mandate it was charged within.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mandate: Option<MandateId>,
    /// Your own number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub merchant_reference: Option<MerchantReference>,
    /// The page where the fan decides; only while the payment requires approval. Give it to the fan alone: in live mode the fan has
    /// to sign in there, in a sandbox whoever has the address can decide.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(format = "uri")]
    pub approval_url: Option<String>,
    /// Until when the fan can decide.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Time>,
    /// Why it was declined.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<DeclineReason>)]
    pub decline_reason: Option<Open<DeclineReason>>,
    /// Counts the changes; the ETag is this number in quotes.
    pub version: i64,
    /// When it was made.
    pub created_at: Time,
    /// When it last changed.
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

/// A payment to make.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct NewPayment {
    /// What it is for.
    pub kind: PaymentKind,
    /// Who pays: an active member of the circle.
    pub fan: FanId,
    /// Who is paid.
    pub circle: CircleId,
    /// The post it is for: a published one of the circle.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub post: Option<PostId>,
    /// How much, in minor units of a currency; more than zero.
    pub amount: Money,
    /// What the fan says with it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<PaymentMessage>,
    /// A mandate of this fan: with it the payment succeeds in the call, without a page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mandate: Option<MandateId>,
    /// Your own number, unique for ever among your payments.
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

    /// For this post.
    #[must_use]
    pub const fn post(mut self, post: PostId) -> Self {
        self.post = Some(post);
        self
    }

    /// With these words.
    #[must_use]
    pub fn message(mut self, message: impl Into<PaymentMessage>) -> Self {
        self.message = Some(message.into());
        self
    }

    /// Within this mandate.
    #[must_use]
    pub const fn mandate(mut self, mandate: MandateId) -> Self {
        self.mandate = Some(mandate);
        self
    }

    /// Under this number of yours.
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

/// Which payment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PaymentPath {
    /// The payment.
    pub payment: PaymentId,
}
impl Fields for PaymentPath {}

/// Which payments, and which page of them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct PaymentsQuery {
    /// Only those to this circle.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub circle: Option<CircleId>,
    /// Only those of this fan.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fan: Option<FanId>,
    /// Only those that stand here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<PaymentStatus>,
    /// Only those made at this time or later.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<Time>,
    /// Only those made before this time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Time>,
    /// Entries per page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<Limit>,
    /// `next_cursor` of the page before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<Cursor>,
}
impl Fields for PaymentsQuery {}

/// Charge a fan
///
/// Without a mandate the payment requires approval: send the fan to `approval_url`, and learn the outcome from the event
/// `payment.succeeded`, `payment.declined` or `payment.expired`. Within a mandate it succeeds in the call, or is refused and
/// nothing is written. The same `Idempotency-Key` gives the same payment, however often you ask; so does nobody pay twice.
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

/// Read a payment
///
/// While it requires approval it carries the address of the page where the fan decides.
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
/// Takes back a payment that nobody decided about yet; its page says so to the fan. One that is canceled already stays as it is.
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
