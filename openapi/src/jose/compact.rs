//! Compact JWS (RFC 7515 section 7.1): reading with bounds, and putting one together.
//!
//! Invariant: parsing decides nothing about trust. It guarantees three strict base64url parts, a JSON object as header, an
//! supported asymmetric algorithm, and no `crit` (we understand no extension, so every one must be refused).

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize, de::DeserializeOwned};

use super::{Jwk, PublicKey, decode_base64url, encode_base64url};

/// A longer compact JWS, in bytes, is refused before it is decoded.
pub const MAX_COMPACT_BYTES: usize = 8 * 1024;

/// The JWS algorithms in use. `none`, `HS*` and `RS*` cannot be represented (FAPI 2.0 section 5.4).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "&'static str")]
#[non_exhaustive]
pub enum JwsAlgorithm {
    /// Ed25519, spelt `EdDSA` (RFC 8037) or `Ed25519` (RFC 9864) when read, `EdDSA` when written.
    EdDsa,
    /// ECDSA with P-256 and SHA-256; the signature is `r || s`.
    Es256,
    /// RSA-PSS with SHA-256 and a salt of 32 bytes.
    Ps256,
}

impl JwsAlgorithm {
    /// The name, as written into headers.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::EdDsa => "EdDSA",
            Self::Es256 => "ES256",
            Self::Ps256 => "PS256",
        }
    }

    /// Whether a key of this type can have made such a signature.
    pub const fn fits(self, key: &PublicKey) -> bool {
        matches!(
            (self, key),
            (Self::EdDsa, PublicKey::Ed25519(_))
                | (Self::Es256, PublicKey::P256 { .. })
                | (Self::Ps256, PublicKey::Rsa { .. })
        )
    }
}

impl fmt::Display for JwsAlgorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for JwsAlgorithm {
    type Err = JoseError;

    fn from_str(name: &str) -> Result<Self, JoseError> {
        match name {
            "EdDSA" | "Ed25519" => Ok(Self::EdDsa),
            "ES256" => Ok(Self::Es256),
            "PS256" => Ok(Self::Ps256),
            other => Err(JoseError::Algorithm(other.chars().take(32).collect())),
        }
    }
}

impl TryFrom<String> for JwsAlgorithm {
    type Error = JoseError;

    fn try_from(name: String) -> Result<Self, JoseError> {
        name.parse()
    }
}

impl From<JwsAlgorithm> for &'static str {
    fn from(algorithm: JwsAlgorithm) -> Self {
        algorithm.as_str()
    }
}

/// Why a JWS could not be read. The texts name what was found and never quote a token.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum JoseError {
    /// Longer than [`MAX_COMPACT_BYTES`].
    #[error("the JWT is longer than {MAX_COMPACT_BYTES} bytes")]
    TooLong,
    /// Not three strict base64url parts.
    #[error("the JWT is not three parts of unpadded base64url: {0}")]
    Encoding(&'static str),
    /// The header is not a JSON object with the members of the right types.
    #[error("the JWT header is not acceptable: {0}")]
    Header(String),
    /// The claims are not a JSON object with the members of the right types.
    #[error("the JWT claims are not acceptable: {0}")]
    Claims(String),
    /// An algorithm we do not accept.
    #[error("the JWT algorithm `{0}` is not accepted: use EdDSA, ES256 or PS256")]
    Algorithm(String),
    /// A critical extension we do not know, and we know none.
    #[error("the JWT names critical extensions (`crit`), none of which is supported")]
    Critical,
}

/// The header members that matter. Others are ignored; `jku` and `x5u` are never followed.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct JwsHeader {
    /// `alg`.
    pub alg: JwsAlgorithm,
    /// `typ`, as sent.
    pub typ: Option<String>,
    /// `kid`, as sent.
    pub kid: Option<String>,
    /// `jwk`: a public key the sender claims.
    pub jwk: Option<Jwk>,
    /// `jku` as sent; present so that a caller can log or refuse it.
    pub jku: Option<String>,
}

impl JwsHeader {
    /// Whether `typ` is the given media type, compared as RFC 7515 section 4.1.9 says: ASCII case and a leading `application/` do not matter.
    pub fn is_type(&self, expected: &str) -> bool {
        self.typ.as_deref().is_some_and(|typ| {
            let short = match typ.get(..12) {
                Some(prefix) if prefix.eq_ignore_ascii_case("application/") => typ.get(12..).unwrap_or_default(),
                _ => typ,
            };
            short.eq_ignore_ascii_case(expected)
        })
    }
}

/// A compact JWS, taken apart.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Compact<'a> {
    /// The header.
    pub header: JwsHeader,
    /// The text whose ASCII bytes were signed: `header.claims`.
    pub signed: &'a str,
    /// The signature.
    pub signature: Vec<u8>,
    claims: Vec<u8>,
}

/// A JWS is a credential, so only its header is printed.
impl fmt::Debug for Compact<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Compact").field("header", &self.header).finish_non_exhaustive()
    }
}

#[derive(Deserialize)]
struct RawHeader {
    alg: String,
    typ: Option<String>,
    kid: Option<String>,
    jwk: Option<Jwk>,
    jku: Option<String>,
    #[serde(default, deserialize_with = "present")]
    crit: bool,
}

/// `true` for any value at all, null too.
fn present<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<bool, D::Error> {
    serde::de::IgnoredAny::deserialize(deserializer).map(|_| true)
}

