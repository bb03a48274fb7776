//! The value of a component in a message: the right-hand side of a line of the signature base (RFC 9421 section 2).
//!
//! Invariant: a value is one line of printable ASCII. Anything else (absent, non-ASCII, a control character, two query
//! parameters of one name) is refused, so no message can forge a line break in a base.

use std::{borrow::Cow, fmt::Write as _};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use sfv::{Dictionary, Item, List, Parser};

use super::{
    Message, SignatureError,
    component::{Component, Form},
};

/// Structured types of fields that `;sf` may be asked for; others are refused, as RFC 9421 section 2.1.1 demands.
const STRUCTURED_FIELDS: [(&str, Structure); 14] = [
    ("accept-signature", Structure::Dictionary),
    ("cache-control", Structure::Dictionary),
    ("cache-status", Structure::List),
    ("client-cert", Structure::Item),
    ("client-cert-chain", Structure::List),
    ("content-digest", Structure::Dictionary),
    ("priority", Structure::Dictionary),
    ("ratelimit", Structure::List),
    ("ratelimit-policy", Structure::List),
    ("repr-digest", Structure::Dictionary),
    ("signature", Structure::Dictionary),
    ("signature-input", Structure::Dictionary),
    ("want-content-digest", Structure::Dictionary),
    ("want-repr-digest", Structure::Dictionary),
];

#[derive(Clone, Copy)]
enum Structure {
    Item,
    List,
    Dictionary,
}

type Reason = Cow<'static, str>;

/// Append the value of `component` in `message` to `out`.
pub(super) fn push(out: &mut String, message: &Message<'_>, component: &Component) -> Result<(), SignatureError> {
    append(out, message, component).map_err(|reason| SignatureError::unusable(component.identifier(), reason))
}

fn append(out: &mut String, message: &Message<'_>, component: &Component) -> Result<(), Reason> {
    let source = match (component.of_request, message.is_request()) {
        (false, _) => message,
        (true, true) => return Err("`req` is for responses".into()),
        (true, false) => message.answered_request().ok_or("the request this response answers is not at hand")?,
    };
    if component.is_derived() {
        return append_derived(out, source, component);
    }
    match &component.form {
        Form::Plain | Form::QueryParam(_) => append_field(out, source, component.name()),
        Form::Structured => append_structured(out, source, component.name()),
        Form::Member(key) => append_member(out, source, component.name(), key),
        Form::Bytes => append_bytes(out, source, component.name()),
    }
}

fn append_derived(out: &mut String, source: &Message<'_>, component: &Component) -> Result<(), Reason> {
    if component.name() == "@status" {
        let status = source.status().ok_or("only a response has a status")?;
        return write!(out, "{status}").map_err(|_| "unprintable".into());
    }
    let (Some(method), Some(target)) = (source.method(), source.target()) else {
        return Err("it belongs to requests; in a response add ;req".into());
    };
    let path = if target.path.is_empty() { "/" } else { target.path };
    match component.name() {
        "@method" => out.push_str(method),
        "@target-uri" => out.push_str(target.uri),
        "@authority" => out.push_str(&target.normal_authority()),
        "@scheme" => out.push_str(&target.scheme.to_ascii_lowercase()),
        "@path" => out.push_str(path),
        "@request-target" if target.path.is_empty() => {
            out.push('/');
            out.push_str(target.origin_form);
        }
        "@request-target" => out.push_str(target.origin_form),
        "@query" => {
            out.push('?');
            out.push_str(target.query.unwrap_or_default());
        }
        "@query-param" => {
            let Form::QueryParam(name) = &component.form else { return Err("it needs a name".into()) };
            append_query_param(out, target.query.unwrap_or_default(), name)?;
        }
        _ => return Err("unknown derived component".into()),
    }
    Ok(())
}

/// RFC 9421 section 2.2.8: the name in the identifier is in its encoded form, and must occur exactly once.
fn append_query_param(out: &mut String, query: &str, wanted: &str) -> Result<(), Reason> {
    let mut found = None;
    for (name, value) in url::form_urlencoded::parse(query.as_bytes()) {
        if form_encode(&name) == wanted && found.replace(value).is_some() {
            return Err("the parameter occurs more than once; cover @query or @target-uri instead".into());
        }
    }
    let value = found.ok_or("the query has no such parameter (the name is compared percent-encoded)")?;
    out.push_str(&form_encode(&value));
    Ok(())
}

