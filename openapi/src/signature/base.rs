//! The signature base (RFC 9421 section 2.5) and what makes a mismatch debuggable: lines, redaction, first difference.
//!
//! Invariant: what leaves through [`redact`] or [`first_difference`] never contains the value of a header that carries a
//! credential; two values still compare, by length and the first 64 bits of their SHA-256.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use sfv::{BareItem, Item, Parser};
use sha2::{Digest as _, Sha256};

use super::{
    Component, Message, Signature, SignatureError,
    profile::{AUTHORIZATION, COOKIE, DPOP, SIGNATURE_DEBUG},
    signatures::MAX_FIELD_BYTES,
    value,
};

/// Fields whose values are credentials.
const SECRET_FIELDS: [&str; 5] = [AUTHORIZATION, DPOP, COOKIE, "set-cookie", "proxy-authorization"];

/// The signature base of a received signature: the exact text whose ASCII bytes were signed. No trailing line break.
///
/// # Errors
/// [`SignatureError::ComponentUnusable`] when a covered component is absent or cannot be a line.
pub fn base(message: &Message<'_>, signature: &Signature) -> Result<String, SignatureError> {
    build(message, &signature.components, &signature.params)
}

pub(super) fn build(message: &Message<'_>, components: &[Component], params: &str) -> Result<String, SignatureError> {
    let mut out = String::with_capacity(1024); // a profile request with an Ed25519 token is about 900 bytes
    for component in components {
        out.push_str(component.identifier());
        out.push_str(": ");
        value::push(&mut out, message, component)?;
        out.push('\n');
    }
    out.push_str("\"@signature-params\": ");
    out.push_str(params);
    Ok(out)
}

/// The lines of a base, as signed. Contains credentials: show [`redact`] instead.
pub fn lines(base: &str) -> impl Iterator<Item = &str> {
    base.split('\n')
}

/// The lines of a base with the values of credential headers replaced by `sha256:<16 hex digits>;len=<bytes>`.
pub fn redact(base: &str) -> Vec<String> {
    lines(base).map(redact_line).collect()
}

fn redact_line(line: &str) -> String {
    // A client's base may lack the quotes; its token is hidden all the same.
    let name = line.trim_start_matches(['"', ' ']).split(['"', ';', ':', ' ']).next().unwrap_or_default();
    if !SECRET_FIELDS.iter().any(|secret| name.eq_ignore_ascii_case(secret)) {
        return line.to_owned();
    }
    // Without the separator the line is not well-formed; hide all of it rather than guess.
    let (identifier, value) = line.split_once(": ").unwrap_or(("\"?\"", line));
    let digest = Sha256::digest(value.as_bytes());
    let first = u64::from_be_bytes(digest.first_chunk().copied().unwrap_or_default());
    format!("{identifier}: sha256:{first:016x};len={}", value.len())
}

/// The first line in which two bases differ, credentials redacted.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Difference {
    /// Line number, the first line is 1.
    pub line: usize,
    /// The server's line; `None` when its base ended before.
    pub server: Option<String>,
    /// The client's line; `None` when its base ended before.
    pub client: Option<String>,
}

/// Compare the server's base with the one the client says it signed. `None` when they are equal.
pub fn first_difference(server: &str, client: &str) -> Option<Difference> {
    let (mut ours, mut theirs) = (lines(server), lines(client));
    for line in 1.. {
        match (ours.next(), theirs.next()) {
            (None, None) => return None,
            (server, client) if server == client => {}
            (server, client) => {
                return Some(Difference { line, server: server.map(redact_line), client: client.map(redact_line) });
            }
        }
    }
    None
}

/// The value of `Signature-Debug` for a base: a byte sequence (`:base64:`).
pub fn encode_debug(base: &str) -> String {
    format!(":{}:", STANDARD.encode(base))
}

/// The base a client sent in `Signature-Debug`.
///
/// # Errors
/// [`SignatureError::Malformed`] when it is too long or not a byte sequence. Bytes outside UTF-8 are replaced, since the text is only compared.
pub fn decode_debug(value: &[u8]) -> Result<String, SignatureError> {
    if value.len() > 2 * MAX_FIELD_BYTES {
        return Err(SignatureError::malformed(SIGNATURE_DEBUG, "it is too long"));
    }
    let item: Item = Parser::new(value).parse().map_err(|error| SignatureError::syntax(SIGNATURE_DEBUG, &error))?;
    match item.bare_item {
        BareItem::ByteSequence(bytes) => Ok(String::from_utf8_lossy(&bytes).into_owned()),
        _ => Err(SignatureError::malformed(SIGNATURE_DEBUG, "it is not a byte sequence (:base64:)")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_never_leaves_through_redaction_or_difference() {
        let server = "\"@method\": GET\n\"authorization\": DPoP secret-a\n\"dpop\";req: secret-b\n\"x\": y";
        let client = "\"@method\": GET\n\"authorization\": DPoP secret-c\n\"dpop\";req: secret-b\n\"x\": y";

        let shown = redact(server).join("\n") + &format!("{:?}", first_difference(server, client));

        assert!(!shown.contains("secret"), "{shown}");
        assert!(shown.contains("\"authorization\": sha256:"));
        assert!(shown.contains(";len=13"));
        assert!(shown.contains("\"x\": y"));
        for sloppy in ["authorization: DPoP secret", "Cookie: secret", " \"DPoP\" secret", "\"authorization\":secret"] {
            assert!(!redact(sloppy).concat().contains("secret"), "{sloppy}");
        }
    }

    #[test]
    fn the_first_difference_names_the_line() {
        let difference = first_difference("a\nb\nc", "a\nx\ny").unwrap();
        let shorter = first_difference("a\nb", "a").unwrap();

        assert_eq!(
            (difference.line, difference.server.as_deref(), difference.client.as_deref()),
            (2, Some("b"), Some("x"))
        );
        assert_eq!((shorter.line, shorter.client), (2, None));
        assert_eq!(first_difference("a\nb", "a\nb"), None);
        assert_eq!(first_difference("a", "a\n").unwrap().client.as_deref(), Some(""));
    }

    #[test]
    fn the_debug_header_survives_the_way() {
        let base = "\"@method\": GET\n\"@signature-params\": ()";

        assert_eq!(decode_debug(encode_debug(base).as_bytes()).unwrap(), base);
        assert!(decode_debug(b"\"text\"").is_err());
        assert!(decode_debug(b":%:").is_err());
    }
}
