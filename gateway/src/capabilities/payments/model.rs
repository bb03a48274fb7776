//! The rules of payments. Pure: from a payment and an action to the next payment.

use std::fmt;

use quanzi_openapi::id::{CircleId, FanId, MandateId, PartnerId, PaymentId, PersonId, PostId, RefundId, TransferId};
use quanzi_openapi::payments::{
    DeclineReason, MerchantReference, NewPayment, Payment, PaymentKind, PaymentMessage, PaymentStatus,
};
use quanzi_openapi::refunds::{Refund, RefundReason};
use quanzi_openapi::{Currency, ErrorCode, Money, Time};
use serde::Serialize;
use sqlx::FromRow;

use crate::platform::db::{As, as_micros, as_optional_micros, enum_text};
use crate::platform::fault::Fault;
use crate::platform::ledger::model::fee_share;

/// How long a fan can decide.
pub const APPROVAL_SECONDS: i64 = 30 * 60;
/// How long a slow channel of the sandbox takes.
pub const SLOW_SECONDS: i64 = 30;

/// What a fan may spend, in whole units of each currency: per payment and per day, for adults and for all others.
pub struct Limits {
    /// The currency.
    pub currency: Currency,
    /// Per payment and per day, of who is known to be an adult.
    pub adult: (i64, i64),
    /// The same of everybody else.
    pub other: (i64, i64),
}

/// The table of limits; the guide on payments shows the same.
pub const LIMITS: [Limits; 5] = [
    Limits { currency: Currency::CNY, adult: (5_000, 20_000), other: (50, 200) },
    Limits { currency: Currency::USD, adult: (700, 2_800), other: (7, 28) },
    Limits { currency: Currency::EUR, adult: (650, 2_600), other: (6, 24) },
    Limits { currency: Currency::JPY, adult: (100_000, 400_000), other: (1_000, 4_000) },
    Limits { currency: Currency::KWD, adult: (200, 800), other: (2, 8) },
];

/// What a fan may spend in a payment and in a day, in minor units.
pub fn limits(currency: Currency, adult: bool) -> (i64, i64) {
    let unit = 10_i64.pow(currency.decimals());
    let row = LIMITS.iter().find(|row| row.currency == currency);
    let (payment, day) = row.map_or((0, 0), |row| if adult { row.adult } else { row.other });
    (payment * unit, day * unit)
}

/// What the channel of a sandbox does with certain amounts (in minor units).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SandboxScenario {
    /// The wallet holds too little, whatever is in it.
    Insufficient,
    /// The channel declines.
    Declined,
    /// The channel takes a while.
    Slow,
    /// The channel does not answer.
    Down,
    /// The channel reports the approval twice.
    Twice,
}

impl SandboxScenario {
    /// The scenario of an amount.
    pub const fn of(amount: i64) -> Option<Self> {
        match amount {
            66_601 => Some(Self::Insufficient),
            66_602 => Some(Self::Declined),
            66_603 => Some(Self::Slow),
            66_604 => Some(Self::Down),
            66_605 => Some(Self::Twice),
            _ => None,
        }
    }
}

