//! Parses the public key a partner sends, in any common format.
//!
//! Invariants: anything that is not exactly one supported public key is refused with an error that names the recognised
//! format; a private key is recognised before it is used for anything, and no error contains a byte of the input.

use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use quanzi_openapi::ErrorCode;
use quanzi_openapi::apps::KeyInput;
use quanzi_openapi::jose::{Jwk, PublicKey, encode_base64url};
use quanzi_openapi::signature::Algorithm;
use rsa::pkcs8::der::oid::ObjectIdentifier;
use rsa::pkcs8::spki::SubjectPublicKeyInfoRef;
use serde_json::{Map, Value};

use crate::platform::crypto::VerifyingKey;

use super::der;

/// Longest text read as a key; RSA of 8192 bits in PEM has about 1,500 characters.
const TEXT_BYTES_MAX: usize = 16 * 1024;
const RSA_BITS_MIN: usize = 2048;
const RSA_BITS_MAX: usize = 8192;

/// As lenient as keys in the wild are: padding may be missing, stray bits are ignored.
const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true),
);

const RSA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1");
const RSA_PSS: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.10");
const EC: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.2.1");
const P256: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.3.1.7");
const ED25519: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.101.112");

/// Why a key was refused: a code, and a sentence made of our words only.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeyRefused {
    /// One of the four key codes.
    pub code: ErrorCode,
    /// What was recognised, and what to send instead.
    pub detail: &'static str,
}

const fn refused(code: ErrorCode, detail: &'static str) -> KeyRefused {
    KeyRefused { code, detail }
}
const fn unknown(detail: &'static str) -> KeyRefused {
    refused(ErrorCode::KeyFormatUnknown, detail)
}
const fn private(detail: &'static str) -> KeyRefused {
    refused(ErrorCode::KeyIsPrivate, detail)
}
const fn unsupported(detail: &'static str) -> KeyRefused {
    refused(ErrorCode::KeyTypeUnsupported, detail)
}

const TOO_WEAK: KeyRefused =
    refused(ErrorCode::KeyTooWeak, "This RSA key has fewer than 2048 bits; use 2048 to 8192, or an Ed25519 key.");
const TOO_LARGE: KeyRefused = unsupported("This RSA key has more than 8192 bits; use 2048 to 8192, or an Ed25519 key.");
const BAD_NUMBERS: KeyRefused =
    unknown("The numbers are not a valid public key: the key was damaged in transit, or is not a real one.");
const NOT_BASE64: KeyRefused = unknown(
    "This is neither a JWK nor base64. Send a JWK object, a PEM string (-----BEGIN PUBLIC KEY-----), or the base64 of a DER public key.",
);

/// The public key in the input.
pub fn read(input: &KeyInput) -> Result<PublicKey, KeyRefused> {
    let key = match input {
        KeyInput::Jwk(members) => jwk(members)?,
        KeyInput::Text(text) => text_key(text)?,
    };
    checked(key)
}

/// What such a key signs requests with when nothing else is said.
pub fn default_algorithm(key: &PublicKey) -> Option<Algorithm> {
    match key {
        PublicKey::Ed25519(_) => Some(Algorithm::Ed25519),
        PublicKey::P256 { .. } => Some(Algorithm::EcdsaP256Sha256),
        PublicKey::Rsa { .. } => Some(Algorithm::RsaPssSha512),
        _ => None,
    }
}

/// Whether a key of this type can be registered for this algorithm.
pub fn algorithm_fits(algorithm: Algorithm, key: &PublicKey) -> bool {
    match key {
        PublicKey::Rsa { .. } => matches!(algorithm, Algorithm::RsaPssSha512 | Algorithm::RsaV15Sha256),
        key => default_algorithm(key) == Some(algorithm),
    }
}

/// The last word has the library that will verify with it: a point that is not on the curve fails here.
fn checked(key: PublicKey) -> Result<PublicKey, KeyRefused> {
    VerifyingKey::new(&key).map_err(|_| BAD_NUMBERS)?;
    Ok(key)
}

