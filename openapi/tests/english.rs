//! The public texts are plain English: summaries are imperatives with a usual verb, and no text has words of Rust or turns of
//! phrase that readers stumbled over.

#![expect(clippy::unwrap_used, reason = "helpers of tests: a panic is how a test says no")]

use quanzi_openapi::{ErrorCode, neutral_document_text};
use serde_json::Value;

/// What a summary may start with. A new operation takes one of these, or adds the field's usual verb.
const VERBS: &[&str] = &[
    "Add",
    "Advance",
    "Approve",
    "Ban",
    "Cancel",
    "Check",
    "Close",
    "Create",
    "Decline",
    "Delete",
    "Disable",
    "Enable",
    "Evaluate",
    "Get",
    "Introspect",
    "Join",
    "Leave",
    "Like",
    "List",
    "Open",
    "Pin",
    "Ping",
    "Push",
    "Register",
    "Reject",
    "Remove",
    "Replace",
    "Replay",
    "Request",
    "Revoke",
    "Rotate",
    "Stream",
    "Top",
    "Unban",
    "Unlike",
    "Unpin",
    "Update",
];

/// Words of the implementation, which mean nothing to a reader of the document.
const RUST_WORDS: &[&str] =
    &["`None`", "`Some`", "`Option`", "`Vec`", "`Debug`", "::", "struct ", "i64", "usize", "#["];

/// Turns of phrase that read as translated, one per line.
const PHRASES: &str = include_str!("phrases.txt");

fn document() -> Value {
    serde_json::from_str(&neutral_document_text().unwrap()).unwrap()
}

/// Every text of these members, with the members that lead to it.
fn texts<'a>(value: &'a Value, path: &str, found: &mut Vec<(String, &'a str)>) {
    match value {
        Value::Object(members) => {
            for (name, member) in members {
                match member.as_str() {
                    Some(text) if matches!(name.as_str(), "summary" | "description") => {
                        found.push((format!("{path}/{name}"), text));
                    }
                    _ => texts(member, &format!("{path}/{name}"), found),
                }
            }
        }
        Value::Array(entries) => entries.iter().for_each(|entry| texts(entry, path, found)),
        _ => {}
    }
}

#[test]
fn a_summary_is_an_imperative_with_a_usual_verb() {
    let document = document();

    for item in document["paths"].as_object().unwrap().values() {
        for operation in item.as_object().unwrap().values() {
            let summary = operation["summary"].as_str().unwrap();
            let (verb, object) = summary.split_once(' ').unwrap_or((summary, ""));

            assert!(VERBS.contains(&verb), "{summary}: another verb, or a new one for the list");
            assert!(!object.is_empty() && !summary.ends_with('.') && summary.len() <= 60, "{summary}");
        }
    }
}

#[test]
fn no_text_of_the_document_has_words_of_rust_or_riddles() {
    let document = document();
    let mut found = Vec::new();
    texts(&document, "", &mut found);

    assert!(found.len() > 500, "the texts are found");
    for (path, text) in found {
        for word in RUST_WORDS {
            assert!(!text.contains(word), "{path} says {word:?}: {text}");
        }
        for phrase in PHRASES.lines() {
            assert!(!text.to_lowercase().contains(phrase), "{path} says {phrase:?}: {text}");
        }
    }
}

#[test]
fn no_error_code_speaks_in_riddles() {
    for code in ErrorCode::ALL {
        let text = format!("{} {}", code.title(), code.remedy()).to_lowercase();
        for phrase in PHRASES.lines() {
            assert!(!text.contains(phrase), "{code} says {phrase:?}: {text}");
        }
    }
}