impl<'a> Compact<'a> {
    /// Take a compact JWS apart.
    ///
    /// # Errors
    /// A [`JoseError`] that names what was found.
    pub fn parse(token: &'a str) -> Result<Self, JoseError> {
        if token.len() > MAX_COMPACT_BYTES {
            return Err(JoseError::TooLong);
        }
        let (signed, signature) = token.rsplit_once('.').ok_or(JoseError::Encoding("there is no dot"))?;
        let (header, claims) = signed.split_once('.').ok_or(JoseError::Encoding("there is only one dot"))?;
        let header = decode_base64url(header).ok_or(JoseError::Encoding("the header"))?;
        let claims = decode_base64url(claims).ok_or(JoseError::Encoding("the claims"))?;
        let signature = decode_base64url(signature).ok_or(JoseError::Encoding("the signature"))?;
        let raw: RawHeader = object(&header).map_err(JoseError::Header)?;
        if raw.crit {
            return Err(JoseError::Critical);
        }
        let header = JwsHeader { alg: raw.alg.parse()?, typ: raw.typ, kid: raw.kid, jwk: raw.jwk, jku: raw.jku };
        Ok(Self { header, signed, signature, claims })
    }

    /// The claims as a type, or as [`serde_json::Value`]. They are worth nothing before the signature is verified.
    ///
    /// # Errors
    /// [`JoseError::Claims`] when they are no JSON object of that shape.
    pub fn claims<T: DeserializeOwned>(&self) -> Result<T, JoseError> {
        object(&self.claims).map_err(JoseError::Claims)
    }
}

/// Serde reads a struct from a JSON array as well; a JWT is only ever an object.
fn object<T: DeserializeOwned>(json: &[u8]) -> Result<T, String> {
    if json.trim_ascii_start().first() != Some(&b'{') {
        return Err("it is not a JSON object".to_owned());
    }
    serde_json::from_slice(json).map_err(|error| error.to_string())
}

/// The text to sign for a header and claims: both as JSON in base64url, joined by a dot.
///
/// # Errors
/// [`JoseError::Header`] or [`JoseError::Claims`] when one cannot be written as JSON.
pub fn signing_input(header: &impl Serialize, claims: &impl Serialize) -> Result<String, JoseError> {
    let header = serde_json::to_vec(header).map_err(|error| JoseError::Header(error.to_string()))?;
    let claims = serde_json::to_vec(claims).map_err(|error| JoseError::Claims(error.to_string()))?;
    Ok(format!("{}.{}", encode_base64url(header), encode_base64url(claims)))
}

/// The compact JWS of a signing input and the signature over its ASCII bytes.
pub fn assemble(signing_input: &str, signature: &[u8]) -> String {
    format!("{signing_input}.{}", encode_base64url(signature))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn token(header: &Value, claims: &Value) -> String {
        assemble(&signing_input(header, claims).unwrap(), b"signature")
    }

    #[test]
    fn a_token_survives_the_way() {
        let text = token(
            &json!({"alg": "Ed25519", "typ": "application/AT+jwt", "kid": "k", "jku": "https://x", "extra": 1}),
            &json!({"a": [1]}),
        );

        let parsed = Compact::parse(&text).unwrap();

        assert_eq!(parsed.header.alg, JwsAlgorithm::EdDsa);
        assert!(parsed.header.is_type("at+jwt") && !parsed.header.is_type("jwt"));
        assert_eq!(parsed.claims::<Value>().unwrap(), json!({"a": [1]}));
        assert_eq!(
            (parsed.signature.as_slice(), parsed.signed),
            (b"signature".as_slice(), text.rsplit_once('.').unwrap().0)
        );
    }

    #[test]
    fn a_type_is_compared_without_case_and_prefix() {
        let is_dpop = |typ: Option<&str>| {
            let header = json!({ "alg": "EdDSA", "typ": typ });
            let text = token(&header, &json!({}));
            Compact::parse(&text).unwrap().header.is_type("dpop+jwt")
        };

        for same in ["dpop+jwt", "DPoP+JWT", "application/dpop+jwt", "Application/DPOP+jwt"] {
            assert!(is_dpop(Some(same)), "{same}");
        }
        for other in
            ["", "jwt", "dpop", "application/", "application/jwt", "text/dpop+jwt", "application/application/dpop+jwt"]
        {
            assert!(!is_dpop(Some(other)), "{other}");
        }
        assert!(!is_dpop(None));
    }

    #[test]
    fn algorithms_without_a_public_key_do_not_exist() {
        for alg in ["none", "HS256", "RS256", "ES384", "eddsa", ""] {
            let refused = Compact::parse(&token(&json!({"alg": alg}), &json!({}))).unwrap_err();

            assert_eq!(refused, JoseError::Algorithm(alg.to_owned()));
        }
    }

    #[test]
    fn any_critical_extension_is_refused() {
        for crit in [json!(["b64"]), json!([]), json!(null)] {
            assert_eq!(
                Compact::parse(&token(&json!({"alg": "ES256", "crit": crit}), &json!({}))),
                Err(JoseError::Critical)
            );
        }
    }

    #[test]
    fn what_is_no_compact_jws_is_refused() {
        let good = token(&json!({"alg": "ES256"}), &json!({}));
        let private =
            json!({"alg": "EdDSA", "jwk": {"kty": "OKP", "crv": "Ed25519", "x": encode_base64url([1; 32]), "d": "AA"}});
        for text in [
            String::new(),
            "a.b".to_owned(),
            format!("{good}="),
            format!("{good}.AA"),
            good.replacen('.', "..", 1),
            "x".repeat(MAX_COMPACT_BYTES + 1),
            token(&json!(["ES256"]), &json!({})),
            token(&json!({"typ": "JWT"}), &json!({})),
            token(&private, &json!({})),
        ] {
            assert!(Compact::parse(&text).is_err(), "{text}");
        }
        let claims = token(&json!({"alg": "ES256"}), &json!(["array"]));
        assert!(Compact::parse(&claims).unwrap().claims::<Value>().is_err());
    }
}
