//! What callers of the last release rely on still holds, or the changelog names what does not.
//!
//! `released.json` is the digest of the last release's document: what a caller can rely on, without texts and examples.
//! At a release it is written anew: `RELEASE=openapi.json cargo test -p quanzi-openapi --test released`.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "helpers of tests: a panic is how a test says no")]

use std::collections::BTreeSet;

use quanzi_openapi::neutral_document_text;
use serde_json::{Map, Value, json};

const RELEASED: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/released.json");
const CHANGELOG: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/CHANGELOG.md");

/// Keys of a schema that say nothing about what may be sent. Formats are hints: what is checked stands in patterns.
const TEXTS: [&str; 7] = ["description", "title", "example", "examples", "summary", "default", "format"];

#[test]
fn a_breaking_change_is_named_in_the_changelog() {
    if let Some(path) = std::env::var_os("RELEASE") {
        let document = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
        std::fs::write(RELEASED, text_of(&digest(&document))).unwrap();
    }
    let released: Value = serde_json::from_str(&std::fs::read_to_string(RELEASED).unwrap()).unwrap();
    let document: Value = serde_json::from_str(&neutral_document_text().unwrap()).unwrap();
    let changelog = std::fs::read_to_string(CHANGELOG).unwrap();
    let unreleased = changelog.split("\n## ").find(|section| section.contains("(unreleased)")).unwrap_or_default();

    let breaks = breaks(&released, &digest(&document));

    let unnamed: Vec<&String> =
        breaks.iter().filter(|(name, _)| !unreleased.contains(&format!("`{name}`"))).map(|(_, what)| what).collect();
    assert!(unnamed.is_empty(), "breaking changes that docs/CHANGELOG.md does not name: {unnamed:#?}");
}

#[test]
fn each_kind_of_breaking_change_is_found() {
    let field = |about: Value| json!({ "type": "object", "properties": { "name": about }, "required": ["name"] });
    let text = json!({ "type": "string", "maxLength": 10 });
    let base = |request: Value, reply: Value| {
        json!({
            "operations": { "POST /v1/things": {
                "id": "CreateThing", "access": ["things:write"], "status": "201", "codes": ["thing_taken"],
                "parameters": { "query kind": { "required": false, "schema": { "enum": ["a", "b"] } } },
                "body": request, "reply": reply,
            } },
            "events": {}, "schemas": { "Text": text },
        })
    };
    let same = base(field(json!({ "$ref": "Text" })), field(text.clone()));
    let changed = |at: &str, value: Value| {
        let mut other = same.clone();
        *other.pointer_mut(&format!("/operations/POST ~1v1~1things{at}")).unwrap() = value;
        breaks(&same, &other).into_iter().map(|(name, _)| name).collect::<Vec<_>>()
    };

    assert!(breaks(&same, &same).is_empty());
    assert_eq!(breaks(&same, &json!({ "operations": {}, "events": {}, "schemas": {} }))[0].0, "CreateThing");
    assert_eq!(changed("/status", json!("200")), ["CreateThing"]);
    assert_eq!(changed("/access", json!(["things:read"])), ["CreateThing"]);
    assert_eq!(changed("/codes", json!([])), ["thing_taken"]);
    assert_eq!(changed("/parameters/query kind/schema/enum", json!(["a"])), ["b"]);
    assert_eq!(changed("/parameters/query kind/required", json!(true)), ["kind"]);
    assert_eq!(changed("/parameters", json!({})), ["kind"]);
    assert_eq!(changed("/body/properties/name", json!({ "type": "string", "maxLength": 9 })), ["name"]);
    assert_eq!(changed("/body/properties/name", json!({ "type": "integer" })), ["name"]);
    assert_eq!(changed("/body/required", json!(["name", "more"])), ["more"]);
    assert_eq!(changed("/reply/required", json!([])), ["name"]);
    assert_eq!(changed("/reply/properties", json!({})), ["name"]);
    // Wider requests and richer replies break nobody.
    assert!(changed("/body/required", json!([])).is_empty());
    assert!(changed("/body/properties/name", json!({ "type": "string", "maxLength": 99 })).is_empty());
    let richer = json!({ "name": text, "more": { "type": "string" } });
    assert!(changed("/reply/properties", richer).is_empty());
}

