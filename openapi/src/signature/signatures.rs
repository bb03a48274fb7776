//! Reading `Signature-Input` and `Signature` (RFC 9421 sections 4.1, 4.2, 3.2).
//!
//! Invariants: sizes are bounded before anything is parsed; the parameters are serialised again in the order received,
//! because that is what was signed; labels pair the two fields and mean nothing else. Only the signature chosen is
//! examined closely, so a foreign one with parts unknown to us does no harm.

use sfv::{BareItem, Dictionary, InnerList, ListEntry, Parser};

use super::{
    Algorithm, Component, Message, SignatureError,
    profile::{SIGNATURE, SIGNATURE_INPUT},
};

/// More signatures than this on one message are refused.
pub const MAX_SIGNATURES: usize = 4;
/// More covered components than this are refused.
pub const MAX_COMPONENTS: usize = 32;
/// A longer `Signature-Input` or `Signature` field (all lines together, in bytes) is refused.
pub const MAX_FIELD_BYTES: usize = 8 * 1024;

const INPUT: &str = SIGNATURE_INPUT;

/// All signatures of a message, paired by label, not yet examined.
#[derive(Debug, Clone)]
pub struct Signatures(Vec<Entry>);

#[derive(Debug, Clone)]
struct Entry {
    label: String,
    input: InnerList,
    signature: Vec<u8>,
}

/// One signature: what it covers, its parameters, and its bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Signature {
    /// The label both fields share. It is not signed; decide nothing by it.
    pub label: String,
    /// What is covered, in order; no component twice.
    pub components: Vec<Component>,
    /// The value of the `@signature-params` line, parameters in the order received.
    pub params: String,
    /// `created`, unix seconds.
    pub created: Option<i64>,
    /// `expires`, unix seconds.
    pub expires: Option<i64>,
    /// `keyid`.
    pub keyid: Option<String>,
    /// `nonce`.
    pub nonce: Option<String>,
    /// `alg` as sent; never used to choose an algorithm.
    pub alg: Option<String>,
    /// `tag`.
    pub tag: Option<String>,
    /// The signature itself.
    pub bytes: Vec<u8>,
}

impl Signatures {
    /// Read the two fields of a message.
    ///
    /// # Errors
    /// [`SignatureError::Missing`] when neither field is there; [`SignatureError::Malformed`] when one is missing, is not a
    /// dictionary, exceeds a limit, or has a label the other lacks.
    pub fn read(message: &Message<'_>) -> Result<Self, SignatureError> {
        let (input, signature) = (joined(message, SIGNATURE_INPUT)?, joined(message, SIGNATURE)?);
        match (input, signature) {
            (None, None) => Err(SignatureError::Missing),
            (Some(_), None) => {
                Err(SignatureError::malformed(SIGNATURE, "it is missing while Signature-Input is there"))
            }
            (None, Some(_)) => Err(SignatureError::malformed(INPUT, "it is missing while Signature is there")),
            (Some(input), Some(signature)) => Self::parse(&input, &signature),
        }
    }

    /// Pair the values of `Signature-Input` and `Signature`; several lines joined with a comma.
    ///
    /// # Errors
    /// As [`Signatures::read`].
    pub fn parse(input: &[u8], signature: &[u8]) -> Result<Self, SignatureError> {
        let inputs = dictionary(INPUT, input)?;
        let mut signatures = dictionary(SIGNATURE, signature)?;
        let mut entries = Vec::with_capacity(inputs.len());
        for (label, entry) in inputs {
            let ListEntry::InnerList(input) = entry else {
                return Err(SignatureError::malformed(INPUT, format!("`{label}` is not a list in parentheses")));
            };
            if input.items.len() > MAX_COMPONENTS {
                return Err(SignatureError::malformed(
                    INPUT,
                    format!("`{label}` covers more than {MAX_COMPONENTS} components"),
                ));
            }
            let signature = match signatures.swap_remove(&label) {
                Some(ListEntry::Item(item)) => match item.bare_item {
                    BareItem::ByteSequence(bytes) => bytes,
                    _ => {
                        return Err(SignatureError::malformed(
                            SIGNATURE,
                            format!("`{label}` is not a byte sequence (:base64:)"),
                        ));
                    }
                },
                Some(ListEntry::InnerList(_)) => {
                    return Err(SignatureError::malformed(
                        SIGNATURE,
                        format!("`{label}` is not a byte sequence (:base64:)"),
                    ));
                }
                None => {
                    return Err(SignatureError::malformed(
                        SIGNATURE,
                        format!("`{label}` of Signature-Input is missing here"),
                    ));
                }
            };
            entries.push(Entry { label: label.into(), input, signature });
        }
        match signatures.keys().next() {
            Some(label) => Err(SignatureError::malformed(INPUT, format!("`{label}` of Signature is missing here"))),
            None => Ok(Self(entries)),
        }
    }

