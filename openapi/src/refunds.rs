//! Refunds of payments, in full or in part.

use serde::{Deserialize, Serialize};

use crate::endpoint::{Access, Endpoint, Example, Fields, Idempotency, JsonBody, Nothing, Reply, Tag, verb};
use crate::error_code::ErrorCode;
use crate::id::{PaymentId, RefundId};
use crate::money::Money;
use crate::page::{Cursor, Limit, Page};
use crate::payments::PaymentPath;
use crate::schema::ToSchema;
use crate::scope::Scope;
use crate::text::{Text, Words};
use crate::time::Time;

/// Kind of [`RefundReason`].
#[derive(Debug)]
pub enum RefundReasonWords {}
impl Words for RefundReasonWords {
    const NAME: &'static str = "RefundReason";
    const ABOUT: &'static str = "Reason for the refund; visible to the fan.";
    const MAX: usize = 200;
    const EXAMPLE: &'static str = "The meet-up was called off.";
}
/// Reason for a refund.
pub type RefundReason = Text<RefundReasonWords>;

/// Money refunded to the fan. A refund never changes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[cfg_attr(not(feature = "server"), non_exhaustive)]
pub struct Refund {
    /// The refund's id.
    pub id: RefundId,
    /// The payment.
    pub payment: PaymentId,
    /// Amount the fan got back.
    pub amount: Money,
    /// The platform's share of the refund: its fee, in proportion.
    pub fee: Money,
    /// The circle's share of the refund: `amount` − `fee`.
    pub net: Money,
    /// Reason for the refund.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<RefundReason>,
    /// Always 1: a refund never changes.
    pub version: i64,
    /// When the refund was made.
    pub created_at: Time,
}

impl Example for Refund {
    fn example() -> Self {
        let money = |amount| Money::new(amount, crate::Currency::CNY);
        Self {
            id: RefundId::example(),
            payment: PaymentId::example(),
            amount: money(500),
            fee: money(15),
            net: money(485),
            reason: Some(RefundReason::example()),
            version: 1,
            created_at: Time::example(),
        }
    }
}

impl Reply for Refund {
    fn example_value() -> serde_json::Value {
        crate::example_of::<Self>()
    }
}

/// A refund to create.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct NewRefund {
    /// Amount in the payment's currency; when omitted, everything that has not been refunded yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub amount: Option<Money>,
    /// Reason for the refund; visible to the fan.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<RefundReason>,
}

impl NewRefund {
    /// Refunds everything that has not been refunded yet.
    pub const fn rest() -> Self {
        Self { amount: None, reason: None }
    }

    /// Refunds this amount.
    pub const fn part(amount: Money) -> Self {
        Self { amount: Some(amount), reason: None }
    }

    /// Sets the reason.
    #[must_use]
    pub fn reason(mut self, reason: impl Into<RefundReason>) -> Self {
        self.reason = Some(reason.into());
        self
    }
}

impl Example for NewRefund {
    fn example() -> Self {
        Self::part(Money::new(500, crate::Currency::CNY)).reason(RefundReason::example())
    }
}
impl JsonBody for NewRefund {}

/// Paging of a list of refunds.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct RefundsQuery {
    /// Maximum number of entries per page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<Limit>,
    /// `next_cursor` of the previous page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<Cursor>,
}
impl Fields for RefundsQuery {}

/// Path of a refund.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RefundPath {
    /// The refund's id.
    pub refund: RefundId,
}
impl Fields for RefundPath {}

/// Create a refund
///
/// In full or in part, in as many parts as you like, up to the amount the fan paid. The circle returns its share and the
/// platform its fee, in proportion; the last refund returns exactly what is left of both. Refused when the circle's account
/// does not hold enough for its share.
#[derive(ToSchema)]
pub struct CreateRefund;
impl Endpoint for CreateRefund {
    type Verb = verb::Post;
    const PATH: &'static str = "/v1/payments/{payment}/refunds";
    const TAG: Tag = Tag::Payments;
    const ACCESS: Access = Access::Partner(Some(Scope::PaymentsWrite));
    const STATUS: u16 = 201;
    const FAILS: &'static [ErrorCode] = &[
        ErrorCode::PaymentNotFound,
        ErrorCode::PaymentConflict,
        ErrorCode::RefundTooLarge,
        ErrorCode::BalanceInsufficient,
        ErrorCode::OutcomeUnknown,
    ];
    const IDEMPOTENCY: Idempotency = Idempotency::Required;
    type Params = PaymentPath;
    type Query = Nothing;
    type Body = NewRefund;
    type Reply = Refund;
}

/// List the refunds of a payment
///
/// Newest first; together they add up to the payment's `refunded`.
#[derive(ToSchema)]
pub struct ListRefunds;
impl Endpoint for ListRefunds {
    type Verb = verb::Get;
    const PATH: &'static str = "/v1/payments/{payment}/refunds";
    const TAG: Tag = Tag::Payments;
    const ACCESS: Access = Access::Partner(Some(Scope::PaymentsRead));
    const FAILS: &'static [ErrorCode] = &[ErrorCode::PaymentNotFound];
    type Params = PaymentPath;
    type Query = RefundsQuery;
    type Body = Nothing;
    type Reply = Page<Refund>;
}

/// Get a refund
///
/// A refund is final from the moment it exists.
#[derive(ToSchema)]
pub struct GetRefund;
impl Endpoint for GetRefund {
    type Verb = verb::Get;
    const PATH: &'static str = "/v1/refunds/{refund}";
    const TAG: Tag = Tag::Payments;
    const ACCESS: Access = Access::Partner(Some(Scope::PaymentsRead));
    const FAILS: &'static [ErrorCode] = &[ErrorCode::RefundNotFound];
    type Params = RefundPath;
    type Query = Nothing;
    type Body = Nothing;
    type Reply = Refund;
}