fn jwk(members: &Map<String, Value>) -> Result<PublicKey, KeyRefused> {
    const PRIVATE: [&str; 9] = ["d", "p", "q", "dp", "dq", "qi", "oth", "k", "priv"];
    if members.contains_key("keys") {
        return Err(unknown("This is a JWK Set; send each of its keys as a separate entry."));
    }
    if PRIVATE.iter().any(|name| members.contains_key(*name)) {
        return Err(private(
            "This is a JWK with private members (such as d or k). It was not stored. Send the public members only, of a new key pair: treat this one as compromised.",
        ));
    }
    let text = |name: &str| members.get(name).and_then(Value::as_str);
    match (text("kty"), text("crv")) {
        (None, _) => return Err(unknown("This JSON object has no kty, so it is not a JWK.")),
        (Some("RSA"), _) => {
            let bits = text("n").and_then(base64url_lenient).map_or(0, |n| bits(&n));
            if (1..RSA_BITS_MIN).contains(&bits) {
                return Err(TOO_WEAK);
            }
            if bits > RSA_BITS_MAX {
                return Err(TOO_LARGE);
            }
        }
        (Some("OKP"), Some("Ed25519")) | (Some("EC"), Some("P-256")) => {}
        (Some("oct"), _) => {
            return Err(unsupported("This is a JWK of a shared secret (oct); shared secrets are not supported."));
        }
        (Some("EC"), _) => return Err(unsupported("This is a JWK of an unsupported curve; use P-256 or Ed25519.")),
        (Some("OKP"), _) => return Err(unsupported("This is a JWK of an unsupported curve; use Ed25519.")),
        (Some(_), _) => return Err(unsupported("This is a JWK of an unsupported type.")),
    }
    let jwk: Jwk = serde_json::from_value(Value::Object(members.clone())).map_err(|_| {
        unknown("This JWK has a member that is missing or not canonical base64url (no padding, no leading zeros, the length its type needs).")
    })?;
    Ok(jwk.key)
}

fn text_key(text: &str) -> Result<PublicKey, KeyRefused> {
    if text.len() > TEXT_BYTES_MAX {
        return Err(unknown("The text is longer than any public key."));
    }
    // What says of itself that it is private is refused wherever in the text it says so.
    if let Some(refused) = named_private(text) {
        return Err(refused);
    }
    let text = text.trim_start_matches('\u{feff}').trim().trim_matches(['"', '\'']).trim();
    if text.is_empty() {
        return Err(unknown("The text is empty."));
    }
    if text.starts_with('{') {
        let members =
            serde_json::from_str(text).map_err(|_| unknown("This looks like a JWK but is not well-formed JSON."))?;
        return jwk(&members);
    }
    // Texts that went through a shell or a JSON file twice have their line breaks spelt out.
    let text = text.replace("\\r", "").replace("\\n", "\n");
    let body = if text.contains("-----BEGIN") { pem_body(&text)? } else { &text };
    if let Some(refused) = named_foreign(body) {
        return Err(refused);
    }
    let bytes = base64_lenient(body).ok_or(NOT_BASE64)?;
    der_key(&bytes)
}

fn named_private(text: &str) -> Option<KeyRefused> {
    const NAMES: [(&str, KeyRefused); 8] = [
        (
            "OPENSSH PRIVATE KEY",
            private(
                "This is an OpenSSH private key. It was not stored. Send the public key, of a new key pair: treat this one as compromised.",
            ),
        ),
        (
            "ENCRYPTED PRIVATE KEY",
            private(
                "This is an encrypted PKCS#8 private key. It was not stored. Send the public key (openssl pkey -pubout), of a new key pair.",
            ),
        ),
        (
            "RSA PRIVATE KEY",
            private(
                "This is a PKCS#1 private key. It was not stored. Send the public key (openssl pkey -pubout), of a new key pair: treat this one as compromised.",
            ),
        ),
        (
            "EC PRIVATE KEY",
            private(
                "This is a SEC1 private key. It was not stored. Send the public key (openssl pkey -pubout), of a new key pair: treat this one as compromised.",
            ),
        ),
        (
            "PGP PRIVATE KEY",
            private(
                "This is a PGP private key. It was not stored. Send the public key as PEM, of a new key pair: treat this one as compromised.",
            ),
        ),
        (
            "PUTTY-USER-KEY-FILE",
            private(
                "This is a PuTTY private key. It was not stored. Send the public key as PEM, of a new key pair: treat this one as compromised.",
            ),
        ),
        (
            "<D>",
            private(
                "This is an XML private key. It was not stored. Send the public key as PEM, of a new key pair: treat this one as compromised.",
            ),
        ),
        ("PRIVATE KEY", PKCS8),
    ];
    let text = text.to_ascii_uppercase();
    NAMES.iter().find(|(name, _)| text.contains(name)).map(|(_, refused)| *refused)
}

