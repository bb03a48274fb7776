//! Open enums, and the three states of a field in a `PATCH`.

use std::fmt;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;

/// A value of an enum that may grow: a value that this version does not know survives a round trip unchanged.
///
/// Replies use it; requests use the plain enum, so that a typo is refused.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Open<T> {
    /// A value this version knows.
    Known(T),
    /// A value from a newer gateway, as it was written.
    Unknown(Value),
}

impl<T> Open<T> {
    /// The value, if this version knows it.
    pub const fn known(&self) -> Option<&T> {
        match self {
            Self::Known(value) => Some(value),
            Self::Unknown(_) => None,
        }
    }
}

impl<T> From<T> for Open<T> {
    fn from(value: T) -> Self {
        Self::Known(value)
    }
}

impl<T: PartialEq> PartialEq<T> for Open<T> {
    fn eq(&self, other: &T) -> bool {
        matches!(self, Self::Known(value) if value == other)
    }
}

/// The value as sent on the wire: a string as it is, anything else as JSON.
impl<T: Serialize> fmt::Display for Open<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match serde_json::to_value(self).map_err(|_| fmt::Error)? {
            Value::String(text) => f.write_str(&text),
            value => value.fmt(f),
        }
    }
}

impl<T: Serialize> Serialize for Open<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Known(value) => value.serialize(serializer),
            Self::Unknown(value) => value.serialize(serializer),
        }
    }
}

impl<'de, T: DeserializeOwned> Deserialize<'de> for Open<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = Value::deserialize(deserializer)?;
        Ok(T::deserialize(&value).map_or(Self::Unknown(value), Self::Known))
    }
}

/// Reads a field that may be omitted but not cleared: null is refused instead of being treated as omitted.
pub(crate) fn not_null<'de, D: Deserializer<'de>, T: Deserialize<'de>>(deserializer: D) -> Result<Option<T>, D::Error> {
    let value = Option::<T>::deserialize(deserializer)?;
    value
        .map(Some)
        .ok_or_else(|| serde::de::Error::custom("expected a value: omit the field to keep its current value"))
}

/// A field of a `PATCH`: omitted keeps the current value, `null` clears it, a value sets it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Edit<T> {
    /// Leave the field as it is.
    #[default]
    Keep,
    /// Remove the value.
    Clear,
    /// Set this value.
    Set(T),
}

impl<T> Edit<T> {
    /// Whether the field is omitted.
    pub const fn is_keep(&self) -> bool {
        matches!(self, Self::Keep)
    }

    /// The value after the edit, given the one before.
    pub fn apply(self, before: Option<T>) -> Option<T> {
        match self {
            Self::Keep => before,
            Self::Clear => None,
            Self::Set(value) => Some(value),
        }
    }
}

impl<T> From<T> for Edit<T> {
    fn from(value: T) -> Self {
        Self::Set(value)
    }
}

impl<T: Serialize> Serialize for Edit<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            // `Keep` is skipped by the field's attribute; written anyway it can only mean "nothing".
            Self::Keep | Self::Clear => serializer.serialize_none(),
            Self::Set(value) => value.serialize(serializer),
        }
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Edit<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Option::<T>::deserialize(deserializer)?.map_or(Self::Clear, Self::Set))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    #[serde(rename_all = "snake_case")]
    enum Colour {
        Red,
    }

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Change {
        #[serde(default, skip_serializing_if = "Edit::is_keep")]
        colour: Edit<Colour>,
    }

    #[test]
    fn an_unknown_value_survives_a_round_trip() {
        let read: Open<Colour> = serde_json::from_str("\"ultraviolet\"").unwrap();

        assert_eq!(read, Open::Unknown("ultraviolet".into()));
        assert_eq!(serde_json::to_string(&read).unwrap(), "\"ultraviolet\"");
        assert_eq!(
            (read.to_string(), Open::from(Colour::Red).to_string()),
            ("ultraviolet".to_owned(), "red".to_owned())
        );
        assert_eq!(serde_json::from_str::<Open<Colour>>("\"red\"").unwrap(), Colour::Red);
    }

    #[test]
    fn keep_clear_and_set_are_three_things() {
        for (text, edit) in
            [("{}", Edit::Keep), (r#"{"colour":null}"#, Edit::Clear), (r#"{"colour":"red"}"#, Edit::Set(Colour::Red))]
        {
            let change = Change { colour: edit };

            assert_eq!(serde_json::from_str::<Change>(text).unwrap(), change);
            assert_eq!(serde_json::to_string(&change).unwrap(), text);
        }
    }
}
