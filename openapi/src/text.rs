//! Validated text types: parsed once at the edge, so nothing has to be checked again inside.
//!
//! Leading and trailing white space is trimmed; control characters (and so the zero byte, which PostgreSQL refuses) are
//! refused, and so are line breaks and tabs unless the kind allows several lines. Lengths count Unicode scalar values.

use std::borrow::Cow;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::marker::PhantomData;
use std::ops::Deref;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Purpose and limits of a kind of text.
pub trait Words: 'static {
    /// Name of the schema in the OpenAPI document.
    const NAME: &'static str;
    /// Description for the document.
    const ABOUT: &'static str;
    /// Minimum number of characters.
    const MIN: usize = 1;
    /// Maximum number of characters.
    const MAX: usize;
    /// Whether line breaks and tabs are allowed.
    const LINES: bool = false;
    /// An example for the document.
    const EXAMPLE: &'static str;
    /// A regular expression for the document; `check` enforces the same.
    const PATTERN: Option<&'static str> = None;
    /// The schema's format, where there is a standard one.
    const FORMAT: Option<&'static str> = None;
    /// Additional checks; the message completes "expected …".
    fn check(_text: &str) -> Result<(), &'static str> {
        Ok(())
    }
}

/// A text of one kind.
pub struct Text<K> {
    text: String,
    kind: PhantomData<fn() -> K>,
}

/// Why a text was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("expected {0}")]
pub struct TextError(Cow<'static, str>);

impl<K: Words> Text<K> {
    /// The text, trimmed, if it satisfies the limits of its kind.
    pub fn new(text: &str) -> Result<Self, TextError> {
        let text = text.trim();
        let forbidden = |letter: char| letter.is_control() && !(K::LINES && matches!(letter, '\n' | '\r' | '\t'));
        if text.contains(forbidden) {
            let lines = if K::LINES { " other than line breaks and tabs" } else { "" };
            return Err(TextError(format!("text without control characters{lines}").into()));
        }
        // Bytes first: counting the characters of a megabyte to refuse it would be a waste.
        if text.len() > K::MAX * 4 || text.chars().count() > K::MAX || text.chars().count() < K::MIN {
            return Err(TextError(format!("{} to {} characters", K::MIN, K::MAX).into()));
        }
        K::check(text).map_err(|wanted| TextError(Cow::Borrowed(wanted)))?;
        Ok(Self { text: text.to_owned(), kind: PhantomData })
    }

    /// The text itself.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The text, owned.
    pub fn into_string(self) -> String {
        self.text
    }

    /// The example of the kind.
    pub(crate) fn example() -> Self {
        Self { text: K::EXAMPLE.to_owned(), kind: PhantomData }
    }
}

impl<K> Deref for Text<K> {
    type Target = str;

    fn deref(&self) -> &str {
        &self.text
    }
}

impl<K: Words> FromStr for Text<K> {
    type Err = TextError;

    fn from_str(text: &str) -> Result<Self, TextError> {
        Self::new(text)
    }
}

/// As written, unchecked: for partners' programs (the gateway checks it when it reads the request) and for rows that
/// were checked when they were written.
impl<K> From<&str> for Text<K> {
    fn from(text: &str) -> Self {
        Self { text: text.to_owned(), kind: PhantomData }
    }
}

/// As written, unchecked, like `From<&str>`.
impl<K> From<String> for Text<K> {
    fn from(text: String) -> Self {
        Self { text, kind: PhantomData }
    }
}

impl<K> Clone for Text<K> {
    fn clone(&self) -> Self {
        Self { text: self.text.clone(), kind: PhantomData }
    }
}
impl<K> PartialEq for Text<K> {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}
impl<K> PartialEq<str> for Text<K> {
    fn eq(&self, other: &str) -> bool {
        self.text == other
    }
}
impl<K> PartialEq<&str> for Text<K> {
    fn eq(&self, other: &&str) -> bool {
        self.text == *other
    }
}
impl<K> Eq for Text<K> {}
impl<K> Hash for Text<K> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.text.hash(state);
    }
}
impl<K> fmt::Debug for Text<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.text, f)
    }
}
impl<K> fmt::Display for Text<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl<K> Serialize for Text<K> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.text)
    }
}