/// A payment as it is kept; serialised for its columns only.
#[derive(Clone, PartialEq, Eq, FromRow, Serialize)]
pub struct PaymentRow {
    #[sqlx(try_from = "As<PartnerId>")]
    pub partner_id: PartnerId,
    #[sqlx(try_from = "As<PaymentId>")]
    pub id: PaymentId,
    #[sqlx(try_from = "As<PaymentKind>")]
    pub kind: PaymentKind,
    #[sqlx(try_from = "As<PaymentStatus>")]
    pub status: PaymentStatus,
    #[sqlx(try_from = "As<FanId>")]
    pub fan_id: FanId,
    #[sqlx(try_from = "As<PersonId>")]
    pub person_id: PersonId,
    #[sqlx(try_from = "As<CircleId>")]
    pub circle_id: CircleId,
    #[sqlx(try_from = "As<Option<PostId>>")]
    pub post_id: Option<PostId>,
    #[sqlx(try_from = "As<Option<FanId>>")]
    pub author_id: Option<FanId>,
    #[sqlx(try_from = "As<Option<MandateId>>")]
    pub mandate_id: Option<MandateId>,
    pub amount: i64,
    #[sqlx(try_from = "As<Currency>")]
    pub currency: Currency,
    pub fee: i64,
    pub refunded: i64,
    pub fee_refunded: i64,
    #[sqlx(try_from = "As<Option<PaymentMessage>>")]
    pub message: Option<PaymentMessage>,
    #[sqlx(try_from = "As<Option<MerchantReference>>")]
    pub merchant_reference: Option<MerchantReference>,
    #[sqlx(try_from = "As<Option<DeclineReason>>")]
    pub decline_reason: Option<DeclineReason>,
    pub token: Option<String>,
    #[sqlx(try_from = "As<Option<TransferId>>")]
    pub pending_net: Option<TransferId>,
    #[sqlx(try_from = "As<Option<TransferId>>")]
    pub pending_fee: Option<TransferId>,
    #[serde(serialize_with = "as_optional_micros")]
    #[sqlx(try_from = "As<Option<Time>>")]
    pub expires_at: Option<Time>,
    #[serde(serialize_with = "as_optional_micros")]
    #[sqlx(try_from = "As<Option<Time>>")]
    pub succeeded_at: Option<Time>,
    pub version: i64,
    #[serde(serialize_with = "as_micros")]
    #[sqlx(try_from = "As<Time>")]
    pub created_at: Time,
    #[serde(serialize_with = "as_micros")]
    #[sqlx(try_from = "As<Time>")]
    pub updated_at: Time,
}

/// Without the page, whose address is how a fan pays, and without the person behind the fan.
impl fmt::Debug for PaymentRow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut row = f.debug_struct("PaymentRow");
        row.field("id", &self.id).field("kind", &self.kind).field("status", &self.status);
        row.field("amount", &self.amount).field("version", &self.version).finish_non_exhaustive()
    }
}

impl PaymentRow {
    /// A payment that nobody has decided about.
    pub fn new(
        (partner_id, id): (PartnerId, PaymentId),
        new: &NewPayment,
        (person_id, author_id): (PersonId, Option<FanId>),
        fee: Money,
        now: Time,
    ) -> Self {
        Self {
            partner_id,
            id,
            kind: new.kind,
            status: PaymentStatus::RequiresApproval,
            fan_id: new.fan,
            person_id,
            circle_id: new.circle,
            post_id: new.post,
            author_id,
            mandate_id: new.mandate,
            amount: new.amount.amount,
            currency: new.amount.currency,
            fee: fee.amount,
            refunded: 0,
            fee_refunded: 0,
            message: new.message.clone(),
            merchant_reference: new.merchant_reference.clone(),
            decline_reason: None,
            token: None,
            pending_net: None,
            pending_fee: None,
            expires_at: None,
            succeeded_at: None,
            version: 1,
            created_at: now,
            updated_at: now,
        }
    }

    /// The circle's part.
    pub const fn net(&self) -> i64 {
        self.amount - self.fee
    }

    /// Whether money is reserved for it: the fan said yes, and the channel has not finished.
    pub const fn is_under_way(&self) -> bool {
        self.pending_net.is_some() || self.pending_fee.is_some()
    }

    /// As the partner reads it.
    pub fn payment(&self, public_url: &str) -> Payment {
        let money = |amount| Money::new(amount, self.currency);
        let waits = self.status == PaymentStatus::RequiresApproval;
        Payment {
            id: self.id,
            kind: self.kind.into(),
            status: self.status.into(),
            fan: self.fan_id,
            circle: self.circle_id,
            post: self.post_id,
            amount: money(self.amount),
            fee: money(self.fee),
            net: money(self.net()),
            refunded: money(self.refunded),
            message: self.message.clone(),
            mandate: self.mandate_id,
            merchant_reference: self.merchant_reference.clone(),
            approval_url: self.token.as_ref().filter(|_| waits).map(|token| format!("{public_url}/pay/{token}")),
            expires_at: self.expires_at.filter(|_| waits),
            decline_reason: self.decline_reason.map(Into::into),
            version: self.version,
            created_at: self.created_at,
            updated_at: self.updated_at,
            succeeded_at: self.succeeded_at,
        }
    }

