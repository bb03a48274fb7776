//! Syntax colours for code: comments, strings, numbers, keywords. Simple, and never loses text.
//!
//! Invariant: without its tags the output is the escaped input, character for character.

/// What a language looks like, as far as colours need it.
struct Language {
    comments: &'static [&'static str],
    quotes: &'static [char],
    words: &'static [&'static str],
    numbers: bool,
}

const NONE: Language = Language { comments: &[], quotes: &[], words: &[], numbers: false };
const JSON: Language = Language { comments: &[], quotes: &['"'], words: &["true", "false", "null"], numbers: true };
const SHELL: Language = Language {
    comments: &["#"],
    quotes: &['"', '\''],
    words: &[
        "if", "then", "else", "fi", "for", "do", "done", "case", "esac", "set", "export", "trap", "exit", "return",
        "local", "while", "in",
    ],
    // Addresses and ports would be spotted with colour.
    numbers: false,
};
const PYTHON: Language = Language {
    comments: &["#"],
    quotes: &['"', '\''],
    words: &[
        "def", "return", "import", "from", "if", "else", "elif", "for", "in", "with", "as", "not", "and", "or", "None",
        "True", "False", "raise", "try", "except", "while", "class", "lambda",
    ],
    numbers: true,
};
const NODE: Language = Language {
    comments: &["//"],
    quotes: &['"', '\'', '`'],
    words: &[
        "const",
        "let",
        "function",
        "return",
        "import",
        "from",
        "if",
        "else",
        "for",
        "of",
        "await",
        "async",
        "new",
        "throw",
        "true",
        "false",
        "null",
        "undefined",
    ],
    numbers: true,
};
const RUST: Language = Language {
    comments: &["//"],
    quotes: &['"'],
    words: &[
        "use", "let", "mut", "fn", "async", "await", "match", "if", "else", "for", "in", "while", "return", "pub",
        "struct", "impl", "Ok", "Err", "Some", "None", "true", "false",
    ],
    numbers: true,
};
const TOML: Language = Language { comments: &["#"], quotes: &['"', '\''], words: &["true", "false"], numbers: true };

fn language(name: &str) -> &'static Language {
    match name {
        "json" => &JSON,
        "sh" | "console" => &SHELL,
        "py" | "python" => &PYTHON,
        "mjs" | "js" => &NODE,
        "rust" => &RUST,
        "toml" => &TOML,
        _ => &NONE,
    }
}

/// Escaped HTML with `span`s of class `c` (comment), `s` (string), `k` (key of an object), `n` (number), `w` (word).
pub fn highlight(name: &str, text: &str) -> String {
    if name == "http" {
        return text.lines().map(http_line).collect::<Vec<_>>().join("\n");
    }
    let language = language(name);
    let mut output = String::with_capacity(text.len() * 2);
    let mut rest = text;
    let mut before = '\n';
    while let Some(letter) = rest.chars().next() {
        let (class, length) = token(language, rest, before);
        let length = length.max(letter.len_utf8());
        let (part, after) = rest.split_at(length);
        let class = if class == "s" && name == "json" && after.trim_start().starts_with(':') { "k" } else { class };
        paint(&mut output, class, part);
        before = part.chars().next_back().unwrap_or('\n');
        rest = after;
    }
    output
}

/// The class of the token at the start of `rest`, and its length in bytes.
fn token(language: &Language, rest: &str, before: char) -> (&'static str, usize) {
    let first = rest.chars().next().unwrap_or(' ');
    let starts_comment = language.comments.iter().any(|mark| rest.starts_with(mark)) && before.is_whitespace();
    if starts_comment {
        return ("c", rest.find('\n').unwrap_or(rest.len()));
    }
    if language.quotes.contains(&first) {
        return ("s", string_length(rest, first));
    }
    if first.is_alphanumeric() || first == '_' {
        let length = rest.find(|letter: char| !letter.is_alphanumeric() && letter != '_').unwrap_or(rest.len());
        let word = rest.get(..length).unwrap_or(rest);
        // `-in` and `.in` are no words of a language.
        if !matches!(before, '-' | '.') && language.words.contains(&word) {
            return ("w", length);
        }
        let is_number = language.numbers
            && first.is_ascii_digit()
            && word.bytes().all(|byte| byte.is_ascii_digit() || byte == b'_');
        return (if is_number { "n" } else { "" }, length);
    }
    ("", first.len_utf8())
}

fn string_length(rest: &str, quote: char) -> usize {
    let mut escaped = false;
    for (place, letter) in rest.char_indices().skip(1) {
        if escaped {
            escaped = false;
        } else if letter == '\\' {
            escaped = true;
        } else if letter == quote {
            return place + letter.len_utf8();
        } else if letter == '\n' && quote == '"' {
            // A lone quotation mark must not colour the rest of the file.
            return place;
        }
    }
    quote.len_utf8()
}

fn http_line(line: &str) -> String {
    let mut output = String::new();
    match line.split_once(": ") {
        Some((name, value)) if name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-') => {
            paint(&mut output, "k", name);
            paint(&mut output, "", ": ");
            paint(&mut output, "", value);
        }
        _ if line.starts_with(['{', '}', ' ', '[', ']']) => return highlight("json", line),
        _ => match line.split_once(' ') {
            Some((method, rest)) if method.bytes().all(|byte| byte.is_ascii_uppercase()) => {
                paint(&mut output, "w", method);
                paint(&mut output, "", " ");
                paint(&mut output, "", rest);
            }
            _ => paint(&mut output, "", line),
        },
    }
    output
}

fn paint(output: &mut String, class: &str, text: &str) {
    if !class.is_empty() {
        output.push_str("<span class=\"");
        output.push_str(class);
        output.push_str("\">");
    }
    for letter in text.chars() {
        match letter {
            '<' => output.push_str("&lt;"),
            '>' => output.push_str("&gt;"),
            '&' => output.push_str("&amp;"),
            '"' => output.push_str("&quot;"),
            other => output.push(other),
        }
    }
    if !class.is_empty() {
        output.push_str("</span>");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn without_tags(html: &str) -> String {
        let mut text = String::new();
        let mut inside = false;
        for letter in html.chars() {
            match letter {
                '<' => inside = true,
                '>' => inside = false,
                other if !inside => text.push(other),
                _ => {}
            }
        }
        text.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", "\"").replace("&amp;", "&")
    }

    proptest! {
        #[test]
        fn no_character_is_lost(text in "[a-z0-9\"'#/<>&: \n\\\\é圈]{0,60}") {
            for name in ["json", "sh", "py", "mjs", "rust", "toml", "", "text"] {
                prop_assert_eq!(without_tags(&highlight(name, &text)), text.as_str());
            }
        }
    }

    #[test]
    fn keys_and_values_of_json_differ() {
        assert_eq!(
            highlight("json", r#"{"a": "b", "n": 1}"#),
            "{<span class=\"k\">&quot;a&quot;</span>: <span class=\"s\">&quot;b&quot;</span>, <span class=\"k\">&quot;n&quot;</span>: <span class=\"n\">1</span>}"
        );
    }
}
