//! How enums of the contract (statuses, roles, kinds) are stored in columns. Invariant: as on the wire, so there is one
//! spelling.

use std::borrow::Cow;

use quanzi_openapi::Currency;
use quanzi_openapi::circles::{Category, CircleStatus, Discoverability};
use quanzi_openapi::content::PostFormat;
use quanzi_openapi::deliveries::{DeliveryError, DeliveryOutcome};
use quanzi_openapi::gates::{CreditBand, Outcome};
use quanzi_openapi::grants::GrantStatus;
use quanzi_openapi::ledger::{AccountKind, TransferCode, TransferPhase};
use quanzi_openapi::mandates::MandateStatus;
use quanzi_openapi::memberships::{MembershipStatus, Role};
use quanzi_openapi::payments::{DeclineReason, PaymentKind, PaymentStatus};
use quanzi_openapi::tips::TipDisclosure;
use quanzi_openapi::webhooks::{DisabledReason, WebhookEndpointStatus};
use serde::de::IntoDeserializer as _;
use serde::de::value::Error;
use serde::{Deserialize, Serialize};
use sqlx::error::BoxDynError;

use super::{As, Bind, Column, Value};

/// The word as it stands on the wire; for texts that name it.
pub fn enum_text<T: Serialize>(of: &T) -> String {
    match serde_json::to_value(of) {
        Ok(serde_json::Value::String(word)) => word,
        // Not a word: a column that must not be null refuses it, and a test goes through all of them.
        _ => String::new(),
    }
}

macro_rules! enum_columns {
    ($($kind:ty)+) => {$(
        impl Bind for $kind {
            fn value(&self) -> Value<'_> {
                Value::Text(Some(enum_text(self)).filter(|word| !word.is_empty()).map(Cow::Owned))
            }
            fn null() -> Value<'static> {
                Value::Text(None)
            }
        }
        impl Column for $kind {
            type Raw = String;
            fn read(raw: String) -> Result<Self, BoxDynError> {
                let reader: serde::de::value::StrDeserializer<'_, Error> = raw.as_str().into_deserializer();
                Ok(Self::deserialize(reader)?)
            }
        }
        impl From<As<Self>> for $kind {
            fn from(read: As<Self>) -> Self {
                read.0
            }
        }
        impl From<As<Self>> for Option<$kind> {
            fn from(read: As<Self>) -> Self {
                read.0
            }
        }
    )+};
}
enum_columns! {
    AccountKind Category CircleStatus CreditBand Currency DeclineReason DeliveryError DeliveryOutcome DisabledReason Discoverability
    GrantStatus MandateStatus MembershipStatus Outcome PaymentKind PaymentStatus PostFormat Role TipDisclosure TransferCode TransferPhase
    WebhookEndpointStatus
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_comes_back_equal() {
        for status in [CircleStatus::Draft, CircleStatus::Open, CircleStatus::Closed] {
            assert_eq!(CircleStatus::read(enum_text(&status)).unwrap(), status);
        }
        assert!(matches!(CreditBand::Gold.value(), Value::Text(Some(text)) if text == "gold"));
        assert!(Role::read("king".to_owned()).is_err());
    }
}