const PKCS8: KeyRefused = private(
    "This is a PKCS#8 private key. It was not stored. Send the public key (openssl pkey -pubout), of a new key pair: treat this one as compromised.",
);
const CERTIFICATE: KeyRefused = unknown(
    "This is an X.509 certificate (or a request for one). Send the public key in it: openssl x509 -pubkey -noout.",
);

/// Formats with a name at the front, or a label of their own.
fn named_foreign(text: &str) -> Option<KeyRefused> {
    const FRONTS: [(&str, KeyRefused); 5] = [
        ("ssh-", OPENSSH),
        ("ecdsa-sha2-", OPENSSH),
        ("sk-", OPENSSH),
        ("<", unknown("This is an XML key. Send the public key as JWK or PEM.")),
        (
            "b3BlbnNzaC1rZXktdjE",
            private(
                "This is an OpenSSH private key. It was not stored. Send the public key, of a new key pair: treat this one as compromised.",
            ),
        ),
    ];
    FRONTS.iter().find(|(front, _)| text.trim_start().starts_with(front)).map(|(_, refused)| *refused)
}

const OPENSSH: KeyRefused =
    unknown("This is an OpenSSH public key. Send it as PEM: ssh-keygen -e -m PKCS8 -f key.pub.");

/// What stands between the armour of the one PEM block.
fn pem_body(text: &str) -> Result<&str, KeyRefused> {
    const DAMAGED: KeyRefused = unknown("This looks like PEM, but its BEGIN and END lines do not match.");
    let (_, block) = text.split_once("-----BEGIN").ok_or(DAMAGED)?;
    let (label, rest) = block.split_once("-----").ok_or(DAMAGED)?;
    match label.trim() {
        "PUBLIC KEY" | "RSA PUBLIC KEY" => {}
        label if label.ends_with("CERTIFICATE") || label.ends_with("CERTIFICATE REQUEST") => return Err(CERTIFICATE),
        label if label.starts_with("SSH2") => return Err(OPENSSH),
        label if label.starts_with("PGP") => {
            return Err(unknown("This is a PGP public key. Send the public key as JWK or PEM."));
        }
        label if label.ends_with("PARAMETERS") => {
            return Err(unknown(
                "These are parameters, not a key. Send the block that starts with -----BEGIN PUBLIC KEY-----.",
            ));
        }
        label if label.starts_with("PKCS7") || label.starts_with("CMS") => {
            return Err(unknown("This is a PKCS#7 message. Send the public key as JWK or PEM."));
        }
        _ => {
            return Err(unknown(
                "This is PEM, but not a public key. Send a block that starts with -----BEGIN PUBLIC KEY-----.",
            ));
        }
    }
    let (body, after) = rest.split_once("-----END").ok_or(DAMAGED)?;
    if after.contains("-----BEGIN") {
        return Err(unknown("These are several PEM blocks; send each key as a separate entry."));
    }
    Ok(body)
}

fn der_key(bytes: &[u8]) -> Result<PublicKey, KeyRefused> {
    use der::Shape;
    match der::shape(bytes) {
        Shape::SubjectPublicKeyInfo => spki(bytes),
        Shape::Pkcs1Public => pkcs1(bytes),
        Shape::Pkcs1Private => Err(private(
            "This is a PKCS#1 private key. It was not stored. Send the public key (openssl pkey -pubout), of a new key pair: treat this one as compromised.",
        )),
        Shape::Pkcs8 => Err(PKCS8),
        Shape::EncryptedPkcs8 => Err(private(
            "This is an encrypted PKCS#8 private key. It was not stored. Send the public key (openssl pkey -pubout), of a new key pair.",
        )),
        Shape::Sec1 => Err(private(
            "This is a SEC1 private key. It was not stored. Send the public key (openssl pkey -pubout), of a new key pair: treat this one as compromised.",
        )),
        Shape::Pkcs12 => Err(private(
            "This is a PKCS#12 file, which contains a private key. It was not stored. Send the public key, of a new key pair.",
        )),
        Shape::Certificate => Err(CERTIFICATE),
        Shape::Unknown if bytes.starts_with(b"openssh-key-v1") => Err(private(
            "This is an OpenSSH private key. It was not stored. Send the public key, of a new key pair: treat this one as compromised.",
        )),
        Shape::Unknown if bytes.starts_with(&[0, 0, 0]) => Err(OPENSSH),
        Shape::Unknown if matches!(bytes.len(), 32 | 33 | 64 | 65) => Err(unknown(
            "These are raw bytes, which could be a public or a private key. Send a JWK, or the key as SPKI (openssl pkey -pubout).",
        )),
        Shape::Unknown => Err(unknown("This is base64, but not of a public key in DER (SPKI or PKCS#1).")),
    }
}