/// Percent-encode with the `application/x-www-form-urlencoded` set, a space as `%20`.
fn form_encode(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for part in url::form_urlencoded::byte_serialize(text.as_bytes()) {
        out.push_str(if part == "+" { "%20" } else { part });
    }
    out
}

fn append_field(out: &mut String, source: &Message<'_>, name: &str) -> Result<(), Reason> {
    let mut lines = source.header(name);
    append_line(out, lines.next().ok_or("the message has no such field")?)?;
    for line in lines {
        out.push_str(", ");
        append_line(out, line)?;
    }
    Ok(())
}

fn append_line(out: &mut String, raw: &[u8]) -> Result<(), Reason> {
    let raw = trim(raw);
    if !raw.iter().all(|byte| matches!(byte, b'\t' | b' '..=b'~')) {
        return Err("the value holds a byte outside printable ASCII".into());
    }
    out.push_str(std::str::from_utf8(raw).map_err(|_| "the value is not ASCII")?);
    Ok(())
}

fn append_bytes(out: &mut String, source: &Message<'_>, name: &str) -> Result<(), Reason> {
    let mut separator = "";
    for line in source.header(name) {
        out.push_str(separator);
        out.push(':');
        STANDARD.encode_string(trim(line), out);
        out.push(':');
        separator = ", ";
    }
    if separator.is_empty() { Err("the message has no such field".into()) } else { Ok(()) }
}

fn append_structured(out: &mut String, source: &Message<'_>, name: &str) -> Result<(), Reason> {
    let Some((_, structure)) = STRUCTURED_FIELDS.iter().find(|(field, _)| *field == name) else {
        return Err("it is not known as a structured field; cover it without `sf`".into());
    };
    let mut joined = String::new();
    append_field(&mut joined, source, name)?;
    let parser = Parser::new(&joined);
    match structure {
        Structure::Item => {
            let item: Item = parser.parse().map_err(syntax)?;
            out.push_str(&sfv::ItemSerializer::new().bare_item(&item.bare_item).parameters(&item.params).finish());
        }
        Structure::List => {
            let list: List = parser.parse().map_err(syntax)?;
            let mut serializer = sfv::ListSerializer::new();
            serializer.members(&list);
            out.push_str(&serializer.finish().unwrap_or_default());
        }
        Structure::Dictionary => {
            let dictionary: Dictionary = parser.parse().map_err(syntax)?;
            let mut serializer = sfv::DictSerializer::new();
            serializer.members(&dictionary);
            out.push_str(&serializer.finish().unwrap_or_default());
        }
    }
    Ok(())
}

fn append_member(out: &mut String, source: &Message<'_>, name: &str, key: &str) -> Result<(), Reason> {
    let mut joined = String::new();
    append_field(&mut joined, source, name)?;
    let dictionary: Dictionary = Parser::new(&joined).parse().map_err(syntax)?;
    let member = dictionary.get(key).ok_or("the dictionary has no such member")?;
    let mut serializer = sfv::ListSerializer::new(); // a dictionary would print `a` where RFC 9421 2.1.2 wants `?1`
    serializer.members([member]);
    out.push_str(&serializer.finish().unwrap_or_default());
    Ok(())
}

#[expect(clippy::needless_pass_by_value, reason = "the shape map_err wants")]
fn syntax(error: sfv::Error) -> Reason {
    format!("the field is not well-formed: {error}").into()
}