    /// How many signatures there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The labels, in order.
    pub fn labels(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|entry| entry.label.as_str())
    }

    /// The signature with this label, `None` when there is none.
    ///
    /// # Errors
    /// [`SignatureError::Malformed`] when it covers something unknown or twice, or a parameter has the wrong type.
    pub fn get(&self, label: &str) -> Result<Option<Signature>, SignatureError> {
        self.0.iter().find(|entry| entry.label == label).map(Signature::read).transpose()
    }

    /// The one signature with this tag; others are ignored.
    ///
    /// # Errors
    /// [`SignatureError::TagMissing`] for none, [`SignatureError::Ambiguous`] for several, and those of [`Signatures::get`].
    pub fn choose(&self, tag: &'static str) -> Result<Signature, SignatureError> {
        let mut ours = self.0.iter().filter(|entry| entry.tag() == Some(tag));
        let entry = ours.next().ok_or(SignatureError::TagMissing { expected: tag })?;
        if ours.next().is_some() {
            return Err(SignatureError::Ambiguous { tag });
        }
        Signature::read(entry)
    }
}

impl Entry {
    fn tag(&self) -> Option<&str> {
        match self.input.params.get("tag") {
            Some(BareItem::String(tag)) => Some(tag.as_str()),
            _ => None,
        }
    }
}

impl Signature {
    fn read(entry: &Entry) -> Result<Self, SignatureError> {
        let params = &entry.input.params;
        let mut components = Vec::with_capacity(entry.input.items.len());
        for item in &entry.input.items {
            let component = Component::from_item(item)?;
            if components.contains(&component) {
                return Err(SignatureError::malformed(INPUT, format!("{component} is covered twice")));
            }
            components.push(component);
        }
        Ok(Self {
            label: entry.label.clone(),
            components,
            params: serialize(&entry.input),
            created: seconds(params, "created")?,
            expires: seconds(params, "expires")?,
            keyid: text(params, "keyid")?,
            nonce: text(params, "nonce")?,
            alg: text(params, "alg")?,
            tag: text(params, "tag")?,
            bytes: entry.signature.clone(),
        })
    }

    /// Whether `component` is covered.
    pub fn covers(&self, component: &Component) -> bool {
        self.components.contains(component)
    }

    /// Refuse an `alg` parameter that is not the algorithm the key was registered for (RFC 9421 section 3.2, step 6).
    ///
    /// # Errors
    /// [`SignatureError::AlgMismatch`].
    pub fn check_algorithm(&self, registered: Algorithm) -> Result<(), SignatureError> {
        match &self.alg {
            Some(received) if received != registered.as_str() => {
                Err(SignatureError::AlgMismatch { registered, received: received.clone() })
            }
            _ => Ok(()),
        }
    }
}

fn joined(message: &Message<'_>, field: &'static str) -> Result<Option<Vec<u8>>, SignatureError> {
    let mut out: Option<Vec<u8>> = None;
    for line in message.header(field) {
        match &mut out {
            None => out = Some(line.to_vec()),
            Some(value) => {
                value.extend_from_slice(b", ");
                value.extend_from_slice(line);
            }
        }
        if out.as_ref().is_some_and(|value| value.len() > MAX_FIELD_BYTES) {
            return Err(too_long(field));
        }
    }
    Ok(out)
}

fn dictionary(field: &'static str, value: &[u8]) -> Result<Dictionary, SignatureError> {
    if value.len() > MAX_FIELD_BYTES {
        return Err(too_long(field));
    }
    let dictionary: Dictionary = Parser::new(value).parse().map_err(|error| SignatureError::syntax(field, &error))?;
    match dictionary.len() {
        0 => Err(SignatureError::malformed(field, "it is empty")),
        1..=MAX_SIGNATURES => Ok(dictionary),
        _ => Err(SignatureError::malformed(field, format!("it holds more than {MAX_SIGNATURES} signatures"))),
    }
}

fn too_long(field: &'static str) -> SignatureError {
    SignatureError::malformed(field, format!("it is longer than {MAX_FIELD_BYTES} bytes"))
}

