//! JSON that keeps the order of its members: the document lists fields in the order in which a reader should see them.

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use std::fmt;

/// A JSON value with its members in order.
#[derive(Debug, Clone, PartialEq)]
pub enum Json {
    /// `null`.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A number, as it is written.
    Number(String),
    /// A text.
    Text(String),
    /// A list.
    List(Vec<Json>),
    /// An object.
    Object(Vec<(String, Json)>),
}

impl Json {
    /// The member of this name.
    pub fn get(&self, name: &str) -> Option<&Self> {
        self.members().iter().find(|(key, _)| key == name).map(|(_, value)| value)
    }

    /// The members, none if it is no object.
    pub fn members(&self) -> &[(String, Self)] {
        if let Self::Object(members) = self { members } else { &[] }
    }

    /// The entries, none if it is no list.
    pub fn entries(&self) -> &[Self] {
        if let Self::List(entries) = self { entries } else { &[] }
    }

    /// The text, if it is one.
    pub fn text(&self) -> Option<&str> {
        if let Self::Text(text) = self { Some(text) } else { None }
    }

    /// The text of this member, or nothing.
    pub fn text_at(&self, name: &str) -> &str {
        self.get(name).and_then(Self::text).unwrap_or_default()
    }

    /// Pretty JSON with two spaces of indentation.
    pub fn pretty(&self) -> String {
        let mut output = String::new();
        self.write(&mut output, 0);
        output
    }

    fn write(&self, output: &mut String, depth: usize) {
        match self {
            Self::Null => output.push_str("null"),
            Self::Bool(value) => output.push_str(if *value { "true" } else { "false" }),
            Self::Number(number) => output.push_str(number),
            Self::Text(text) => output.push_str(&quoted(text)),
            Self::List(entries) if entries.is_empty() => output.push_str("[]"),
            Self::Object(members) if members.is_empty() => output.push_str("{}"),
            Self::List(entries) => {
                output.push('[');
                for (place, entry) in entries.iter().enumerate() {
                    output.push_str(if place == 0 { "\n" } else { ",\n" });
                    output.push_str(&"  ".repeat(depth + 1));
                    entry.write(output, depth + 1);
                }
                close(output, depth, ']');
            }
            Self::Object(members) => {
                output.push('{');
                for (place, (name, value)) in members.iter().enumerate() {
                    output.push_str(if place == 0 { "\n" } else { ",\n" });
                    output.push_str(&"  ".repeat(depth + 1));
                    output.push_str(&quoted(name));
                    output.push_str(": ");
                    value.write(output, depth + 1);
                }
                close(output, depth, '}');
            }
        }
    }
}

fn close(output: &mut String, depth: usize, bracket: char) {
    output.push('\n');
    output.push_str(&"  ".repeat(depth));
    output.push(bracket);
}

fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

impl<'de> Deserialize<'de> for Json {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(JsonVisitor)
    }
}

struct JsonVisitor;

impl<'de> Visitor<'de> for JsonVisitor {
    type Value = Json;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Json, E> {
        Ok(Json::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Json, E> {
        Ok(Json::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Json, E> {
        Ok(Json::Number(value.to_string()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Json, E> {
        Ok(Json::Number(value.to_string()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Json, E> {
        Ok(Json::Number(value.to_string()))
    }

    fn visit_str<E>(self, value: &str) -> Result<Json, E> {
        Ok(Json::Text(value.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<Json, A::Error> {
        let mut entries = Vec::new();
        while let Some(entry) = access.next_element()? {
            entries.push(entry);
        }
        Ok(Json::List(entries))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Json, A::Error> {
        let mut members = Vec::new();
        while let Some(member) = access.next_entry()? {
            members.push(member);
        }
        Ok(Json::Object(members))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_keep_their_order() {
        let json: Json = serde_json::from_str(r#"{"z": [1, -2, true, null], "a": {}, "t": "\"x\""}"#).unwrap();

        assert_eq!(
            json.pretty(),
            "{\n  \"z\": [\n    1,\n    -2,\n    true,\n    null\n  ],\n  \"a\": {},\n  \"t\": \"\\\"x\\\"\"\n}"
        );
    }
}