    /// The money moved.
    #[must_use]
    pub fn succeeded(&self, now: Time) -> Self {
        let moved = Self { status: PaymentStatus::Succeeded, succeeded_at: Some(now), ..self.clone() };
        Self { pending_net: None, pending_fee: None, ..moved.changed(now) }
    }

    /// Ended without money.
    #[must_use]
    pub fn ended(&self, status: PaymentStatus, reason: Option<DeclineReason>, now: Time) -> Self {
        let ended = Self { status, decline_reason: reason, ..self.clone() };
        Self { pending_net: None, pending_fee: None, ..ended.changed(now) }
    }

    /// The fan said yes, and the channel takes its time: until then it has some.
    #[must_use]
    pub fn under_way(&self, (net, fee): (Option<TransferId>, Option<TransferId>), until: Time, now: Time) -> Self {
        Self { pending_net: net, pending_fee: fee, expires_at: Some(until), ..self.clone() }.changed(now)
    }

    /// After a refund of this much, and the refund.
    pub fn refunded(
        &self,
        id: RefundId,
        amount: Option<Money>,
        reason: Option<RefundReason>,
        now: Time,
    ) -> Result<(Self, RefundRow), Fault> {
        let paid = matches!(self.status, PaymentStatus::Succeeded | PaymentStatus::PartiallyRefunded);
        let left = Money::new(self.amount - self.refunded, self.currency);
        if self.status == PaymentStatus::Refunded {
            let detail = "The payment was already refunded in full.";
            return Err(Fault::new(ErrorCode::RefundTooLarge).detail(detail));
        }
        if !paid {
            return Err(self.conflict("only a payment that succeeded can be refunded"));
        }
        let amount = amount.unwrap_or(left);
        if amount.currency != self.currency {
            let detail = format!("The payment is in {}; refund it in the same currency.", self.currency.code());
            return Err(Fault::field("/amount/currency", detail));
        }
        positive(amount)?;
        if amount.amount > left.amount {
            return Err(Fault::new(ErrorCode::RefundTooLarge).detail(format!("{left} of the payment can be refunded.")));
        }
        let refunded = self.refunded + amount.amount;
        let fee_refunded = fee_share(self.fee, refunded, self.amount);
        let refund = RefundRow {
            id,
            payment_id: self.id,
            amount: amount.amount,
            currency: self.currency,
            fee: fee_refunded - self.fee_refunded,
            reason,
            created_at: now,
        };
        let status = if refunded == self.amount { PaymentStatus::Refunded } else { PaymentStatus::PartiallyRefunded };
        let after = Self { status, refunded, fee_refunded, ..self.clone() };
        Ok((after.changed(now), refund))
    }

    fn changed(self, now: Time) -> Self {
        Self { version: self.version + 1, updated_at: now, ..self }
    }

    /// A refusal: the payment is not where it would have to be.
    pub fn conflict(&self, wanted: &str) -> Fault {
        let status = enum_text(&self.status);
        Fault::new(ErrorCode::PaymentConflict).detail(format!("The payment is {status}; {wanted}."))
    }

    /// Refuses to decide about a payment that is decided.
    pub fn must_wait(&self, now: Time) -> Result<(), Fault> {
        if self.status != PaymentStatus::RequiresApproval {
            return Err(self.conflict("only a payment that requires approval can be decided"));
        }
        if self.expires_at.is_some_and(|expires_at| expires_at <= now) {
            return Err(self.conflict("the time to decide is over"));
        }
        Ok(())
    }
}

/// Refuses an amount that is not more than zero.
pub fn positive(amount: Money) -> Result<(), Fault> {
    if amount.amount > 0 {
        return Ok(());
    }
    Err(Fault::field("/amount/amount", "expected more than zero, in minor units: 1000 with CNY is ¥10.00"))
}