/// What callers rely on: operations, events and schemas without texts.
fn digest(document: &Value) -> Value {
    let mut operations = Map::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            operations.insert(format!("{} {path}", method.to_uppercase()), operation_digest(document, operation));
        }
    }
    let event = |item: &Value| schema_of(document, &item["post"]["requestBody"]);
    let events: Map<_, _> =
        document["webhooks"].as_object().unwrap().iter().map(|(name, item)| (name.clone(), event(item))).collect();
    let schemas = document["components"]["schemas"].as_object().unwrap();
    let schemas: Map<_, _> = schemas.iter().map(|(name, schema)| (name.clone(), bare(schema))).collect();
    json!({ "operations": operations, "events": events, "schemas": schemas })
}

fn operation_digest(document: &Value, operation: &Value) -> Value {
    let mut codes =
        codes_in(operation["description"].as_str().unwrap().split("**Errors:**").nth(1).unwrap_or_default());
    let mut success = (String::new(), Value::Null);
    for (status, response) in operation["responses"].as_object().unwrap() {
        let response = resolved(document, response);
        if status.starts_with('2') {
            success = (status.clone(), schema_of(document, response));
        } else {
            codes.extend(codes_in(response["description"].as_str().unwrap()));
        }
    }
    let mut parameters = Map::new();
    for parameter in operation["parameters"].as_array().into_iter().flatten() {
        let parameter = resolved(document, parameter);
        let (place, name) = (parameter["in"].as_str().unwrap(), parameter["name"].as_str().unwrap());
        // How a request is authenticated is the same everywhere, and was no matter of single operations.
        if !matches!(name, "Signature" | "Signature-Input") {
            let about = json!({ "required": parameter["required"] == true, "schema": bare(&parameter["schema"]) });
            parameters.insert(format!("{place} {name}"), about);
        }
    }
    let scopes = operation["security"].as_array().unwrap().iter().flat_map(|one| one.as_object().unwrap());
    let access: BTreeSet<String> = scopes
        .filter(|(scheme, _)| *scheme != "signature")
        .flat_map(|(scheme, scopes)| {
            let scopes = scopes.as_array().unwrap().iter().map(|scope| format!("{scheme} {}", scope.as_str().unwrap()));
            scopes.collect::<Vec<_>>()
        })
        .collect();
    json!({
        "id": operation["operationId"], "access": access, "status": success.0, "reply": success.1, "codes": codes,
        "parameters": parameters, "body": schema_of(document, &operation["requestBody"]),
    })
}

/// The words between backticks that look like codes.
fn codes_in(text: &str) -> BTreeSet<String> {
    let is_code = |word: &&str| word.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_');
    text.split('`').skip(1).step_by(2).filter(is_code).map(str::to_owned).collect()
}

fn resolved<'a>(document: &'a Value, value: &'a Value) -> &'a Value {
    value["$ref"].as_str().map_or(value, |at| document.pointer(at.trim_start_matches('#')).unwrap())
}

/// The schema of a body or a reply.
fn schema_of(document: &Value, body: &Value) -> Value {
    let media = resolved(document, body)["content"].as_object().and_then(|all| all.values().next());
    media.map_or(Value::Null, |media| bare(&media["schema"]))
}

