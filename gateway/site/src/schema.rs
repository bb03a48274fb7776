//! Schemas of the document as rows for a reader: one row per field, nested fields below it.

use crate::markdown::inline;
use crate::ordered::Json;

/// Shapes nest three deep at most; a deeper one would be cut here, not looped over.
const DEPTH_MAX: usize = 4;
/// Longer lists of values (only the error codes) have a page of their own.
const VALUES_MAX: usize = 20;

/// One field.
pub struct Row {
    /// How deep it stands.
    pub depth: usize,
    /// Its name; of a variant, what tells it apart.
    pub name: String,
    /// It is a variant of the field above, not a field.
    pub variant: bool,
    /// Its type in words.
    pub kind: String,
    /// It must be there.
    pub required: bool,
    /// What it is, as HTML.
    pub about: String,
    /// Its limits in words.
    pub limits: String,
    /// Its values, if they are few and known.
    pub values: Vec<String>,
}

/// The schemas of the document.
pub struct Schemas<'d> {
    /// `components.schemas`.
    pub all: &'d Json,
}

impl<'d> Schemas<'d> {
    /// The fields of a schema.
    pub fn rows(&self, schema: &'d Json) -> Vec<Row> {
        let mut rows = Vec::new();
        self.add_fields(&mut rows, schema, 0);
        rows
    }