fn trim(mut raw: &[u8]) -> &[u8] {
    while let [b' ' | b'\t', rest @ ..] | [rest @ .., b' ' | b'\t'] = raw {
        raw = rest;
    }
    raw
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(message: &Message<'_>, identifier: &str) -> Result<String, SignatureError> {
        let mut out = String::new();
        push(&mut out, message, &Component::parse(identifier)?)?;
        Ok(out)
    }

    /// RFC 9421 sections 2.1 to 2.2.8, in their order.
    #[test]
    fn the_examples_of_the_rfc_hold() {
        let headers: [(&str, &[u8]); 10] = [
            ("Host", b"www.example.com"),
            ("X-OWS-Header", b"   Leading and trailing whitespace.   "),
            ("Cache-Control", b"max-age=60"),
            ("Cache-Control", b"    must-revalidate"),
            ("Example-Dict", b"  a=1,    b=2;x=1;y=2,   c=(a   b    c), d"),
            ("X-Empty-Header", b""),
            ("Example-Header", b"value, with, lots"),
            ("Example-Header", b"of, commas"),
            ("Signature-Input", b"sig=( \"a\"   \"b\" );  x"),
            ("Latin", b"caf\xe9"),
        ];
        let url = "HTTPS://WWW.Example.COM:443/path?param=value&foo=bar&baz=bat%2Dman&var=this%20is%20a%20big%0Amultiline%20value&bar=with+plus+whitespace&fa%C3%A7ade%22%3A%20=something&q=1&q=2&qux=";
        let message = Message::request("POST", url, &headers).unwrap();
        for (identifier, expected) in [
            ("\"host\"", "www.example.com"),
            ("\"x-ows-header\"", "Leading and trailing whitespace."),
            ("\"cache-control\"", "max-age=60, must-revalidate"),
            ("\"x-empty-header\"", ""),
            ("\"example-dict\"", "a=1,    b=2;x=1;y=2,   c=(a   b    c), d"),
            ("\"cache-control\";sf", "max-age=60, must-revalidate"),
            ("\"signature-input\";sf", "sig=(\"a\" \"b\");x"),
            ("\"example-dict\";key=\"a\"", "1"),
            ("\"example-dict\";key=\"b\"", "2;x=1;y=2"),
            ("\"example-dict\";key=\"c\"", "(a b c)"),
            ("\"example-dict\";key=\"d\"", "?1"),
            ("\"example-header\";bs", ":dmFsdWUsIHdpdGgsIGxvdHM=:, :b2YsIGNvbW1hcw==:"),
            ("\"latin\";bs", ":Y2Fm6Q==:"),
            ("\"@method\"", "POST"),
            ("\"@target-uri\"", url),
            ("\"@authority\"", "www.example.com"),
            ("\"@scheme\"", "https"),
            ("\"@path\"", "/path"),
            ("\"@query-param\";name=\"baz\"", "bat-man"),
            ("\"@query-param\";name=\"qux\"", ""),
            ("\"@query-param\";name=\"var\"", "this%20is%20a%20big%0Amultiline%20value"),
            ("\"@query-param\";name=\"bar\"", "with%20plus%20whitespace"),
            ("\"@query-param\";name=\"fa%C3%A7ade%22%3A%20\"", "something"),
        ] {
            assert_eq!(value(&message, identifier).unwrap(), expected, "{identifier}");
        }
        for identifier in [
            "\"absent\"",
            "\"absent\";bs",
            "\"latin\"",
            "\"example-dict\";sf",
            "\"example-dict\";key=\"z\"",
            "\"@query-param\";name=\"q\"",
            "\"@query-param\";name=\"none\"",
            "\"@status\"",
            "\"@method\";req",
        ] {
            assert_eq!(value(&message, identifier).unwrap_err().code(), "component_unusable", "{identifier}");
        }
    }

    #[test]
    fn an_absent_path_and_query_have_their_fixed_forms() {
        let bare = Message::request("GET", "http://example.com:8080", &[]).unwrap();

        assert_eq!(value(&bare, "\"@path\"").unwrap(), "/");
        assert_eq!(value(&bare, "\"@query\"").unwrap(), "?");
        assert_eq!(value(&bare, "\"@request-target\"").unwrap(), "/");
        assert_eq!(value(&bare, "\"@authority\"").unwrap(), "example.com:8080");
    }

    #[test]
    fn a_line_break_cannot_be_smuggled_into_a_base() {
        let headers: [(&str, &[u8]); 1] = [("x", b"a\n\"@method\": GET")];
        let message = Message::request("POST", "https://example.com/", &headers).unwrap();

        assert!(value(&message, "\"x\"").is_err());
        assert!(Message::request("GET\n", "https://example.com/", &[]).is_err());
        assert!(Message::request("GET", "https://example.com/\n", &[]).is_err());
    }

    #[test]
    fn a_response_takes_request_parts_only_with_req() {
        let request = Message::request("PUT", "https://example.com/a?b", &[]).unwrap();
        let response = Message::response(204, &[], Some(&request));

        assert_eq!(value(&response, "\"@status\"").unwrap(), "204");
        assert_eq!(value(&response, "\"@method\";req").unwrap(), "PUT");
        assert_eq!(value(&response, "\"@query\";req").unwrap(), "?b");
        assert!(value(&response, "\"@method\"").is_err());
        assert!(value(&Message::response(204, &[], None), "\"@method\";req").is_err());
    }
}
