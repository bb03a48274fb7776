//! Wallets of test fans, and their decisions: the sandbox's replacement for a bank and a person.

use serde::{Deserialize, Serialize};

use crate::endpoint::{Access, Endpoint, Example, JsonBody, Nothing, Reply, Tag, verb};
use crate::error_code::ErrorCode;
use crate::fans::FanPath;
use crate::id::FanId;
use crate::money::{Currency, Money};
use crate::payments::{Payment, PaymentPath};
use crate::schema::ToSchema;
use crate::scope::Scope;

/// The wallet of a test fan in one currency.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[cfg_attr(not(feature = "server"), non_exhaustive)]
pub struct Wallet {
    /// The fan.
    pub fan: FanId,
    /// Balance of the wallet.
    pub balance: Money,
    /// Amount the fan can spend.
    pub available: Money,
}

impl Example for Wallet {
    fn example() -> Self {
        let money = Money::new(10_000, Currency::CNY);
        Self { fan: FanId::example(), balance: money, available: money }
    }
}

impl Reply for Wallet {
    fn example_value() -> serde_json::Value {
        crate::example_of::<Self>()
    }
}

/// A top-up of a wallet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct TopUp {
    /// Amount; more than zero.
    pub amount: Money,
}

impl TopUp {
    /// Tops up by this amount.
    pub const fn new(amount: Money) -> Self {
        Self { amount }
    }
}

impl Example for TopUp {
    fn example() -> Self {
        Self::new(Money::new(10_000, Currency::CNY))
    }
}
impl JsonBody for TopUp {}

/// Top up a test fan's wallet
///
/// Sandbox only. The money comes from the channel's account, so the books stay balanced.
#[derive(ToSchema)]
pub struct TopUpWallet;
impl Endpoint for TopUpWallet {
    type Verb = verb::Post;
    const PATH: &'static str = "/sandbox/v1/fans/{fan}/top_up";
    const TAG: Tag = Tag::Sandbox;
    const ACCESS: Access = Access::Partner(Some(Scope::Sandbox));
    const FAILS: &'static [ErrorCode] = &[ErrorCode::FanNotFound, ErrorCode::OutcomeUnknown];
    type Params = FanPath;
    type Query = Nothing;
    type Body = TopUp;
    type Reply = Wallet;
}

/// Approve a payment as the fan
///
/// Sandbox only: the same as the fan's button on the page. Approving twice moves the money once. Some amounts (in minor
/// units) simulate a failure: 66601 has insufficient funds, 66602 is declined by the channel, 66603 takes half a minute,
/// 66604 finds the channel unavailable, 66605 is reported twice.
#[derive(ToSchema)]
pub struct ApproveSandboxPayment;
impl Endpoint for ApproveSandboxPayment {
    type Verb = verb::Post;
    const PATH: &'static str = "/sandbox/v1/payments/{payment}/approve";
    const TAG: Tag = Tag::Sandbox;
    const ACCESS: Access = Access::Partner(Some(Scope::Sandbox));
    const FAILS: &'static [ErrorCode] = &[
        ErrorCode::PaymentNotFound,
        ErrorCode::PaymentConflict,
        ErrorCode::FanNotFound,
        ErrorCode::CircleNotFound,
        ErrorCode::CircleNotOpen,
        ErrorCode::PayerNotMember,
        ErrorCode::PostNotFound,
        ErrorCode::BalanceInsufficient,
        ErrorCode::PaymentLimitReached,
        ErrorCode::ChannelUnavailable,
        ErrorCode::OutcomeUnknown,
    ];
    type Params = PaymentPath;
    type Query = Nothing;
    type Body = Nothing;
    type Reply = Payment;
}

/// Decline a payment as the fan
///
/// Sandbox only: the same as the fan's other button on the page. Declining a declined payment changes nothing.
#[derive(ToSchema)]
pub struct DeclineSandboxPayment;
impl Endpoint for DeclineSandboxPayment {
    type Verb = verb::Post;
    const PATH: &'static str = "/sandbox/v1/payments/{payment}/decline";
    const TAG: Tag = Tag::Sandbox;
    const ACCESS: Access = Access::Partner(Some(Scope::Sandbox));
    const FAILS: &'static [ErrorCode] =
        &[ErrorCode::PaymentNotFound, ErrorCode::PaymentConflict, ErrorCode::OutcomeUnknown];
    type Params = PaymentPath;
    type Query = Nothing;
    type Body = Nothing;
    type Reply = Payment;
}
