//! How enums of the contract (statuses, roles, kinds) are stored in columns. Invariant: as on the wire, so there is one
//! spelling.

use serde::de::IntoDeserializer as _;
use serde::de::value::{Error, StrDeserializer};
use serde::{Deserialize, Serialize};
use sqlx::error::BoxDynError;

/// The word as it stands on the wire; for texts that name it.
pub fn enum_text<T: Serialize>(of: &T) -> String {
    match serde_json::to_value(of) {
        Ok(serde_json::Value::String(word)) => word,
        // Not a word: a column that must not be null refuses it, and a test goes through all of them.
        _ => String::new(),
    }
}

/// The value that a word on the wire stands for.
pub fn read_enum<'w, T: Deserialize<'w>>(word: &'w str) -> Result<T, BoxDynError> {
    let reader: StrDeserializer<'w, Error> = word.into_deserializer();
    Ok(T::deserialize(reader)?)
}

/// Registers enums of the contract as columns. Each is named once, beside the statements of the store that owns the column.
macro_rules! enum_columns {
    ($($kind:ty)+) => {$(
        impl $crate::platform::db::Bind for $kind {
            fn value(&self) -> $crate::platform::db::Value<'_> {
                let word = $crate::platform::db::enum_text(self);
                $crate::platform::db::Value::Text(Some(word).filter(|word| !word.is_empty()).map(std::borrow::Cow::Owned))
            }
            fn null() -> $crate::platform::db::Value<'static> {
                $crate::platform::db::Value::Text(None)
            }
        }
        impl $crate::platform::db::Column for $kind {
            type Raw = String;
            fn read(raw: String) -> Result<Self, $crate::platform::db::ColumnError> {
                $crate::platform::db::read_enum(&raw)
            }
        }
        impl From<$crate::platform::db::As<Self>> for $kind {
            fn from(read: $crate::platform::db::As<Self>) -> Self {
                read.0
            }
        }
        impl From<$crate::platform::db::As<Self>> for Option<$kind> {
            fn from(read: $crate::platform::db::As<Self>) -> Self {
                read.0
            }
        }
    )+};
}
pub(crate) use enum_columns;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::platform::db::{Bind as _, Column as _, Value};

    #[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
    #[serde(rename_all = "snake_case")]
    enum Light {
        Red,
        DeepGreen,
    }
    enum_columns!(Light);

    #[test]
    fn a_word_comes_back_equal() {
        for light in [Light::Red, Light::DeepGreen] {
            assert_eq!(Light::read(enum_text(&light)).unwrap(), light);
        }
        assert!(matches!(Light::DeepGreen.value(), Value::Text(Some(text)) if text == "deep_green"));
        assert!(Light::read("blue".to_owned()).is_err());
    }
}
