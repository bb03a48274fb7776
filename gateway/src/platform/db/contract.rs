//! How types of the contract are stored in columns: time as microseconds, ids and texts as text.
//!
//! Invariant: only these conversions know how a contract type is stored.

use quanzi_openapi::Time;
use quanzi_openapi::id::{Id, Kind};
use quanzi_openapi::text::Text;
use sqlx::error::BoxDynError;

use super::{As, Bind, Column, Value};

impl Bind for Time {
    fn value(&self) -> Value<'_> {
        Value::Integer(Some(self.micros()))
    }
    fn null() -> Value<'static> {
        Value::Integer(None)
    }
}

impl<K: Kind> Bind for Id<K> {
    fn value(&self) -> Value<'_> {
        Value::Text(Some(self.to_string().into()))
    }
    fn null() -> Value<'static> {
        Value::Text(None)
    }
}

impl<K> Bind for Text<K> {
    fn value(&self) -> Value<'_> {
        Value::Text(Some((**self).into()))
    }
    fn null() -> Value<'static> {
        Value::Text(None)
    }
}

impl Column for Time {
    type Raw = i64;
    fn read(raw: i64) -> Result<Self, BoxDynError> {
        Ok(Self::from_micros(raw))
    }
}

impl<K: Kind> Column for Id<K> {
    type Raw = String;
    fn read(raw: String) -> Result<Self, BoxDynError> {
        Ok(raw.parse()?)
    }
}

/// Texts were checked when they were written, so they are taken as they are.
impl<K> Column for Text<K> {
    type Raw = String;
    fn read(raw: String) -> Result<Self, BoxDynError> {
        Ok(raw.into())
    }
}

impl From<As<Self>> for Time {
    fn from(read: As<Self>) -> Self {
        read.0
    }
}
impl<K: Kind> From<As<Self>> for Id<K> {
    fn from(read: As<Self>) -> Self {
        read.0
    }
}
impl<K> From<As<Self>> for Text<K> {
    fn from(read: As<Self>) -> Self {
        read.0
    }
}
impl From<As<Self>> for Option<Time> {
    fn from(read: As<Self>) -> Self {
        read.0
    }
}
impl<K: Kind> From<As<Self>> for Option<Id<K>> {
    fn from(read: As<Self>) -> Self {
        read.0
    }
}
impl<K> From<As<Self>> for Option<Text<K>> {
    fn from(read: As<Self>) -> Self {
        read.0
    }
}