/// A schema without texts, its references by name, and "or null" in the form of today.
fn bare(schema: &Value) -> Value {
    match schema {
        Value::Object(members) => {
            let mut kept = Map::new();
            for (name, member) in members {
                match name.as_str() {
                    "properties" => {
                        let fields = member.as_object().unwrap().iter();
                        kept.insert(name.clone(), fields.map(|(field, one)| (field.clone(), bare(one))).collect());
                    }
                    "$ref" => {
                        kept.insert(name.clone(), member.as_str().unwrap().rsplit('/').next().into());
                    }
                    "oneOf" if member.as_array().unwrap().iter().any(|one| one["type"] == "null") => {
                        kept.insert("anyOf".to_owned(), bare(member));
                    }
                    text if TEXTS.contains(&text) => {}
                    _ => {
                        kept.insert(name.clone(), bare(member));
                    }
                }
            }
            Value::Object(kept)
        }
        Value::Array(items) => items.iter().map(bare).collect(),
        other => other.clone(),
    }
}

/// One operation, event or schema a line.
fn text_of(digest: &Value) -> String {
    let part = |name: &str| {
        let lines: Vec<String> =
            digest[name].as_object().unwrap().iter().map(|(key, one)| format!("    {}: {one}", json!(key))).collect();
        format!("  \"{name}\": {{\n{}\n  }}", lines.join(",\n"))
    };
    format!("{{\n{}\n}}\n", ["operations", "events", "schemas"].map(part).join(",\n"))
}

/// Who sends what is compared.
#[derive(Clone, Copy, PartialEq)]
enum Sent {
    ByCaller,
    ByUs,
}

/// What a caller of `old` cannot rely on any more: the name that the changelog must carry, and what happened.
fn breaks(old: &Value, new: &Value) -> Vec<(String, String)> {
    let mut found = Breaks { old, new, seen: BTreeSet::new(), found: Vec::new() };
    for (at, before) in old["operations"].as_object().unwrap() {
        let id = before["id"].as_str().unwrap();
        match new["operations"].get(at) {
            Some(after) => found.operation(at, id, before, after),
            None => found.add(id, format!("{at} is gone")),
        }
    }
    for (name, before) in old["events"].as_object().unwrap() {
        match new["events"].get(name) {
            Some(after) => found.schema(name, name, before, after, Sent::ByUs),
            None => found.add(name, format!("the event {name} is gone")),
        }
    }
    found.found
}

struct Breaks<'a> {
    old: &'a Value,
    new: &'a Value,
    seen: BTreeSet<String>,
    found: Vec<(String, String)>,
}

impl<'a> Breaks<'a> {
    fn add(&mut self, name: &str, what: String) {
        self.found.push((name.to_owned(), what));
    }

    fn operation(&mut self, at: &str, id: &str, before: &'a Value, after: &'a Value) {
        for part in ["status", "access"] {
            if before[part] != after[part] {
                self.add(id, format!("{at}: {part} was {}, is {}", before[part], after[part]));
            }
        }
        for code in texts(&before["codes"]).difference(&texts(&after["codes"])) {
            self.add(code, format!("{at} does not answer {code} any more"));
        }
        let (old, new) = (before["parameters"].as_object().unwrap(), after["parameters"].as_object().unwrap());
        for (key, parameter) in old {
            let name = key.split(' ').next_back().unwrap();
            match new.get(key) {
                Some(now) => self.schema(at, name, &parameter["schema"], &now["schema"], Sent::ByCaller),
                None => self.add(name, format!("{at}: the parameter {key} is gone")),
            }
        }
        let required = |parameter: Option<&Value>| parameter.is_some_and(|one| one["required"] == true);
        for (key, parameter) in new {
            if required(Some(parameter)) && !required(old.get(key)) {
                let name = key.split(' ').next_back().unwrap();
                self.add(name, format!("{at}: the parameter {key} is required now"));
            }
        }
        self.schema(at, id, &before["body"], &after["body"], Sent::ByCaller);
        self.schema(at, id, &before["reply"], &after["reply"], Sent::ByUs);
    }

