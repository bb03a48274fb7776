//! A page for every error code, generated from the table, with longer advice for the codes that need it.

use quanzi_openapi::{ErrorCode, Operation};

use crate::markdown::{Rendered, render};

/// Longer advice: one section for each code, in Markdown.
const ADVICE: &str = include_str!("../../../docs/errors.md");

/// Blocks of the table as people look for them; every code is in exactly one.
const GROUPS: [(&str, ErrorCode); 9] = [
    ("Requests", ErrorCode::RouteNotFound),
    ("Token", ErrorCode::TokenMissing),
    ("Signature", ErrorCode::SignatureMissing),
    ("Idempotency", ErrorCode::IdempotencyKeyMissing),
    ("Authorization server", ErrorCode::InvalidRequest),
    ("Apps and keys", ErrorCode::AppNotFound),
    ("Circles and gates", ErrorCode::CircleNotFound),
    ("Fans and memberships", ErrorCode::FanNotFound),
    ("Content", ErrorCode::PostNotFound),
];

/// One operation that can answer a code.
pub struct Place {
    /// Operation id.
    pub id: String,
    /// Method.
    pub method: &'static str,
    /// Path.
    pub path: &'static str,
}

/// The table in its blocks.
pub fn groups() -> Vec<(&'static str, Vec<ErrorCode>)> {
    let mut groups: Vec<(&str, Vec<ErrorCode>)> = Vec::new();
    for code in ErrorCode::ALL {
        if let Some((title, _)) = GROUPS.iter().find(|(_, first)| first == code) {
            groups.push((title, Vec::new()));
        }
        if let Some((_, codes)) = groups.last_mut() {
            codes.push(*code);
        }
    }
    groups
}

/// The operations of this mode that can answer a code.
pub fn places(code: ErrorCode, sandbox: bool) -> Vec<Place> {
    let answers =
        |operation: &Operation, codes: &[ErrorCode]| codes.contains(&code) && (sandbox || !operation.is_sandbox_only());
    let all = crate::reference::operations().iter().filter(|(operation, codes)| answers(operation, codes));
    all.map(|(operation, _)| Place {
        id: (operation.name)().into_owned(),
        method: operation.method.as_str(),
        path: operation.path,
    })
    .collect()
}

/// The longer advice for a code, in Markdown.
pub fn advice(code: ErrorCode) -> Option<&'static str> {
    sections().find(|(name, _)| *name == code.as_str()).map(|(_, text)| text)
}

/// The longer advice for a code, as HTML.
pub fn advice_html(code: ErrorCode) -> String {
    advice(code).map(render).map_or_else(String::new, |Rendered { html, .. }| html)
}

fn sections() -> impl Iterator<Item = (&'static str, &'static str)> {
    ADVICE
        .split("\n## ")
        .skip(1)
        .filter_map(|section| section.split_once('\n'))
        .map(|(name, text)| (name.trim(), text.trim()))
}

/// The page of a code as Markdown.
pub fn markdown(code: ErrorCode, sandbox: bool) -> String {
    let again = if code.retryable() { "yes, the same request may succeed later" } else { "no, not without a change" };
    let mut text = format!(
        "# {code}\n\n{}\n\n- Status: {}\n- Retryable: {again}\n- What to do: {}\n",
        code.title(),
        code.status(),
        code.remedy()
    );
    if let Some(advice) = advice(code) {
        text.push('\n');
        text.push_str(advice);
        text.push('\n');
    }
    let places: Vec<String> = places(code, sandbox)
        .iter()
        .map(|place| format!("- [{} {}](/docs/api#{})\n", place.method, place.path, place.id))
        .collect();
    if places.is_empty() { text } else { text + "\nOperations that can return it:\n\n" + &places.concat() }
}

/// The page of a code for programs.
pub fn json(code: ErrorCode, sandbox: bool) -> String {
    let operations: Vec<String> = places(code, sandbox).into_iter().map(|place| place.id).collect();
    let value = serde_json::json!({
        "code": code.as_str(),
        "title": code.title(),
        "status": code.status(),
        "retryable": code.retryable(),
        "remedy": code.remedy(),
        "operations": operations,
    });
    format!("{value:#}\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_section_of_advice_belongs_to_a_code() {
        let mut seen = Vec::new();
        for (name, text) in sections() {
            assert!(ErrorCode::find(name).is_some(), "{name} is no code");
            assert!(!text.is_empty() && !seen.contains(&name), "{name}");
            seen.push(name);
        }
        assert!(seen.len() > 20);
    }

    #[test]
    fn every_code_stands_in_one_block() {
        let groups = groups();

        assert_eq!(groups.len(), GROUPS.len());
        assert_eq!(groups.iter().map(|(_, codes)| codes.len()).sum::<usize>(), ErrorCode::ALL.len());
    }
}
