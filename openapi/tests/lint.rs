//! Rules of the document that generators of clients, fuzzers and readers of its diffs rely on.

#![expect(clippy::unwrap_used, reason = "helpers of tests: a panic is how a test says no")]

use quanzi_openapi::{OPERATIONS, document_text, neutral_document_text};
use serde_json::Value;

/// Lines and bytes that one operation may add, with its shapes, on average.
const LINES_PER_OPERATION_MAX: usize = 200;
const BYTES_PER_OPERATION_MAX: usize = 7_200;

fn document() -> Value {
    serde_json::from_str(&neutral_document_text().unwrap()).unwrap()
}

fn operations(document: &Value) -> impl Iterator<Item = &Value> {
    document["paths"].as_object().unwrap().values().flat_map(|item| item.as_object().unwrap().values())
}

/// Every value of the document with the path to it.
fn visit<'a>(value: &'a Value, at: &str, look: &mut impl FnMut(&str, &'a Value)) {
    look(at, value);
    match value {
        Value::Object(members) => {
            for (name, member) in members {
                visit(member, &format!("{at}/{name}"), look);
            }
        }
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                visit(item, &format!("{at}/{index}"), look);
            }
        }
        _ => {}
    }
}

#[test]
fn what_operations_share_is_not_repeated() {
    let text = neutral_document_text().unwrap();
    let document = document();

    let operations_len = OPERATIONS.len();
    assert!(text.lines().count() <= LINES_PER_OPERATION_MAX * operations_len, "{} lines", text.lines().count());
    assert!(text.len() <= BYTES_PER_OPERATION_MAX * operations_len, "{} bytes", text.len());
    for operation in operations(&document) {
        for (status, response) in operation["responses"].as_object().unwrap() {
            let shared = response["$ref"].as_str().is_some_and(|at| at.starts_with("#/components/responses/"));
            assert!(shared || status.starts_with('2'), "{}: {status} is no reference", operation["operationId"]);
        }
    }
}

#[test]
fn what_authenticates_a_request_is_no_parameter() {
    let document = document();

    visit(&document, "", &mut |at, value| {
        if value["in"] == "header" && !at.starts_with("/components/securitySchemes") {
            let name = value["name"].as_str().unwrap();
            let authenticates = ["Authorization", "DPoP", "Signature", "Signature-Input", "Content-Digest"];
            assert!(!authenticates.contains(&name), "{at}");
        }
    });
    for operation in operations(&document) {
        let is_signed = operation["description"].as_str().unwrap().contains("must be signed");
        assert_eq!(operation["security"][0]["signature"].is_array(), is_signed, "{}", operation["operationId"]);
    }
}

#[test]
fn header_examples_are_values_that_can_be_sent() {
    let document = document();
    let components = &document["components"];
    let headers = components["headers"].as_object().unwrap().iter();
    let parameters = components["parameters"].as_object().unwrap().iter().filter(|(_, one)| one["in"] == "header");

    for (name, header) in headers.chain(parameters) {
        let example = header["example"].as_str().unwrap_or_else(|| panic!("{name} has no example"));
        assert!(!example.is_empty() && example.bytes().all(|byte| matches!(byte, b' '..=b'~')), "{name}: {example}");
    }
}

#[test]
fn every_variant_of_a_union_has_a_title() {
    let document = document();
    let mut unions = 0;

    visit(&document, "", &mut |at, value| {
        let Some(variants) = value["oneOf"].as_array().filter(|_| !at.contains("/example")) else { return };
        unions += 1;
        for variant in variants {
            let title = variant["title"].as_str().unwrap_or_else(|| panic!("{at}: {variant}"));
            let is_taken = document["components"]["schemas"].get(title).is_some();
            assert!(variant["$ref"].is_string() || !is_taken, "{at}: {title} is the name of another shape");
        }
    });

    assert!(unions > 0);
}

#[test]
fn a_live_gateway_has_no_operation_of_sandboxes() {
    let live: Value = serde_json::from_str(&document_text("https://api.whisker.example", false).unwrap()).unwrap();

    assert_eq!(live["servers"][0]["url"], "https://api.whisker.example");
    assert!(live["paths"].as_object().unwrap().keys().all(|path| !path.starts_with("/sandbox/")));
    assert!(live["components"]["schemas"].get("SandboxFan").is_none());
}
