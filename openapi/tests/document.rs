//! The committed document is the one the code makes, and every operation says what a reader needs.

#![expect(clippy::unwrap_used, reason = "helpers of tests: a panic is how a test says no")]

use std::collections::HashSet;

use quanzi_openapi::{ErrorCode, OPERATIONS, neutral_document_text};
use serde_json::Value;

fn document() -> Value {
    serde_json::from_str(&neutral_document_text().unwrap()).unwrap()
}

fn operations(document: &Value) -> Vec<(String, &Value)> {
    let paths = document["paths"].as_object().unwrap();
    paths
        .values()
        .flat_map(|item| item.as_object().unwrap())
        .map(|(method, operation)| (method.clone(), operation))
        .collect()
}

/// The example of a reply: its own, or the one that operations with the same reply share.
fn example<'a>(document: &'a Value, media: &'a Value) -> &'a Value {
    let shared = media["examples"].as_object().and_then(|all| all.values().next());
    shared.map_or(&media["example"], |shared| &resolved(document, shared)["value"])
}

/// What a reference leads to; anything else as it is.
fn resolved<'a>(document: &'a Value, value: &'a Value) -> &'a Value {
    value["$ref"].as_str().map_or(value, |reference| document.pointer(reference.trim_start_matches('#')).unwrap())
}

#[test]
fn the_committed_document_is_current() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/openapi.json");
    let text = neutral_document_text().unwrap();

    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(path, &text).unwrap();
    }

    let committed = std::fs::read_to_string(path).unwrap_or_default();
    assert!(committed == text, "openapi.json is stale: run `UPDATE=1 cargo test -p quanzi-openapi --test document`");
}

#[test]
fn every_operation_is_in_the_document_once() {
    let document = document();

    let ids: HashSet<&str> = operations(&document).iter().map(|(_, op)| op["operationId"].as_str().unwrap()).collect();

    assert_eq!(ids.len(), OPERATIONS.len());
}

#[test]
fn every_operation_says_what_a_reader_needs() {
    let document = document();

    for (_, operation) in operations(&document) {
        let id = operation["operationId"].as_str().unwrap();
        assert!(operation["summary"].as_str().is_some_and(|text| text.len() > 5), "{id}: summary");
        let (own, _) = operation["description"].as_str().unwrap().split_once("\n\n**Access:**").expect(id);
        assert!(own.len() > 5 && own.ends_with('.'), "{id}: the doc comment needs a second paragraph, not {own:?}");
        assert!(operation["tags"].as_array().is_some_and(|tags| tags.len() == 1), "{id}: tag");
        assert!(operation["security"].is_array(), "{id}: security");
        for (status, response) in operation["responses"].as_object().unwrap() {
            let response = resolved(&document, response);
            let success = status.starts_with('2');
            let content = response["content"].as_object();
            assert!(success || content.is_some(), "{id}: {status} has no body");
            for name in ["RateLimit", "RateLimit-Policy", "Request-Id", "Signature", "Signature-Input"] {
                assert!(response["headers"].get(name).is_some(), "{id}: {name} of {status}");
            }
            let digest = response["headers"].get("Content-Digest");
            assert_eq!(digest.is_some(), content.is_some(), "{id}: digest of {status}");
            if let Some(content) = content.filter(|_| success) {
                assert!(
                    content.values().all(|media| !example(&document, media).is_null()),
                    "{id}: example of {status}"
                );
            }
        }
        if let Some(body) = operation["requestBody"]["content"].as_object() {
            assert!(body.values().all(|media| !media["example"].is_null()), "{id}: example of the body");
        }
    }
}

#[test]
fn every_reference_leads_somewhere() {
    let document = document();
    let mut references = Vec::new();
    collect(&document, &mut references);

    for reference in references {
        assert!(document.pointer(reference.trim_start_matches('#')).is_some(), "{reference}");
    }
}

fn collect<'a>(value: &'a Value, references: &mut Vec<&'a str>) {
    match value {
        Value::Object(members) => {
            references.extend(members.get("$ref").and_then(Value::as_str));
            members.values().for_each(|member| collect(member, references));
        }
        Value::Array(items) => items.iter().for_each(|item| collect(item, references)),
        _ => {}
    }
}

#[test]
fn every_code_can_be_answered_by_something() {
    // These belong to addresses, requests and pages that no declaration stands for.
    let edge_only = [
        ErrorCode::RouteNotFound,
        ErrorCode::MethodNotAllowed,
        ErrorCode::IdempotencyKeyMissing,
        ErrorCode::SignInUnavailable,
        ErrorCode::SignInFailed,
        ErrorCode::SignInAgeUnknown,
    ];
    let declared: HashSet<ErrorCode> = OPERATIONS.iter().flat_map(quanzi_openapi::Operation::fails).collect();

    for code in ErrorCode::ALL.iter().filter(|code| !edge_only.contains(code)) {
        assert!(declared.contains(code), "{code} is in no endpoint's FAILS");
    }
}

#[test]
fn no_shape_of_the_public_api_carries_a_person_or_a_band() {
    let document = document();
    let schemas = document["components"]["schemas"].as_object().unwrap();

    for (name, schema) in schemas {
        let sandbox =
            matches!(name.as_str(), "SandboxFan" | "NewSandboxFan" | "SandboxFanChange" | "CreditBand" | "GateRule");
        assert!(sandbox || !schema.to_string().contains("CreditBand"), "{name} carries a band");
        assert!(!schema.to_string().contains("PersonId"), "{name} carries a person");
    }
}

/// Puts something a newer gateway might say into every object: a field, longer texts where texts are free.
fn grow(value: &mut Value) {
    match value {
        Value::Object(members) => {
            members.values_mut().for_each(grow);
            members.insert("mood".to_owned(), serde_json::json!({ "of": ["the", "day"] }));
            for name in ["name", "legal_name", "nickname", "slug", "title"] {
                if let Some(text @ Value::String(_)) = members.get_mut(name) {
                    *text = "A text that is far longer than this version allows. ".repeat(40).into();
                }
            }
            for name in ["status", "category", "role", "kind", "outcome", "format", "algorithm", "credit_band", "kty"] {
                if let Some(text @ Value::String(_)) = members.get_mut(name) {
                    *text = "of_tomorrow".into();
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(grow),
        _ => {}
    }
}

#[test]
fn what_a_newer_gateway_says_can_be_read() {
    let document = document();
    for operation in OPERATIONS {
        let path = operation.path.replace('/', "~1");
        let method = operation.method.as_str().to_lowercase();
        let at = format!("/paths/{path}/{method}/responses/{}/content/application~1json", operation.status);
        let Some(media) = document.pointer(&at) else { continue };
        let example = example(&document, media);
        (operation.read_reply)(example).unwrap();
        let mut newer = example.clone();
        grow(&mut newer);

        let read = (operation.read_reply)(&newer);

        assert!(read.is_ok(), "{}: {}", (operation.name)(), read.unwrap_err());
    }
}
