//! What may be bound to a parameter. Invariant: a closed list of column types, so the same statement text is always prepared
//! with the same types (PostgreSQL caches by text alone), and no value that the engines would keep differently.

use std::borrow::Cow;

use serde::Serialize;
use sqlx::encode::IsNull;
use sqlx::error::BoxDynError;
use sqlx::postgres::{PgArgumentBuffer, PgArguments, PgTypeInfo};
use sqlx::sqlite::SqliteArguments;
use sqlx::types::Json;
use sqlx::{Arguments as _, Encode, Postgres, Type};

use super::fault::Fault;

/// A value as a column keeps it. Every bindable type ends here; there is no variant for narrower integers on purpose.
#[derive(Debug)]
pub enum Value<'v> {
    /// `bigint`
    Integer(Option<i64>),
    /// `double precision`; finite
    Real(Option<f64>),
    /// `boolean`
    Boolean(Option<bool>),
    /// `text`; without zero bytes
    Text(Option<Cow<'v, str>>),
    /// `bytea`
    Bytes(Option<Cow<'v, [u8]>>),
    /// `jsonb`: the serialised text, or why it could not be serialised
    Json(Option<Result<String, serde_json::Error>>),
    /// `text` that holds JSON, for `json_each($n)`
    List(Result<String, serde_json::Error>),
}

/// A type that may stand at a parameter.
pub trait Bind {
    /// The value to keep.
    fn value(&self) -> Value<'_>;
    /// Its absence: typed, because PostgreSQL wants the type of a null too.
    fn null() -> Value<'static>
    where
        Self: Sized;
}

macro_rules! bind {
    ($($type:ty => $variant:ident(|$value:ident| $of:expr);)*) => {$(
        impl Bind for $type {
            fn value(&self) -> Value<'_> {
                let $value = self;
                Value::$variant(Some($of))
            }
            fn null() -> Value<'static> {
                Value::$variant(None)
            }
        }
    )*};
}

bind! {
    i64 => Integer(|value| *value);
    f64 => Real(|value| *value);
    bool => Boolean(|value| *value);
    &str => Text(|value| Cow::Borrowed(*value));
    String => Text(|value| Cow::Borrowed(value.as_str()));
    Cow<'_, str> => Text(|value| Cow::Borrowed(value.as_ref()));
    &[u8] => Bytes(|value| Cow::Borrowed(*value));
    Vec<u8> => Bytes(|value| Cow::Borrowed(value.as_slice()));
}

impl<const N: usize> Bind for [u8; N] {
    fn value(&self) -> Value<'_> {
        Value::Bytes(Some(Cow::Borrowed(self)))
    }
    fn null() -> Value<'static> {
        Value::Bytes(None)
    }
}

impl<T: Serialize> Bind for Json<T> {
    fn value(&self) -> Value<'_> {
        Value::Json(Some(serde_json::to_string(&self.0)))
    }
    fn null() -> Value<'static> {
        Value::Json(None)
    }
}

impl<T: Bind> Bind for Option<T> {
    fn value(&self) -> Value<'_> {
        match self {
            Some(value) => value.value(),
            None => T::null(),
        }
    }
    fn null() -> Value<'static> {
        T::null()
    }
}

impl<T: Bind> Bind for &T {
    fn value(&self) -> Value<'_> {
        (*self).value()
    }
    fn null() -> Value<'static> {
        T::null()
    }
}

/// Many rows in one text parameter, read by `json_each($1)` on both engines.
///
/// Each row is a JSON array: `value ->> 0` is its first column as text, `cast(value ->> 1 as bigint)` its second as a number,
/// and `key` its place, from 0; or an object, read by name. Plain strings are not used as elements: the engines show them differently.
#[derive(Debug)]
pub struct List(Result<String, serde_json::Error>);

impl List {
    /// Rows of several columns: tuples of numbers, booleans, texts and options of them, or structs of those, which are read by name
    /// (`value ->> 'amount'`), as rows with money must be.
    pub fn rows<T: Serialize>(rows: impl IntoIterator<Item = T>) -> Self {
        Self(serde_json::to_string(&rows.into_iter().collect::<Vec<_>>()))
    }

