//! Parses bodies and parameters so that an error names the field.

use serde::de::{DeserializeOwned, IgnoredAny};

use crate::endpoint::BodyError;

/// Parses JSON; the error names the field by JSON Pointer.
pub(crate) fn json<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, BodyError> {
    let mut reader = serde_json::Deserializer::from_slice(bytes);
    let value = serde_path_to_error::deserialize(&mut reader).map_err(|error| {
        let pointer = pointer(error.path());
        let inner = error.into_inner();
        // serde_json calls anything but a word where an enum stands a fault of syntax; the JSON itself may be fine.
        if inner.is_data() || serde_json::from_slice::<IgnoredAny>(bytes).is_ok() {
            return BodyError::Field { pointer, message: plain(&inner) };
        }
        BodyError::Malformed(format!("not well-formed JSON: {inner}"))
    })?;
    reader.end().map_err(|error| BodyError::Malformed(format!("not well-formed JSON: {error}")))?;
    Ok(value)
}

/// Parses a form body (`application/x-www-form-urlencoded`).
pub(crate) fn form<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, BodyError> {
    let text = std::str::from_utf8(bytes).map_err(|_| BodyError::Malformed("the form is not UTF-8".to_owned()))?;
    query(text).map_err(|ParamError { param, message }| BodyError::Field { pointer: format!("/{param}"), message })
}

/// Why a parameter was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{param}: {message}")]
pub struct ParamError {
    /// The parameter's name; empty when it is not known.
    pub param: String,
    /// What was expected.
    pub message: String,
}

/// Parses a query string.
pub fn query<T: DeserializeOwned>(text: &str) -> Result<T, ParamError> {
    let pairs = url::form_urlencoded::parse(text.as_bytes());
    serde_path_to_error::deserialize(serde_urlencoded::Deserializer::new(pairs)).map_err(|error| param_error(&error))
}

/// Parses path parameters that are already percent-decoded.
pub fn params<'a, T: DeserializeOwned>(pairs: impl Iterator<Item = (&'a str, &'a str)>) -> Result<T, ParamError> {
    let reader = serde::de::value::MapDeserializer::<_, serde::de::value::Error>::new(pairs);
    serde_path_to_error::deserialize(reader).map_err(|error| param_error(&error))
}

fn param_error<E: std::fmt::Display>(error: &serde_path_to_error::Error<E>) -> ParamError {
    let message = error.inner().to_string();
    let path = error.path().to_string();
    // serde names unknown, missing and doubled fields only in its message: "unknown field `x`, expected …".
    let param = if path == "." { message.split('`').nth(1).unwrap_or_default().to_owned() } else { path };
    ParamError { param, message }
}

/// `serde_path_to_error`'s path as a JSON Pointer (RFC 6901).
fn pointer(path: &serde_path_to_error::Path) -> String {
    use serde_path_to_error::Segment;
    path.iter().fold(String::new(), |mut pointer, segment| {
        pointer.push('/');
        match segment {
            Segment::Seq { index } => pointer.push_str(&index.to_string()),
            Segment::Map { key } => pointer.push_str(&key.replace('~', "~0").replace('/', "~1")),
            Segment::Enum { variant } => pointer.push_str(variant),
            Segment::Unknown => pointer.push('?'),
        }
        pointer
    })
}

/// The message without serde_json's " at line 1 column 2", which the pointer replaces.
fn plain(error: &serde_json::Error) -> String {
    let text = error.to_string();
    text.rsplit_once(" at line ").map_or(text.clone(), |(message, _)| message.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::Deserialize;

    #[derive(Debug, Deserialize, PartialEq)]
    #[serde(deny_unknown_fields)]
    struct Outer {
        inner: Vec<Inner>,
    }
    #[derive(Debug, Deserialize, PartialEq)]
    #[serde(deny_unknown_fields)]
    struct Inner {
        size: u8,
    }

    #[derive(Debug, Deserialize, PartialEq)]
    struct Worded {
        word: Word,
    }
    #[derive(Debug, Deserialize, PartialEq)]
    enum Word {
        Yes,
    }

    #[test]
    fn a_wrong_field_is_named_by_its_pointer() {
        let refused = json::<Outer>(br#"{"inner":[{"size":1},{"size":"x"}]}"#).unwrap_err();

        assert!(matches!(refused, BodyError::Field { pointer, .. } if pointer == "/inner/1/size"));
    }

    #[test]
    fn a_number_where_a_word_is_wanted_is_a_wrong_field_not_broken_json() {
        for text in [r#"{"word":5}"#, r#"{"word":null}"#, r#"{"word":[]}"#] {
            let refused = json::<Worded>(text.as_bytes()).unwrap_err();

            assert!(matches!(&refused, BodyError::Field { pointer, .. } if pointer == "/word"), "{text}: {refused:?}");
        }
        assert!(matches!(json::<Worded>(br#"{"word":x}"#), Err(BodyError::Malformed(_))));
    }

    #[test]
    fn text_after_the_json_is_refused() {
        assert!(matches!(json::<Outer>(br#"{"inner":[]} x"#), Err(BodyError::Malformed(_))));
    }

    #[test]
    fn an_unknown_parameter_is_named() {
        let refused = query::<Inner>("size=3&colour=red").unwrap_err();

        assert_eq!(refused.param, "colour");
        assert_eq!(query::<Inner>("size=300").unwrap_err().param, "size");
    }
}
