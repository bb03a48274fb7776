//! Lists: one shape, an opaque keyset cursor, a bounded limit, no totals.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Maximum number of entries on a page.
pub const LIMIT_MAX: u32 = 100;
/// Number of entries on a page when the caller does not set a limit.
pub const LIMIT_DEFAULT: u32 = 20;
/// Maximum length of a cursor, in characters; cursors of the gateway are far shorter.
pub(crate) const CURSOR_LEN_MAX: usize = 512;

/// One page of a list, in a stable order.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Page<T> {
    /// The entries, at most `limit`.
    pub data: Vec<T>,
    /// Whether more entries follow.
    pub has_more: bool,
    /// Send it as `cursor` to get the next page; absent on the last one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_cursor: Option<Cursor>,
}

impl<T> Page<T> {
    /// Cuts rows fetched with `limit + 1` to a page; `position` gives the position of the last row kept.
    pub fn cut<P: Serialize>(mut rows: Vec<T>, limit: Limit, position: impl Fn(&T) -> P) -> Self {
        let limit = limit.rows();
        let has_more = rows.len() > limit;
        rows.truncate(limit);
        let next_cursor = if has_more { rows.last().map(|row| Cursor::at(&position(row))) } else { None };
        Self { data: rows, has_more, next_cursor }
    }

    /// The same page with each entry turned into another shape.
    pub fn map<U>(self, turn: impl FnMut(T) -> U) -> Page<U> {
        Page { data: self.data.into_iter().map(turn).collect(), has_more: self.has_more, next_cursor: self.next_cursor }
    }
}

/// Where a list continues: an opaque text that only the gateway reads. It contains a position and no authority, so a forged
/// cursor can at most point to another position in the caller's own list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cursor(String);

/// Why a text is not a cursor of this list.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("expected a cursor as returned in `next_cursor` of the previous page")]
pub struct CursorError;

impl Cursor {
    /// A cursor at this position (a tuple of the list's sort keys).
    pub fn at<P: Serialize>(position: &P) -> Self {
        // Positions are tuples of numbers and texts; these always serialise.
        Self(URL_SAFE_NO_PAD.encode(serde_json::to_vec(position).unwrap_or_default()))
    }

    /// The position, in the shape the list gave it.
    pub fn position<P: DeserializeOwned>(&self) -> Result<P, CursorError> {
        if self.0.len() > CURSOR_LEN_MAX {
            return Err(CursorError);
        }
        let bytes = URL_SAFE_NO_PAD.decode(&self.0).map_err(|_| CursorError)?;
        let value: serde_json::Value = serde_json::from_slice(&bytes).map_err(|_| CursorError)?;
        // PostgreSQL refuses a zero byte in text.
        if !no_zero_byte(&value) {
            return Err(CursorError);
        }
        P::deserialize(value).map_err(|_| CursorError)
    }
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Serialize for Cursor {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Cursor {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(Self)
    }
}

fn no_zero_byte(value: &serde_json::Value) -> bool {
    match value {
        serde_json::Value::String(text) => !text.contains('\0'),
        serde_json::Value::Array(items) => items.iter().all(no_zero_byte),
        serde_json::Value::Object(_) => false,
        _ => true,
    }
}

/// How many entries a page may have: 1 to 100, 20 by default.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Limit(u32);

impl Limit {
    /// This number of entries, clamped to 1..=100.
    pub fn new(entries: u32) -> Self {
        Self(entries.clamp(1, LIMIT_MAX))
    }

    /// Entries per page.
    pub const fn rows(self) -> usize {
        self.0 as usize
    }

    /// The number of rows a store fetches: one more than the page has, to know whether there is a next page.
    pub const fn rows_and_one(self) -> i64 {
        self.0 as i64 + 1
    }
}

impl Default for Limit {
    fn default() -> Self {
        Self(LIMIT_DEFAULT)
    }
}

impl<'de> Deserialize<'de> for Limit {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let entries = u32::deserialize(deserializer)?;
        if (1..=LIMIT_MAX).contains(&entries) {
            return Ok(Self(entries));
        }
        Err(serde::de::Error::custom(format!("expected a number from 1 to {LIMIT_MAX}")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_cursor_survives_its_text(number: i64, text in "[^\\x00]{0,40}") {
            let cursor = Cursor::at(&(number, &text));
            let json = serde_json::to_string(&cursor).unwrap();
            let back: Cursor = serde_json::from_str(&json).unwrap();

            prop_assert_eq!(back.position::<(i64, String)>(), Ok((number, text)));
        }

        #[test]
        fn no_cursor_text_panics(text in "\\PC{0,600}") {
            let json = serde_json::to_string(&text).unwrap();
            if let Ok(cursor) = serde_json::from_str::<Cursor>(&json) {
                let _ = cursor.position::<(i64, String)>();
            }
        }
    }

    #[test]
    fn a_store_fetches_one_row_more_than_the_page_has() {
        assert_eq!(Limit::new(1).rows_and_one(), 2);
        assert_eq!(Limit::default().rows_and_one(), i64::from(LIMIT_DEFAULT) + 1);
    }

    #[test]
    fn a_page_says_whether_more_follows() {
        let two = Limit::new(2);

        let full = Page::cut(vec![1, 2, 3], two, |row| *row);
        let last = Page::cut(vec![1, 2], two, |row| *row);

        assert_eq!((full.data.as_slice(), full.has_more), ([1, 2].as_slice(), true));
        assert_eq!(full.next_cursor.unwrap().position::<i32>(), Ok(2));
        assert_eq!((last.has_more, last.next_cursor), (false, None));
    }
}
