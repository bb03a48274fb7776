//! What a signature covers: component identifiers and their parameters (RFC 9421 sections 2.1, 2.2, 2.4).
//!
//! Invariant: a [`Component`] that exists is one this implementation can turn into exactly one line or refuse with a
//! reason; unknown derived names and parameters never get this far. The identifier keeps the parameter order received.

use std::{borrow::Cow, fmt};

use sfv::{BareItem, Item, Parser};

use super::{SignatureError, message::is_token_byte, profile::SIGNATURE_INPUT};

/// A covered component: a header field or a derived component, with its parameters.
#[derive(Debug, Clone)]
pub struct Component {
    /// The identifier exactly as it is signed: `"content-digest";req`.
    identifier: Cow<'static, str>,
    name: Cow<'static, str>,
    pub(super) of_request: bool,
    pub(super) form: Form,
}

/// How the value is taken from the message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Form {
    Plain,
    /// `;sf`: parsed and serialised again.
    Structured,
    /// `;key="…"`: one member of a dictionary.
    Member(String),
    /// `;bs`: each line wrapped as a byte sequence.
    Bytes,
    /// `@query-param;name="…"`.
    QueryParam(String),
}

const DERIVED: [&str; 9] = [
    "@method",
    "@target-uri",
    "@authority",
    "@scheme",
    "@request-target",
    "@path",
    "@query",
    "@query-param",
    "@status",
];

impl Component {
    /// A component without parameters whose identifier is known at compile time, such as `("\"@method\"", "@method")`.
    pub(super) const fn constant(identifier: &'static str, name: &'static str, of_request: bool) -> Self {
        Self { identifier: Cow::Borrowed(identifier), name: Cow::Borrowed(name), of_request, form: Form::Plain }
    }

    /// Parses one identifier as in `Signature-Input`, for instance `"@method"` or `"signature";req`, quotes included.
    ///
    /// # Errors
    /// [`SignatureError::Malformed`] for bad syntax, upper case, unknown derived names and unknown parameters.
    pub fn parse(identifier: &str) -> Result<Self, SignatureError> {
        let item: Item =
            Parser::new(identifier).parse().map_err(|error| SignatureError::syntax(SIGNATURE_INPUT, &error))?;
        Self::from_item(&item)
    }

    pub(super) fn from_item(item: &Item) -> Result<Self, SignatureError> {
        let BareItem::String(name) = &item.bare_item else {
            return Err(malformed("a component name must be a quoted string"));
        };
        let name = name.as_str();
        check_name(name)?;
        let flags = Flags::read(item, name)?;
        let form = flags.form(name)?;
        let identifier = if item.params.is_empty() {
            format!("\"{name}\"") // a checked name holds nothing that needs escaping
        } else {
            sfv::ItemSerializer::new().bare_item(&item.bare_item).parameters(&item.params).finish()
        };
        Ok(Self { identifier: identifier.into(), name: name.to_owned().into(), of_request: flags.of_request, form })
    }

    /// The name without parameters: a lower-case field name, or a derived name beginning with `@`.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The identifier exactly as signed, with quotes and parameters.
    pub fn identifier(&self) -> &str {
        &self.identifier
    }

    /// Whether the value comes from the request a response answers (`;req`).
    pub const fn is_of_request(&self) -> bool {
        self.of_request
    }

    pub(super) fn is_derived(&self) -> bool {
        self.name.starts_with('@')
    }
}

/// Two identifiers are the same component when they differ in nothing but the order of parameters.
impl PartialEq for Component {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name && self.of_request == other.of_request && self.form == other.form
    }
}
impl Eq for Component {}

impl fmt::Display for Component {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.identifier)
    }
}

fn check_name(name: &str) -> Result<(), SignatureError> {
    if name.starts_with('@') {
        return match name {
            "@signature-params" => Err(malformed("@signature-params is always last and must not be listed")),
            _ if DERIVED.contains(&name) => Ok(()),
            _ => Err(malformed(format!("`{name}` is not a known derived component"))),
        };
    }
    if name.is_empty() || !name.bytes().all(is_token_byte) {
        return Err(malformed("a component name is not a field name"));
    }
    if name.bytes().any(|byte| byte.is_ascii_uppercase()) {
        return Err(malformed(format!("component names are lower case: `{}`", name.to_ascii_lowercase())));
    }
    Ok(())
}

#[derive(Default)]
struct Flags {
    of_request: bool,
    structured: bool,
    bytes: bool,
    member: Option<String>,
    query_name: Option<String>,
}

impl Flags {
    fn read(item: &Item, name: &str) -> Result<Self, SignatureError> {
        let mut flags = Self::default();
        for (key, value) in &item.params {
            match (key.as_str(), value) {
                ("req", BareItem::Boolean(true)) => flags.of_request = true,
                ("sf", BareItem::Boolean(true)) => flags.structured = true,
                ("bs", BareItem::Boolean(true)) => flags.bytes = true,
                ("key", BareItem::String(member)) => flags.member = Some(member.as_str().to_owned()),
                ("name", BareItem::String(query)) if name == "@query-param" => {
                    flags.query_name = Some(query.as_str().to_owned());
                }
                ("tr", _) => return Err(malformed("trailers (`tr`) cannot be covered here")),
                (other, _) => {
                    return Err(malformed(format!(
                        "parameter `{other}` of \"{name}\" is unknown or has a wrong value"
                    )));
                }
            }
        }
        Ok(flags)
    }

    fn form(&self, name: &str) -> Result<Form, SignatureError> {
        let of_field = self.structured || self.bytes || self.member.is_some();
        if name.starts_with('@') && of_field {
            return Err(malformed(format!("`sf`, `key` and `bs` belong to fields, not to {name}")));
        }
        if self.of_request && name == "@status" {
            return Err(malformed("a request has no @status"));
        }
        if self.bytes && (self.structured || self.member.is_some()) {
            return Err(malformed(format!("`bs` cannot be combined with `sf` or `key` on \"{name}\"")));
        }
        Ok(match (name, &self.query_name, &self.member) {
            ("@query-param", None, _) => return Err(malformed("@query-param needs ;name=\"…\"")),
            (_, Some(query), _) => Form::QueryParam(query.clone()),
            (_, _, Some(member)) => Form::Member(member.clone()),
            _ if self.bytes => Form::Bytes,
            _ if self.structured => Form::Structured,
            _ => Form::Plain,
        })
    }
}

fn malformed(reason: impl Into<String>) -> SignatureError {
    SignatureError::malformed(SIGNATURE_INPUT, reason)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameter_order_is_kept_but_does_not_make_another_component() {
        let one = Component::parse("\"example-dict\";req;key=\"a\"").unwrap();
        let two = Component::parse("\"example-dict\";key=\"a\";req").unwrap();

        assert_eq!(one, two);
        assert_eq!(two.identifier(), "\"example-dict\";key=\"a\";req");
    }

    #[test]
    fn what_cannot_be_covered_is_refused() {
        for identifier in [
            "\"@signature-params\"",
            "\"@unknown\"",
            "\"Date\"",
            "\"date\";tr",
            "\"date\";made-up",
            "\"date\";req=?0",
            "\"date\";bs;sf",
            "\"date\";name=\"x\"",
            "\"@query-param\"",
            "\"@method\";sf",
            "\"@status\";req",
            "\"\"",
            "\"a b\"",
            "date",
            "1",
        ] {
            let refused = Component::parse(identifier).unwrap_err();

            assert_eq!(refused.code(), "signature_malformed", "{identifier}");
        }
    }
}
