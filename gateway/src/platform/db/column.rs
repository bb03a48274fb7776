//! Reading a column into a type of the contract. Invariant: what [`Bind`](super::Bind) wrote comes back equal or not at all.

use sqlx::error::BoxDynError;
use sqlx::postgres::{PgTypeInfo, PgValueRef};
use sqlx::sqlite::{SqliteTypeInfo, SqliteValueRef};
use sqlx::{Decode, Postgres, Sqlite, Type};

/// A type kept in a column of a plainer type, and how to read it back.
///
/// sqlx's own traits cannot be implemented in this crate for types of `quanzi-openapi`; this one can.
pub trait Column: Sized {
    /// What the column holds: `i64` or `String`.
    type Raw;
    /// From what the column holds; an error means the database holds what we never write.
    fn read(raw: Self::Raw) -> Result<Self, BoxDynError>;
}

/// Reads a [`Column`] (or an option of one) in a `derive(FromRow)` record: `#[sqlx(try_from = "As<Time>")]`.
///
/// That attribute needs `impl From<As<Time>> for Time`, which is written next to `impl Column for Time`.
#[derive(Debug)]
pub struct As<T>(pub T);

macro_rules! engine {
    ($engine:ty, $value:ident, $info:ty) => {
        impl<T: Column> Type<$engine> for As<T>
        where
            T::Raw: Type<$engine>,
        {
            fn type_info() -> $info {
                T::Raw::type_info()
            }
            fn compatible(info: &$info) -> bool {
                T::Raw::compatible(info)
            }
        }
        impl<'r, T: Column> Decode<'r, $engine> for As<T>
        where
            T::Raw: Decode<'r, $engine>,
        {
            fn decode(value: $value<'r>) -> Result<Self, BoxDynError> {
                T::read(T::Raw::decode(value)?).map(Self)
            }
        }
    };
}
engine!(Sqlite, SqliteValueRef, SqliteTypeInfo);
engine!(Postgres, PgValueRef, PgTypeInfo);

impl<T: Column> Column for Option<T> {
    type Raw = Option<T::Raw>;
    fn read(raw: Self::Raw) -> Result<Self, BoxDynError> {
        raw.map(T::read).transpose()
    }
}