impl<'de, K: Words> Deserialize<'de> for Text<K> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::new(&Cow::<'de, str>::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}

/// Reads texts of a response as they are: a newer gateway may allow more than this version knows.
pub(crate) fn as_written<'de, D: Deserializer<'de>, T: AsWritten<'de>>(deserializer: D) -> Result<T, D::Error> {
    T::Raw::deserialize(deserializer).map(T::from_raw)
}

/// What [`as_written`] reads.
pub(crate) trait AsWritten<'de> {
    /// The same without a kind.
    type Raw: Deserialize<'de>;
    /// Wraps the text unchanged.
    fn from_raw(raw: Self::Raw) -> Self;
}

impl<K> AsWritten<'_> for Text<K> {
    type Raw = String;
    fn from_raw(raw: String) -> Self {
        raw.into()
    }
}

impl<K> AsWritten<'_> for Option<Text<K>> {
    type Raw = Option<String>;
    fn from_raw(raw: Option<String>) -> Self {
        raw.map(Into::into)
    }
}

impl<K> AsWritten<'_> for Vec<Text<K>> {
    type Raw = Vec<String>;
    fn from_raw(raw: Vec<String>) -> Self {
        raw.into_iter().map(Into::into).collect()
    }
}

/// Whether a text is an absolute `https` URL without userinfo or fragment (or `http` on a loopback host, for sandboxes).
pub(crate) fn check_web_address(text: &str) -> Result<(), &'static str> {
    const WANTED: &str = "an absolute https:// URL without user name or fragment (http:// only for loopback addresses)";
    let Ok(address) = url::Url::parse(text) else { return Err(WANTED) };
    let Some(host) = address.host() else { return Err(WANTED) };
    let loopback = match host {
        url::Host::Domain(name) => name == "localhost",
        url::Host::Ipv4(ip) => ip.is_loopback(),
        url::Host::Ipv6(ip) => ip.is_loopback(),
    };
    let scheme_is_fine = address.scheme() == "https" || (address.scheme() == "http" && loopback);
    let plain = address.username().is_empty() && address.password().is_none() && address.fragment().is_none();
    if scheme_is_fine && plain && !text.contains(char::is_whitespace) { Ok(()) } else { Err(WANTED) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    struct Title;
    impl Words for Title {
        const NAME: &'static str = "Title";
        const ABOUT: &'static str = "A title.";
        const MAX: usize = 5;
        const EXAMPLE: &'static str = "Hello";
    }

    proptest! {
        #[test]
        fn a_text_that_parses_keeps_its_limits(text in "\\PC{0,9}|[\\x00-\\x1f a]{0,9}") {
            if let Ok(title) = Text::<Title>::new(&text) {
                prop_assert!((1..=5).contains(&title.chars().count()));
                prop_assert!(!title.contains(char::is_control));
                prop_assert_eq!(title.as_str(), text.trim());
            }
        }
    }

    #[test]
    fn a_zero_byte_is_refused() {
        assert!(Text::<Title>::new("a\0b").is_err());
    }

    #[test]
    fn characters_count_not_bytes() {
        assert!(Text::<Title>::new("圈圈圈圈圈").is_ok());
        assert!(Text::<Title>::new("圈圈圈圈圈圈").is_err());
    }

    #[test]
    fn a_web_address_is_https_or_loopback() {
        assert!(check_web_address("https://partner.example/cover.png").is_ok());
        assert!(check_web_address("http://127.0.0.1:9000/cb").is_ok());
        assert!(check_web_address("http://partner.example/").is_err());
        assert!(check_web_address("https://user@partner.example/").is_err());
        assert!(check_web_address("https://partner.example/#x").is_err());
        assert!(check_web_address("javascript:alert(1)").is_err());
    }
}