    /// What a schema is.
    pub fn about(&self, schema: &'d Json) -> &'d str {
        self.plain(schema).0.text_at("description")
    }

    /// One field on its own, such as a parameter.
    pub fn row(&self, name: &str, schema: &'d Json, required: bool, about: &str, depth: usize) -> Row {
        let (plain, nullable) = self.plain(schema);
        let own = if about.is_empty() { schema.text_at("description") } else { about };
        let about = [own, wrapped(schema), plain.text_at("description")]
            .into_iter()
            .find(|text| !text.is_empty())
            .unwrap_or_default();
        let mut kind = self.kind(plain);
        if nullable && !required {
            kind.push_str(" or null");
        }
        let values: Vec<String> = plain
            .get("enum")
            .map(Json::entries)
            .unwrap_or_default()
            .iter()
            .filter_map(|value| value.text().map(str::to_owned))
            .collect();
        let many = values.len() > VALUES_MAX;
        Row {
            depth,
            name: name.to_owned(),
            variant: false,
            kind,
            required,
            about: if many { format!("{} <a href=\"/errors\">All codes</a>", inline(about)) } else { inline(about) },
            limits: limits(plain),
            values: if many { Vec::new() } else { values },
        }
    }

    /// An example with its members in the order of the schema.
    pub fn arranged(&self, example: &Json, schema: &'d Json) -> Json {
        let (plain, _) = self.plain(schema);
        match example {
            Json::List(entries) => {
                let items = plain.get("items");
                Json::List(
                    entries
                        .iter()
                        .map(|entry| items.map_or_else(|| entry.clone(), |items| self.arranged(entry, items)))
                        .collect(),
                )
            }
            Json::Object(members) => {
                let fields = plain.get("properties").map(Json::members).unwrap_or_default();
                let place = |name: &str| fields.iter().position(|(field, _)| field == name).unwrap_or(usize::MAX);
                let mut members: Vec<(String, Json)> = members
                    .iter()
                    .map(|(name, value)| {
                        let schema = fields.iter().find(|(field, _)| field == name).map(|(_, schema)| schema);
                        (name.clone(), schema.map_or_else(|| value.clone(), |schema| self.arranged(value, schema)))
                    })
                    .collect();
                // A variant of a tagged shape has its fields elsewhere; its tag comes first.
                members.sort_by_key(|(name, _)| if fields.is_empty() && name == "kind" { 0 } else { place(name) });
                Json::Object(members)
            }
            other => other.clone(),
        }
    }

    fn add_fields(&self, rows: &mut Vec<Row>, schema: &'d Json, depth: usize) {
        if depth > DEPTH_MAX {
            return;
        }
        let (mut plain, _) = self.plain(schema);
        while let Some(items) = plain.get("items") {
            plain = self.plain(items).0;
        }
        let required: Vec<&str> =
            plain.get("required").map(Json::entries).unwrap_or_default().iter().filter_map(Json::text).collect();
        for (name, field) in plain.get("properties").map(Json::members).unwrap_or_default() {
            rows.push(self.row(name, field, required.contains(&name.as_str()), "", depth));
            self.add_fields(rows, field, depth + 1);
        }
        for variant in plain.get("oneOf").map(Json::entries).unwrap_or_default() {
            self.add_variant(rows, variant, depth);
        }
    }

    /// A variant of a tagged shape: its tag, then what it has besides.
    fn add_variant(&self, rows: &mut Vec<Row>, variant: &'d Json, depth: usize) {
        let (plain, _) = self.plain(variant);
        let fields = plain.get("properties").map(Json::members).unwrap_or_default();
        let tag = fields.iter().find_map(|(name, field)| match field.get("enum").map(Json::entries) {
            Some([only]) => Some((name, only.text().unwrap_or_default())),
            _ => None,
        });
        rows.push(Row {
            depth,
            name: tag.map_or_else(|| self.kind(plain), |(name, value)| format!("{name}: \"{value}\"")),
            variant: true,
            kind: String::new(),
            required: false,
            about: inline(plain.text_at("description")),
            limits: String::new(),
            values: Vec::new(),
        });
        for (name, field) in fields.iter().filter(|(name, _)| tag.is_none_or(|(tag, _)| tag != name)) {
            rows.push(self.row(name, field, true, "", depth + 1));
        }
    }

    /// Without `$ref` and without the `null` of an optional field; and whether there was one.
    fn plain(&self, schema: &'d Json) -> (&'d Json, bool) {
        let mut schema = schema;
        let mut nullable = false;
        for _ in 0..8 {
            if let Some(name) = schema.get("$ref").and_then(Json::text).and_then(|path| path.rsplit('/').next()) {
                let Some(there) = self.all.get(name) else { break };
                schema = there;
                continue;
            }
            match schema.get("anyOf").map(Json::entries) {
                Some([value, null] | [null, value]) if null.text_at("type") == "null" => {
                    nullable = true;
                    schema = value;
                }
                _ => break,
            }
        }
        (schema, nullable)
    }

    fn kind(&self, plain: &'d Json) -> String {
        if plain.get("oneOf").is_some() {
            return "one of".to_owned();
        }
        let named = match plain.get("type") {
            Some(Json::List(names)) => names.iter().filter_map(Json::text).collect::<Vec<_>>().join(" or "),
            _ => plain.text_at("type").to_owned(),
        };
        match named.as_str() {
            "array" => {
                let of = plain.get("items").map_or_else(String::new, |items| self.kind(self.plain(items).0));
                format!("array of {}", if of == "one of" { "objects".to_owned() } else { format!("{of}s") })
            }
            "" => "object".to_owned(),
            "string" => match plain.text_at("format") {
                "date-time" => "time (RFC 3339)".to_owned(),
                "uri" => "URL".to_owned(),
                _ => "string".to_owned(),
            },
            _ => named,
        }
    }
}

/// The text beside the `$ref` inside an optional field.
fn wrapped(schema: &Json) -> &str {
    schema
        .get("anyOf")
        .map(Json::entries)
        .unwrap_or_default()
        .iter()
        .map(|item| item.text_at("description"))
        .find(|text| !text.is_empty())
        .unwrap_or_default()
}

/// Limits in words.
fn limits(plain: &Json) -> String {
    let number = |name: &str| match plain.get(name) {
        Some(Json::Number(number)) => Some(number.to_string()),
        _ => None,
    };
    let range = |least: Option<String>, most: Option<String>, unit: &str| match (least, most) {
        (Some(least), Some(most)) => Some(format!("{least}–{most}{unit}")),
        (Some(least), None) if least != "0" => Some(format!("at least {least}{unit}")),
        (None, Some(most)) => Some(format!("at most {most}{unit}")),
        _ => None,
    };
    let default = plain.get("default").map(|value| format!("default {}", value.pretty()));
    let pattern = plain.get("pattern").and_then(Json::text).map(|pattern| {
        let prefix = pattern
            .strip_suffix("{25}$")
            .and_then(|start| start.strip_prefix('^'))
            .and_then(|start| start.split_once('_'));
        prefix.map_or_else(|| format!("matches {pattern}"), |(kind, _)| format!("starts with {kind}_"))
    });
    [
        range(number("minLength"), number("maxLength"), " characters"),
        range(number("minimum"), number("maximum"), ""),
        range(number("minItems"), number("maxItems"), " entries"),
        pattern,
        default,
    ]
    .into_iter()
    .flatten()
    .collect::<Vec<_>>()
    .join(", ")
}