    /// Rows of one column, `value ->> 0`: ids, keys.
    pub fn of<T: Serialize>(values: impl IntoIterator<Item = T>) -> Self {
        Self::rows(values.into_iter().map(|value| (value,)))
    }
}

impl Bind for List {
    fn value(&self) -> Value<'_> {
        // serde_json::Error cannot be cloned; its text is all that is ever read of it.
        Value::List(self.0.as_ref().cloned().map_err(serde::ser::Error::custom))
    }
    fn null() -> Value<'static> {
        Value::Text(None)
    }
}

/// The values bound so far, in the engine's own form.
pub(super) enum Arguments {
    Sqlite(SqliteArguments),
    Postgres(PgArguments),
}

impl Arguments {
    pub(super) fn len(&self) -> usize {
        match self {
            Self::Sqlite(arguments) => arguments.len(),
            Self::Postgres(arguments) => arguments.len(),
        }
    }

    pub(super) fn add(&mut self, value: Value<'_>) -> Result<(), Fault> {
        let added = match value {
            Value::Integer(value) => self.put(value),
            // SQLite would keep NaN as null.
            Value::Real(Some(value)) if !value.is_finite() => return Err(Fault::Misuse("a number that is not finite")),
            Value::Real(value) => self.put(value),
            Value::Boolean(value) => self.put(value),
            Value::Text(Some(text)) => return self.text(&text),
            Value::Text(None) => self.put(None::<&str>),
            Value::Bytes(value) => self.put(value.as_deref()),
            Value::Json(None) => match self {
                Self::Sqlite(arguments) => arguments.add(None::<&str>),
                Self::Postgres(arguments) => arguments.add(None::<JsonText<'_>>),
            },
            Value::Json(Some(text)) => {
                let text = without_zero_byte(text)?;
                match self {
                    Self::Sqlite(arguments) => arguments.add(text),
                    Self::Postgres(arguments) => arguments.add(JsonText(&text)),
                }
            }
            Value::List(text) => return self.text(&without_zero_byte(text)?),
        };
        added.map_err(Fault::Other)
    }

    fn text(&mut self, text: &str) -> Result<(), Fault> {
        // PostgreSQL refuses it, SQLite keeps it and then cuts the text there in some functions.
        if text.as_bytes().contains(&0) {
            return Err(Fault::ZeroByte);
        }
        self.put(text).map_err(Fault::Other)
    }

    fn put<'v, T>(&mut self, value: T) -> Result<(), BoxDynError>
    where
        T: Encode<'v, sqlx::Sqlite> + Type<sqlx::Sqlite> + Encode<'v, Postgres> + Type<Postgres>,
    {
        match self {
            Self::Sqlite(arguments) => arguments.add(value),
            Self::Postgres(arguments) => arguments.add(value),
        }
    }
}

/// PostgreSQL refuses `\u0000` inside JSON; SQLite would keep it.
fn without_zero_byte(text: Result<String, serde_json::Error>) -> Result<String, Fault> {
    let text = text.map_err(|cause| Fault::Other(cause.into()))?;
    let mut escaped = false;
    for (place, byte) in text.bytes().enumerate() {
        if escaped {
            if byte == b'u' && text.get(place..place + 5) == Some("u0000") {
                return Err(Fault::ZeroByte);
            }
            escaped = false;
        } else {
            escaped = byte == b'\\';
        }
    }
    Ok(text)
}

/// Text that is JSON already, sent as jsonb. SQLite keeps the same text in a text column.
struct JsonText<'v>(&'v str);

impl Type<Postgres> for JsonText<'_> {
    fn type_info() -> PgTypeInfo {
        <Json<()> as Type<Postgres>>::type_info()
    }
}

impl<'v> Encode<'v, Postgres> for JsonText<'v> {
    fn encode_by_ref(&self, buffer: &mut PgArgumentBuffer) -> Result<IsNull, BoxDynError> {
        // The version of jsonb's binary form; the text follows.
        buffer.push(1);
        buffer.extend_from_slice(self.0.as_bytes());
        Ok(IsNull::No)
    }
}