/// A refund as it is kept; serialised for its columns only.
#[derive(Debug, Clone, PartialEq, Eq, FromRow, Serialize)]
pub struct RefundRow {
    #[sqlx(try_from = "As<RefundId>")]
    pub id: RefundId,
    #[sqlx(try_from = "As<PaymentId>")]
    pub payment_id: PaymentId,
    pub amount: i64,
    #[sqlx(try_from = "As<Currency>")]
    pub currency: Currency,
    pub fee: i64,
    #[sqlx(try_from = "As<Option<RefundReason>>")]
    pub reason: Option<RefundReason>,
    #[serde(serialize_with = "as_micros")]
    #[sqlx(try_from = "As<Time>")]
    pub created_at: Time,
}

impl RefundRow {
    /// The circle's part.
    pub const fn net(&self) -> i64 {
        self.amount - self.fee
    }

    /// As the partner reads it.
    pub fn refund(self) -> Refund {
        let money = |amount| Money::new(amount, self.currency);
        Refund {
            id: self.id,
            payment: self.payment_id,
            amount: money(self.amount),
            fee: money(self.fee),
            net: money(self.net()),
            reason: self.reason,
            version: 1,
            created_at: self.created_at,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn paid(amount: i64, fee: i64) -> PaymentRow {
        let new = NewPayment::tip(FanId::first_at(now()), CircleId::first_at(now()), Money::new(amount, Currency::CNY));
        let fee = Money::new(fee, Currency::CNY);
        let ids = (PartnerId::first_at(now()), PaymentId::first_at(now()));
        PaymentRow::new(ids, &new, (PersonId::first_at(now()), None), fee, now()).succeeded(now())
    }

    #[test]
    fn the_page_of_a_payment_and_its_person_are_in_no_log() {
        let row = PaymentRow { token: Some("s3cret".to_owned()), ..paid(100, 3) };

        let logged = format!("{row:?}");

        assert!(!logged.contains("s3cret") && !logged.contains("psn_"), "{logged}");
    }

    fn now() -> Time {
        Time::from_seconds(1_800_000_000)
    }

    proptest! {
        #[test]
        fn refunds_never_return_more_than_was_paid(
            amount in 1_i64..1_000_000, fee_bps in 0_u16..=10_000, parts in proptest::collection::vec(1_i64..500_000, 0..12),
        ) {
            let fee = crate::platform::ledger::model::fee(Money::new(amount, Currency::CNY), fee_bps).amount;
            let mut row = paid(amount, fee);
            for part in parts {
                let before = row.clone();
                match row.refunded(RefundId::first_at(now()), Some(Money::new(part, Currency::CNY)), None, now()) {
                    Ok((after, refund)) => {
                        prop_assert!(refund.fee >= 0 && refund.net() >= 0);
                        prop_assert_eq!(after.refunded - before.refunded, refund.amount);
                        prop_assert_eq!(after.fee_refunded - before.fee_refunded, refund.fee);
                        prop_assert_eq!(after.status == PaymentStatus::Refunded, after.refunded == amount);
                        row = after;
                    }
                    Err(refused) => {
                        prop_assert_eq!(refused.code(), ErrorCode::RefundTooLarge);
                        prop_assert!(before.refunded + part > amount);
                    }
                }
            }
            if row.refunded < amount {
                row = row.refunded(RefundId::first_at(now()), None, None, now()).unwrap().0;
            }
            prop_assert_eq!((row.refunded, row.fee_refunded), (amount, fee));
        }
    }

    #[test]
    fn the_guide_shows_the_limits() {
        let guide = include_str!("../../../../docs/guides/payments.md");
        let group = |number: i64| {
            let digits = number.to_string();
            match digits.len() {
                4.. => format!("{},{}", &digits[..digits.len() - 3], &digits[digits.len() - 3..]),
                _ => digits,
            }
        };

        for Limits { currency, adult, other } in &LIMITS {
            let numbers = [adult.0, adult.1, other.0, other.1].map(group).join(" | ");
            let line = format!("| {} | {numbers} |", currency.code());
            assert!(guide.contains(&line), "{line}");
        }
        assert_eq!(LIMITS.len(), Currency::ALL.len());
        for amount in 66_601..=66_605 {
            assert!(SandboxScenario::of(amount).is_some() && guide.contains(&format!("| {amount} |")), "{amount}");
        }
    }
}