    /// Compares what one place takes or gives. `name` is what the changelog must carry.
    fn schema(&mut self, at: &str, name: &str, before: &'a Value, after: &'a Value, sent: Sent) {
        let (Some(before), Some(after)) = (follow(self.old, before), follow(self.new, after)) else { return };
        // A shape that stands in many places is compared once in each direction.
        if !self.seen.insert(format!("{} {name} {before} {after}", sent == Sent::ByUs)) {
            return;
        }
        let at = format!("{at} {name}");
        let (old_types, new_types) = (types(before), types(after));
        let holds = match sent {
            Sent::ByCaller => old_types.is_subset(&new_types),
            Sent::ByUs => new_types.is_subset(&old_types),
        };
        if !holds {
            self.add(name, format!("{at}: was {old_types:?}, is {new_types:?}"));
        }
        for value in texts(&before["enum"]).difference(&texts(&after["enum"])) {
            self.add(value, format!("{at}: the value {value} is gone"));
        }
        if sent == Sent::ByCaller {
            self.limits(&at, name, before, after);
        }
        self.fields(&at, before, after, sent);
        for part in ["items", "additionalProperties"] {
            if before[part].is_object() && after[part].is_object() {
                self.schema(&at, name, &before[part], &after[part], sent);
            }
        }
        for part in ["oneOf", "anyOf", "allOf"] {
            let (old, new) = (list(&before[part]), list(&after[part]));
            if old.len() > new.len() {
                self.add(name, format!("{at}: a variant is gone"));
            }
            for (before, after) in old.iter().zip(new) {
                self.schema(&at, name, before, after, sent);
            }
        }
    }

    fn limits(&mut self, at: &str, name: &str, before: &Value, after: &Value) {
        let number = |schema: &Value, limit: &str| schema[limit].as_i64();
        for limit in ["maxLength", "maximum", "maxItems", "minLength", "minimum", "minItems"] {
            let (old, new) = (number(before, limit), number(after, limit));
            let sign = if limit.starts_with("max") { 1 } else { -1 };
            let narrower = new.is_some_and(|new| old.is_none_or(|old| new * sign < old * sign));
            // A least length or value of nothing forbids nothing.
            if narrower && new != Some(0) {
                self.add(name, format!("{at}: {limit} was {old:?}, is {new:?}"));
            }
        }
        if !after["pattern"].is_null() && before["pattern"] != after["pattern"] {
            self.add(name, format!("{at}: the pattern is another"));
        }
    }

    fn fields(&mut self, at: &str, before: &'a Value, after: &'a Value, sent: Sent) {
        for (field, schema) in before["properties"].as_object().into_iter().flatten() {
            match after["properties"].get(field) {
                Some(now) => self.schema(at, field, schema, now, sent),
                None => self.add(field, format!("{at}: the field {field} is gone")),
            }
        }
        let (was, is) = (texts(&before["required"]), texts(&after["required"]));
        let broken = if sent == Sent::ByCaller { is.difference(&was) } else { was.difference(&is) };
        for field in broken.filter(|field| sent == Sent::ByCaller || after["properties"].get(field.as_str()).is_some())
        {
            let now = if sent == Sent::ByCaller { "is required now" } else { "may be missing now" };
            self.add(field, format!("{at}: {field} {now}"));
        }
    }
}

/// The schema that a reference leads to; none where there is none.
fn follow<'a>(digest: &'a Value, schema: &'a Value) -> Option<&'a Value> {
    match schema["$ref"].as_str() {
        Some(name) => digest["schemas"].get(name),
        None => Some(schema).filter(|schema| schema.is_object()),
    }
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map(Vec::as_slice).unwrap_or_default()
}

fn texts(value: &Value) -> BTreeSet<String> {
    list(value).iter().filter_map(Value::as_str).map(str::to_owned).collect()
}

/// The JSON types of a schema; nothing said is the word `any`.
fn types(schema: &Value) -> BTreeSet<String> {
    match &schema["type"] {
        Value::String(name) => [name.clone()].into(),
        Value::Array(_) => texts(&schema["type"]),
        _ => ["any".to_owned()].into(),
    }
}
