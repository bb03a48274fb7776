//! Bounds of keyset paging over ids: their texts sort as the ids do, by time.

use quanzi_openapi::id::{Id, Kind};

/// Stands after every id.
pub const KEYSET_UPPER_BOUND: &str = "~";

/// What a list from the newest id down goes on before: the id a page ended with, or the end of them all.
pub fn id_or_upper_bound<K: Kind>(before: Option<Id<K>>) -> String {
    before.map_or_else(|| KEYSET_UPPER_BOUND.to_owned(), |id| id.to_string())
}
