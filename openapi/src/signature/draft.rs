//! Signing: what will be covered, the base to sign, and the two header values once the bytes are there.
//!
//! Invariant: the parameters in the header are the very string that was signed; both come from one field of [`Draft`].

use std::fmt::Write as _;

use base64::{Engine as _, engine::general_purpose::STANDARD};

use super::{
    Component, Message, RequestShape, ResponseShape, SignatureError, base,
    profile::{REQUEST_TAG, RESPONSE_TAG, SIGNATURE_INPUT},
};

/// A signature about to be made. The flow is `Draft::request(…)`, sign the bytes of [`base`](Draft::base), [`finish`](Draft::finish).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Draft {
    components: Vec<Component>,
    params: String,
}

/// The two header values of a finished signature.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct SignedHeaders {
    /// The value of `Signature-Input`.
    pub signature_input: String,
    /// The value of `Signature`.
    pub signature: String,
}

impl Draft {
    /// A request signature of this profile: `tag="fapi-2-request"`, everything of `shape` covered. `created` in unix
    /// seconds; `nonce` fresh for every call; `keyid` the RFC 7638 thumbprint of the key.
    ///
    /// # Errors
    /// [`SignatureError::Malformed`] when `nonce` or `keyid` is not printable ASCII.
    pub fn request(shape: &RequestShape, created: i64, nonce: &str, keyid: &str) -> Result<Self, SignatureError> {
        Self::custom(shape.components(), created, Some(nonce), keyid, REQUEST_TAG)
    }

    /// A response signature of this profile: `tag="fapi-2-response"`, everything of `shape` covered.
    ///
    /// # Errors
    /// [`SignatureError::Malformed`] when `keyid` is not printable ASCII.
    pub fn response(shape: &ResponseShape, created: i64, keyid: &str) -> Result<Self, SignatureError> {
        Self::custom(shape.components(), created, None, keyid, RESPONSE_TAG)
    }

    /// A signature over components of one's own choice, parameters in the order `created;nonce;keyid;tag`.
    ///
    /// # Errors
    /// [`SignatureError::Malformed`] when a component occurs twice, `created` has more than 15 digits, or a text is not
    /// printable ASCII.
    pub fn custom(
        components: impl IntoIterator<Item = Component>,
        created: i64,
        nonce: Option<&str>,
        keyid: &str,
        tag: &str,
    ) -> Result<Self, SignatureError> {
        let components: Vec<Component> = components.into_iter().collect();
        let mut params = String::with_capacity(320);
        params.push('(');
        for (position, component) in components.iter().enumerate() {
            if components.iter().take(position).any(|earlier| earlier == component) {
                return Err(SignatureError::malformed(SIGNATURE_INPUT, format!("{component} is covered twice")));
            }
            if position > 0 {
                params.push(' ');
            }
            params.push_str(component.identifier());
        }
        if created.unsigned_abs() >= 1_000_000_000_000_000 {
            return Err(SignatureError::malformed(SIGNATURE_INPUT, "`created` has more than 15 digits"));
        }
        let _ = write!(params, ");created={created}"); // writing to a String cannot fail
        for (key, value) in [("nonce", nonce), ("keyid", Some(keyid)), ("tag", Some(tag))] {
            if let Some(value) = value {
                push_text(&mut params, key, value)?;
            }
        }
        Ok(Self { components, params })
    }

    /// The text whose ASCII bytes are to be signed.
    ///
    /// # Errors
    /// [`SignatureError::ComponentUnusable`] when the message lacks what the draft covers.
    pub fn base(&self, message: &Message<'_>) -> Result<String, SignatureError> {
        base::build(message, &self.components, &self.params)
    }

    /// The header values, once the base is signed. The label is free; it is not signed.
    ///
    /// # Errors
    /// [`SignatureError::Malformed`] when `label` is no dictionary key (RFC 9651: lower case, digits, `_-.*`).
    pub fn finish(&self, label: &str, signature: &[u8]) -> Result<SignedHeaders, SignatureError> {
        sfv::KeyRef::from_str(label).map_err(|error| SignatureError::syntax(SIGNATURE_INPUT, &error))?;
        Ok(SignedHeaders {
            signature_input: format!("{label}={}", self.params),
            signature: format!("{label}=:{}:", STANDARD.encode(signature)),
        })
    }
}

fn push_text(params: &mut String, key: &'static str, value: &str) -> Result<(), SignatureError> {
    let _ = write!(params, ";{key}=\""); // writing to a String cannot fail
    for character in value.chars() {
        match character {
            '"' | '\\' => params.extend(['\\', character]),
            ' '..='~' => params.push(character),
            _ => return Err(SignatureError::malformed(SIGNATURE_INPUT, format!("`{key}` is not printable ASCII"))),
        }
    }
    params.push('"');
    Ok(())
}
