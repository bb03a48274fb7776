//! Money: minor units and an ISO 4217 currency, always together; never a float, and never a bare integer inside the gateway.

use std::fmt;

use serde::de::value::MapAccessDeserializer;
use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};

use crate::schema::ToSchema;

/// Currencies of the platform (ISO 4217).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[non_exhaustive]
pub enum Currency {
    /// Renminbi, 2 decimals.
    CNY,
    /// US dollar, 2 decimals.
    USD,
    /// Euro, 2 decimals.
    EUR,
    /// Yen, no decimals.
    JPY,
    /// Kuwaiti dinar, 3 decimals.
    KWD,
}

impl Currency {
    /// Every currency, for tables and property tests.
    pub const ALL: [Self; 5] = [Self::CNY, Self::USD, Self::EUR, Self::JPY, Self::KWD];

    /// Number of decimals (ISO 4217 exponent).
    pub const fn decimals(self) -> u32 {
        match self {
            Self::CNY | Self::USD | Self::EUR => 2,
            Self::JPY => 0,
            Self::KWD => 3,
        }
    }

    /// The three letters of ISO 4217.
    pub const fn code(self) -> &'static str {
        match self {
            Self::CNY => "CNY",
            Self::USD => "USD",
            Self::EUR => "EUR",
            Self::JPY => "JPY",
            Self::KWD => "KWD",
        }
    }
}

/// An amount in minor units (fen, cents, yen, fils) of a currency.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, ToSchema)]
pub struct Money {
    /// Minor units: 1234 with CNY is ¥12.34.
    pub amount: i64,
    /// ISO 4217.
    pub currency: Currency,
}

/// Parsed from an object only. The derived implementation would also accept `[1000, "CNY"]`: money by position.
impl<'de> Deserialize<'de> for Money {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        struct Members {
            amount: i64,
            currency: Currency,
        }

        struct Object;
        impl<'de> Visitor<'de> for Object {
            type Value = Money;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object with amount and currency")
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Money, A::Error> {
                let Members { amount, currency } = Members::deserialize(MapAccessDeserializer::new(map))?;
                Ok(Money { amount, currency })
            }
        }

        deserializer.deserialize_map(Object)
    }
}

impl Money {
    /// This many minor units of a currency.
    pub const fn new(amount: i64, currency: Currency) -> Self {
        Self { amount, currency }
    }

    /// The sum; `None` when the currencies differ or the amount would overflow.
    pub fn plus(self, other: Self) -> Option<Self> {
        if self.currency != other.currency {
            return None;
        }
        self.amount.checked_add(other.amount).map(|amount| Self { amount, ..self })
    }

    /// Parses decimal text: `"12.34"` of CNY is 1234 minor units. More decimals than the currency has are refused.
    pub fn from_decimal(text: &str, currency: Currency) -> Option<Self> {
        let (sign, digits) = text.strip_prefix('-').map_or((1_i64, text), |rest| (-1, rest));
        let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
        let decimals = currency.decimals() as usize;
        let all_digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
        let dot_without_digits = digits.contains('.') && fraction.is_empty();
        if whole.is_empty()
            || dot_without_digits
            || fraction.len() > decimals
            || !all_digits(whole)
            || !all_digits(fraction)
        {
            return None;
        }
        let minor: i64 = format!("{whole}{fraction:0<decimals$}").parse().ok()?;
        minor.checked_mul(sign).map(|amount| Self { amount, currency })
    }
}

/// `12.34 CNY`: decimal form with all decimals of the currency.
impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.amount < 0 { "-" } else { "" };
        let minor = self.amount.unsigned_abs();
        let decimals = self.currency.decimals();
        let unit = 10_u64.pow(decimals);
        let code = self.currency.code();
        if decimals == 0 {
            return write!(f, "{sign}{minor} {code}");
        }
        write!(f, "{sign}{}.{:0width$} {code}", minor / unit, minor % unit, width = decimals as usize)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn money_survives_its_decimal_text(amount in (i64::MIN + 1)..i64::MAX, which in 0..Currency::ALL.len()) {
            let money = Money::new(amount, Currency::ALL[which]);
            let text = money.to_string();
            let (decimal, _) = text.split_once(' ').unwrap();

            prop_assert_eq!(Money::from_decimal(decimal, money.currency), Some(money));
        }

        #[test]
        fn no_decimal_text_panics(text in "\\PC{0,30}", which in 0..Currency::ALL.len()) {
            let _ = Money::from_decimal(&text, Currency::ALL[which]);
        }
    }

    #[test]
    fn money_is_an_object_and_nothing_else() {
        let money = Money::new(1_000, Currency::CNY);
        assert_eq!(serde_json::from_str::<Money>(r#"{"currency":"CNY","amount":1000}"#).unwrap(), money);
        for text in [r#"[1000,"CNY"]"#, "1000", r#""10.00 CNY""#, "null", r#"{"amount":1000.0,"currency":"CNY"}"#] {
            assert!(serde_json::from_str::<Money>(text).is_err(), "{text}");
        }
    }

    #[test]
    fn decimals_follow_the_currency() {
        assert_eq!(Money::new(1234, Currency::CNY).to_string(), "12.34 CNY");
        assert_eq!(Money::new(1234, Currency::JPY).to_string(), "1234 JPY");
        assert_eq!(Money::new(1234, Currency::KWD).to_string(), "1.234 KWD");
        assert_eq!(Money::new(-5, Currency::USD).to_string(), "-0.05 USD");
    }

    #[test]
    fn a_fraction_finer_than_the_currency_is_refused() {
        assert_eq!(Money::from_decimal("1.005", Currency::CNY), None);
        assert_eq!(Money::from_decimal("1.", Currency::CNY), None);
        assert_eq!(Money::from_decimal("1.5", Currency::JPY), None);
    }

    #[test]
    fn currencies_do_not_add_up() {
        assert_eq!(Money::new(1, Currency::CNY).plus(Money::new(1, Currency::USD)), None);
        assert_eq!(Money::new(i64::MAX, Currency::CNY).plus(Money::new(1, Currency::CNY)), None);
    }
}
