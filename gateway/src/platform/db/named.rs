//! Rows that are bound by name: each is a JSON object with the names of its columns, so that an inserted column cannot move a value
//! into another column. For rows that carry money; [`List`](super::List) takes them like any other.

use quanzi_openapi::Time;
use serde::Serializer;

/// A time as its column keeps it: `#[serde(serialize_with = "as_micros")]`.
pub fn as_micros<S: Serializer>(time: &Time, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_i64(time.micros())
}

/// The same of a time that may be missing.
pub fn as_optional_micros<S: Serializer>(time: &Option<Time>, serializer: S) -> Result<S::Ok, S::Error> {
    match time {
        Some(time) => serializer.serialize_some(&time.micros()),
        None => serializer.serialize_none(),
    }
}

#[cfg(test)]
pub(crate) mod test {
    use std::collections::BTreeSet;

    use serde::Serialize;
    use serde_json::Value;

    use crate::platform::db::Sql;

    /// Panics unless every value of the statement is read from the field that has the column's name: `insert into t (a, b) select
    /// value ->> 'a', cast(value ->> 'b' as bigint) from json_each($1) …` or `update t set a = new.a from (select value ->> 'a' as a …`.
    pub fn assert_bound_by_name(sql: Sql, row: &impl Serialize) {
        let Value::Object(row) = serde_json::to_value(row).unwrap() else { panic!("a row is an object") };
        let fields: BTreeSet<&str> = row.keys().map(String::as_str).collect();
        for text in [sql.sqlite(), sql.postgres()] {
            let start = text.find("select ").expect("a select") + "select ".len();
            let end = text.find(" from json_each(").expect("a list of rows");
            let values: Vec<(&str, Option<&str>)> = items(&text[start..end]).into_iter().map(value).collect();
            if let Some(insert) = text.strip_prefix("insert into ") {
                let (_, rest) = insert.split_once('(').expect("columns");
                let columns = items(rest.split_once(')').expect("columns").0);
                let read: Vec<&str> = values.iter().map(|(field, _)| *field).collect();
                assert_eq!(columns, read, "each column is read from the field of its name: {text}");
                assert_eq!(columns.into_iter().collect::<BTreeSet<_>>(), fields, "every field has its column: {text}");
            } else {
                let set = text.split_once(" set ").expect("an update").1.split_once(" from (select ").expect("rows").0;
                for assignment in items(set) {
                    let (column, from) = assignment.split_once(" = new.").expect("a column = new.column");
                    assert_eq!(column, from, "{text}");
                }
                for (field, name) in values {
                    assert_eq!(Some(field), name, "{text}");
                    assert!(fields.contains(field), "{field} is no field: {text}");
                }
            }
        }
    }

    /// What stands between the commas that are in no brackets.
    fn items(list: &str) -> Vec<&str> {
        let (mut items, mut depth, mut start) = (Vec::new(), 0, 0);
        for (place, letter) in list.char_indices() {
            match letter {
                '(' => depth += 1,
                ')' => depth -= 1,
                ',' if depth == 0 => {
                    items.push(list[start..place].trim());
                    start = place + 1;
                }
                _ => {}
            }
        }
        items.push(list[start..].trim());
        items
    }

    /// The field an item is read from, and the name it is given.
    fn value(item: &str) -> (&str, Option<&str>) {
        let (_, rest) = item.split_once("value ->> '").unwrap_or_else(|| panic!("{item} is not read by name"));
        let (field, rest) = rest.split_once('\'').expect("a name");
        let name = rest.rsplit_once(" as ").map(|(_, name)| name).filter(|name| !name.ends_with(')'));
        (field, name)
    }

    #[test]
    #[should_panic(expected = "each column is read from the field of its name")]
    fn a_moved_column_is_found() {
        const MOVED: Sql = crate::platform::db::Sql::new(
            "insert into t (a, b) select value ->> 'b', value ->> 'a' from json_each($1) where true",
            "insert into t (a, b) select value ->> 'b', value ->> 'a' from json_each($1) where true",
        );

        assert_bound_by_name(MOVED, &serde_json::json!({"a": 1, "b": 2}));
    }
}