fn spki(bytes: &[u8]) -> Result<PublicKey, KeyRefused> {
    const DAMAGED: KeyRefused = unknown("This is a public key (SPKI), but damaged: bytes are missing or added.");
    let info = SubjectPublicKeyInfoRef::try_from(bytes).map_err(|_| DAMAGED)?;
    let key = info.subject_public_key.as_bytes().ok_or(DAMAGED)?;
    let parameters = info.algorithm.parameters;
    match info.algorithm.oid {
        RSA => pkcs1(key),
        RSA_PSS if parameters.is_none() => pkcs1(key),
        RSA_PSS => Err(unsupported(
            "This is an RSA-PSS key restricted to certain parameters. Export it as a plain RSA key, or create one without restrictions.",
        )),
        ED25519 => Ok(PublicKey::Ed25519(key.try_into().map_err(|_| DAMAGED)?)),
        EC if parameters.and_then(|parameters| parameters.decode_as::<ObjectIdentifier>().ok()) == Some(P256) => {
            match key.split_first() {
                Some((4, point)) if point.len() == 64 => {
                    let (x, y) = point.split_at(32);
                    Ok(PublicKey::P256 { x: x.try_into().map_err(|_| DAMAGED)?, y: y.try_into().map_err(|_| DAMAGED)? })
                }
                Some((2 | 3, _)) => Err(unknown(
                    "This is a P-256 key with a compressed point. Export it uncompressed: openssl ec -pubin -conv_form uncompressed.",
                )),
                _ => Err(DAMAGED),
            }
        }
        EC => Err(unsupported("This is a key of an unsupported elliptic curve; use P-256 or Ed25519.")),
        _ => Err(unsupported("This is a public key (SPKI) of an unsupported type.")),
    }
}

fn pkcs1(bytes: &[u8]) -> Result<PublicKey, KeyRefused> {
    const DAMAGED: KeyRefused = unknown("This is an RSA public key (PKCS#1), but damaged: bytes are missing or added.");
    let key = rsa::pkcs1::RsaPublicKeyRef::try_from(bytes).map_err(|_| DAMAGED)?;
    let (n, e) = (key.modulus.as_bytes(), key.public_exponent.as_bytes());
    match bits(n) {
        0..RSA_BITS_MIN => return Err(TOO_WEAK),
        RSA_BITS_MIN..=RSA_BITS_MAX => {}
        _ => return Err(TOO_LARGE),
    }
    // Through the one door of the contract, which knows what a canonical key is (odd modulus, odd exponent above one).
    let members = [("kty", "RSA".to_owned()), ("n", encode_base64url(n)), ("e", encode_base64url(e))];
    let members = members.into_iter().map(|(name, value)| (name.to_owned(), Value::String(value))).collect();
    Ok(serde_json::from_value::<Jwk>(Value::Object(members)).map_err(|_| BAD_NUMBERS)?.key)
}

fn bits(number: &[u8]) -> usize {
    let number = number.iter().position(|byte| *byte != 0).and_then(|start| number.get(start..)).unwrap_or_default();
    number.first().map_or(0, |first| number.len() * 8 - first.leading_zeros() as usize)
}

/// Base64 with line breaks, spaces, missing padding, in either alphabet.
fn base64_lenient(text: &str) -> Option<Vec<u8>> {
    let letters: String = text
        .chars()
        .filter(|letter| !letter.is_ascii_whitespace())
        .map(|letter| match letter {
            '-' => '+',
            '_' => '/',
            letter => letter,
        })
        .collect();
    let letters = letters.trim_end_matches('=');
    // A text that was cut off is still read, so that a private key is known as one.
    let whole = if letters.len() % 4 == 1 { letters.get(..letters.len() - 1)? } else { letters };
    LENIENT.decode(whole).ok().filter(|bytes| !bytes.is_empty())
}

fn base64url_lenient(text: &str) -> Option<Vec<u8>> {
    Some(text).filter(|text| text.len() <= TEXT_BYTES_MAX).and_then(base64_lenient)
}