fn serialize(input: &InnerList) -> String {
    let mut serializer = sfv::ListSerializer::new();
    let mut inner = serializer.inner_list();
    inner.items(&input.items);
    inner.finish().parameters(&input.params);
    serializer.finish().unwrap_or_default()
}

fn seconds(params: &sfv::Parameters, key: &str) -> Result<Option<i64>, SignatureError> {
    match params.get(key) {
        None => Ok(None),
        Some(BareItem::Integer(seconds)) => Ok(Some(i64::from(*seconds))),
        Some(_) => Err(SignatureError::malformed(INPUT, format!("`{key}` is not an integer of unix seconds"))),
    }
}

fn text(params: &sfv::Parameters, key: &str) -> Result<Option<String>, SignatureError> {
    match params.get(key) {
        None => Ok(None),
        Some(BareItem::String(text)) => Ok(Some(text.as_str().to_owned())),
        Some(_) => Err(SignatureError::malformed(INPUT, format!("`{key}` is not a quoted string"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(input: &str, signature: &str) -> SignatureError {
        Signatures::parse(input.as_bytes(), signature.as_bytes()).and_then(|all| all.choose("t")).unwrap_err()
    }

    #[test]
    fn parameters_keep_the_order_and_the_canonical_spacing() {
        let all = Signatures::parse(b"s=( \"@method\"   \"date\" );tag=\"t\";  created=7;odd", b"s=:AA==:").unwrap();

        let signature = all.choose("t").unwrap();

        assert_eq!(signature.params, "(\"@method\" \"date\");tag=\"t\";created=7;odd");
        assert_eq!((signature.created, signature.bytes.as_slice()), (Some(7), [0].as_slice()));
    }

    #[test]
    fn the_tag_decides_and_the_label_does_not() {
        let input = b"quanzi=(\"made-up\";unknown);tag=\"other\", x=();tag=\"t\"";
        let all = Signatures::parse(input, b"quanzi=:AA==:, x=:AQ==:").unwrap();

        assert_eq!(all.choose("t").unwrap().label, "x");
        assert!(all.get("quanzi").is_err());
        assert_eq!(refused("a=()", "a=:AA==:").code(), "tag_missing");
        assert_eq!(refused("a=();tag=\"t\", b=();tag=\"t\"", "a=:AA==:, b=:AA==:").code(), "signature_ambiguous");
    }

    #[test]
    fn malformed_fields_are_named() {
        let many = |label: usize| format!("l{label}=()");
        let five: Vec<String> = (0..5).map(many).collect();
        let wide: Vec<String> = (0..33).map(|n| format!("\"h{n}\"")).collect();
        for (input, signature) in [
            ("a=();tag=\"t\"", "b=:AA==:"),
            ("a=();tag=\"t\"", "a=:AA==:, b=:AA==:"),
            ("a=();tag=\"t\", b=()", "a=:AA==:"),
            ("a=();tag=\"t\"", "a=\"text\""),
            ("a=();tag=\"t\"", "a=(1)"),
            ("a=1", "a=:AA==:"),
            ("", "a=:AA==:"),
            ("a=(\"x\" \"x\");tag=\"t\"", "a=:AA==:"),
            ("a=(\"x\";sf;req \"x\";req;sf);tag=\"t\"", "a=:AA==:"),
            ("a=();tag=\"t\";created=\"1\"", "a=:AA==:"),
            ("a=();tag=\"t\";keyid=1", "a=:AA==:"),
            (&five.join(","), "a=:AA==:"),
            (&format!("a=({});tag=\"t\"", wide.join(" ")), "a=:AA==:"),
            (&format!("a=();tag=\"{}\"", "x".repeat(MAX_FIELD_BYTES)), "a=:AA==:"),
        ] {
            assert_eq!(refused(input, signature).code(), "signature_malformed", "{input}");
        }
    }

    #[test]
    fn a_syntax_error_says_where() {
        let SignatureError::Malformed { position, .. } = refused("a=(\"x\" %)", "a=:AA==:") else {
            panic!("wrong error")
        };

        assert!(matches!(position, Some(7 | 8)), "{position:?}"); // at the stray byte or just behind it
    }

    #[test]
    fn an_alg_parameter_must_be_the_registered_one() {
        let all = Signatures::parse(b"a=();tag=\"t\";alg=\"hmac-sha256\"", b"a=:AA==:").unwrap();

        let refused = all.choose("t").unwrap().check_algorithm(Algorithm::Ed25519).unwrap_err();

        assert_eq!(refused.code(), "alg_mismatch");
    }
}
