//! The rules of mandates. Pure.

use quanzi_openapi::events::EventType;
use quanzi_openapi::id::{CircleId, FanId, MandateId};
use quanzi_openapi::mandates::MandateStatus;
use quanzi_openapi::{Money, Time};

use super::store::MandateRow;
use crate::platform::fault::Fault;
use crate::platform::jobs::JobKind;

/// A mandate: its time is over, or the time to decide about it.
pub const EXPIRE_MANDATE: JobKind = JobKind::new("expire_mandate");

/// How long a fan can decide.
pub const CONSENT_SECONDS: i64 = 30 * 60;

/// What a fan consents to, or is asked to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Terms {
    pub fan: FanId,
    pub circle: Option<CircleId>,
    pub per_payment: Money,
    pub per_day: Money,
    pub expires_at: Option<Time>,
}

impl Terms {
    /// Refuses limits that are none.
    pub fn check(&self, now: Time) -> Result<(), Fault> {
        let positive = |pointer: &'static str, amount: Money| {
            if amount.amount > 0 {
                Ok(())
            } else {
                Err(Fault::field(pointer, "expected more than zero, in minor units"))
            }
        };
        positive("/per_payment/amount", self.per_payment)?;
        positive("/per_day/amount", self.per_day)?;
        if self.per_day.currency != self.per_payment.currency {
            return Err(Fault::field("/per_day/currency", "expected the currency of per_payment"));
        }
        if self.per_day.amount < self.per_payment.amount {
            return Err(Fault::field("/per_day/amount", "expected at least per_payment"));
        }
        if self.expires_at.is_some_and(|expires_at| expires_at <= now) {
            return Err(Fault::field("/expires_at", "expected a time in the future"));
        }
        Ok(())
    }

    /// A consent that the fan gave.
    pub const fn given(self, id: MandateId, now: Time) -> MandateRow {
        MandateRow {
            id,
            fan_id: self.fan,
            circle_id: self.circle,
            status: MandateStatus::Active,
            currency: self.per_payment.currency,
            per_payment: self.per_payment.amount,
            per_day: self.per_day.amount,
            expires_at: self.expires_at,
            token: None,
            consent_until: None,
            version: 1,
            created_at: now,
            updated_at: now,
        }
    }

    /// A consent that the fan is asked for, on the page of this token.
    pub fn asked_for(self, id: MandateId, token: String, now: Time) -> MandateRow {
        let consent_until = Some(now.plus_seconds(CONSENT_SECONDS));
        MandateRow { status: MandateStatus::RequiresConsent, token: Some(token), consent_until, ..self.given(id, now) }
    }
}

/// What ends the time of a mandate next, if anything does: the time to decide, then its own.
pub fn ends_at(row: &MandateRow) -> Option<Time> {
    let waits = row.status == MandateStatus::RequiresConsent;
    row.expires_at.into_iter().chain(row.consent_until.filter(|_| waits)).min()
}

/// Whether the fan can decide.
pub fn waits(row: &MandateRow, now: Time) -> bool {
    row.status == MandateStatus::RequiresConsent && ends_at(row).is_none_or(|ends_at| ends_at > now)
}

/// Whether it is over.
pub const fn is_over(row: &MandateRow) -> bool {
    !matches!(row.status, MandateStatus::Active | MandateStatus::RequiresConsent)
}

/// The mandate with another status.
pub fn with(before: MandateRow, status: MandateStatus, now: Time) -> MandateRow {
    MandateRow { status, version: before.version + 1, updated_at: now, ..before }
}

/// What the log says of a status.
pub const fn event(status: MandateStatus) -> EventType {
    match status {
        MandateStatus::RequiresConsent => EventType::MandateRequested,
        MandateStatus::Active => EventType::MandateCreated,
        MandateStatus::Declined => EventType::MandateDeclined,
        MandateStatus::Expired => EventType::MandateExpired,
        _ => EventType::MandateRevoked,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use quanzi_openapi::Currency;
    use uuid::Uuid;

    fn terms(expires_at: Option<Time>) -> Terms {
        let money = |amount| Money::new(amount, Currency::CNY);
        let fan = FanId::from_uuid(Uuid::from_u128(1));
        Terms { fan, circle: None, per_payment: money(100), per_day: money(100), expires_at }
    }

    #[test]
    fn the_page_of_a_consent_is_in_no_log() {
        let now = Time::from_seconds(1_000);
        let row = terms(None).asked_for(MandateId::from_uuid(Uuid::from_u128(2)), "s3cret".to_owned(), now);

        assert!(!format!("{row:?}").contains("s3cret"), "{row:?}");
    }

    #[test]
    fn the_time_to_decide_ends_before_that_of_the_mandate_unless_that_is_shorter() {
        let id = MandateId::from_uuid(Uuid::from_u128(2));
        let now = Time::from_seconds(1_000);
        let asked = |expires_at| terms(expires_at).asked_for(id, "token".to_owned(), now);
        let soon = now.plus_seconds(60);

        assert_eq!(ends_at(&asked(None)), Some(now.plus_seconds(CONSENT_SECONDS)));
        assert_eq!(ends_at(&asked(Some(soon))), Some(soon));
        assert!(waits(&asked(None), now.plus_seconds(CONSENT_SECONDS - 1)));
        assert!(!waits(&asked(None), now.plus_seconds(CONSENT_SECONDS)));
        let agreed = with(asked(None), MandateStatus::Active, now);
        assert_eq!((ends_at(&agreed), waits(&agreed, now), agreed.version), (None, false, 2));
    }

    #[test]
    fn limits_that_are_none_name_their_field() {
        let now = Time::from_seconds(1_000);
        let money = |amount| Money::new(amount, Currency::CNY);
        for (wrong, pointer) in [
            (Terms { per_payment: money(0), ..terms(None) }, "/per_payment/amount"),
            (Terms { per_day: money(99), ..terms(None) }, "/per_day/amount"),
            (Terms { per_day: Money::new(100, Currency::USD), ..terms(None) }, "/per_day/currency"),
            (terms(Some(now)), "/expires_at"),
        ] {
            assert_eq!(wrong.check(now).unwrap_err().field_pointer(), Some(pointer));
        }
    }
}
