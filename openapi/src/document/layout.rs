//! The text of the document: pretty JSON in which short things stand on one line.
//!
//! Two thirds of the lines of pretty JSON are the brackets of `{ "$ref": … }` and of lists of three words. On one line
//! each, a change to the contract is a diff that can be read.

/// The longest line that is put together.
const LINE_LEN_MAX: usize = 120;

/// Puts each object and list on one line that holds nothing but scalars and fits. The text is serde_json's pretty JSON,
/// where a line ends with a bracket only if it opens one.
pub(super) fn compact(pretty: &str) -> String {
    let lines: Vec<&str> = pretty.lines().collect();
    let mut text = String::with_capacity(pretty.len());
    let mut rest = lines.as_slice();
    while let Some((line, after)) = rest.split_first() {
        let joined = if opens(line) { on_one_line(line, after) } else { None };
        if let Some((joined, after)) = joined {
            text.push_str(&joined);
            rest = after;
        } else {
            text.push_str(line);
            rest = after;
        }
        text.push('\n');
    }
    text
}

fn opens(line: &str) -> bool {
    line.ends_with(['{', '['])
}

/// What a line opens, with all that follows up to where it closes, and the lines after that.
fn on_one_line<'a, 'b>(first: &str, after: &'b [&'a str]) -> Option<(String, &'b [&'a str])> {
    let mut joined = first.to_owned();
    for (index, line) in after.iter().enumerate() {
        if opens(line) || joined.len() + line.trim_start().len() >= LINE_LEN_MAX {
            return None;
        }
        // A list begins and ends without a space: `["a", "b"]`, `{ "a": 1 }`.
        if !joined.ends_with('[') && !line.trim_start().starts_with(']') {
            joined.push(' ');
        }
        joined.push_str(line.trim_start());
        if line.trim_start().starts_with(['}', ']']) {
            return Some((joined, after.get(index + 1..).unwrap_or_default()));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_things_stand_on_one_line_and_the_document_stays_the_same() {
        let value = serde_json::json!({
            "list": ["a", "{", 3],
            "long": ["a".repeat(70), "b".repeat(70)],
            "nested": { "only": { "$ref": "#/x" }, "empty": {} },
        });
        let pretty = serde_json::to_string_pretty(&value).unwrap();

        let text = compact(&pretty);

        assert_eq!(serde_json::from_str::<serde_json::Value>(&text).unwrap(), value);
        assert!(text.contains("\n  \"list\": [\"a\", \"{\", 3],\n"), "{text}");
        assert!(text.contains("\n    \"only\": { \"$ref\": \"#/x\" }\n"), "{text}");
        assert_eq!(text.lines().count(), 11, "{text}");
    }
}
