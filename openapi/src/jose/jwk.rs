//! Public keys as JSON (RFC 7517, 7518, 8037) and their thumbprints (RFC 7638).
//!
//! Invariant: a [`Jwk`] that exists is a public Ed25519, P-256 or RSA key of 2048 to 8192 bits in canonical encoding, so
//! one key has one thumbprint. Private members are detected and refused, never stored.

use std::fmt::Write as _;

use serde::{Deserialize, Serialize, de::IgnoredAny};
use sha2::{Digest as _, Sha256};

use super::{decode_base64url, encode_base64url};

use crate::schema::ToSchema;

const RSA_BITS_MIN: usize = 2048;
const RSA_BITS_MAX: usize = 8192;

/// A public key with the optional members that say what it is for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Members", into = "PublicMembers")]
#[non_exhaustive]
pub struct Jwk {
    /// The key itself.
    pub key: PublicKey,
    /// `kid`. This platform uses the thumbprint.
    pub kid: Option<String>,
    /// `use`, such as `sig`.
    pub usage: Option<String>,
    /// `alg`, as given; a JOSE or an HTTP-signature name.
    pub alg: Option<String>,
}

/// The numbers of a public key, decoded.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum PublicKey {
    /// `OKP` with `Ed25519`.
    Ed25519([u8; 32]),
    /// `EC` with `P-256`: big-endian coordinates. Whether the point lies on the curve is for the crypto library to say.
    P256 {
        /// The x coordinate.
        x: [u8; 32],
        /// The y coordinate.
        y: [u8; 32],
    },
    /// `RSA`: big-endian, without leading zeros.
    Rsa {
        /// The modulus.
        n: Vec<u8>,
        /// The public exponent.
        e: Vec<u8>,
    },
}

/// Why a key was not accepted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum JwkError {
    /// A private or symmetric member is there. Treat the key as disclosed.
    #[error("the key contains the private member `{0}`: make a new key pair and send only its public half")]
    Private(&'static str),
    /// The type or curve is not supported.
    #[error("key type `{0}` is not supported: use OKP with Ed25519, EC with P-256, or RSA")]
    Unsupported(String),
    /// A member is missing, not base64url, or of the wrong length.
    #[error("member `{0}` of the key is missing or not canonical base64url of the right length")]
    Member(&'static str),
    /// An RSA key outside 2048 to 8192 bits.
    #[error("the RSA key has {0} bits: use 2048 to 8192")]
    Size(usize),
}

impl Jwk {
    /// A key without optional members.
    pub const fn new(key: PublicKey) -> Self {
        Self { key, kid: None, usage: None, alg: None }
    }

    /// Read a key from a JSON text.
    ///
    /// # Errors
    /// A [`serde_json::Error`] whose text is that of [`JwkError`] when the JSON itself was fine.
    pub fn from_json(json: &str) -> Result<Self, serde_json::Error> {
        serde_json::from_str(json)
    }

    /// The RFC 7638 thumbprint: base64url of the SHA-256 of the required members. This is our `kid` and `keyid`.
    pub fn thumbprint(&self) -> String {
        self.key.thumbprint()
    }
}

impl PublicKey {
    /// The RFC 7638 thumbprint (base64url, SHA-256).
    pub fn thumbprint(&self) -> String {
        // Members in lexicographic order, no white space; every value is base64url, so nothing needs escaping.
        let canonical = match self {
            Self::Ed25519(x) => format!(r#"{{"crv":"Ed25519","kty":"OKP","x":"{}"}}"#, encode_base64url(x)),
            Self::P256 { x, y } => {
                format!(r#"{{"crv":"P-256","kty":"EC","x":"{}","y":"{}"}}"#, encode_base64url(x), encode_base64url(y))
            }
            Self::Rsa { n, e } => {
                format!(r#"{{"e":"{}","kty":"RSA","n":"{}"}}"#, encode_base64url(e), encode_base64url(n))
            }
        };
        encode_base64url(Sha256::digest(canonical))
    }

    /// The uncompressed SEC 1 point `04 || x || y` of a P-256 key, as crypto libraries want it.
    pub fn sec1(&self) -> Option<[u8; 65]> {
        let Self::P256 { x, y } = self else { return None };
        let mut point = [4; 65];
        let (_, coordinates) = point.split_at_mut(1);
        for (to, from) in coordinates.iter_mut().zip(x.iter().chain(y)) {
            *to = *from;
        }
        Some(point)
    }

    fn kty(&self) -> &'static str {
        match self {
            Self::Ed25519(_) => "OKP",
            Self::P256 { .. } => "EC",
            Self::Rsa { .. } => "RSA",
        }
    }
}

/// What is read: public members, and the names of private ones only to notice them. Others are ignored.
#[derive(Deserialize)]
struct Members {
    #[serde(flatten)]
    public: PublicMembers,
    d: Option<IgnoredAny>,
    p: Option<IgnoredAny>,
    q: Option<IgnoredAny>,
    dp: Option<IgnoredAny>,
    dq: Option<IgnoredAny>,
    qi: Option<IgnoredAny>,
    oth: Option<IgnoredAny>,
    k: Option<IgnoredAny>,
    #[serde(rename = "priv")]
    private: Option<IgnoredAny>,
}

/// What is written, and the schema of a key in the document.
#[derive(Serialize, Deserialize, ToSchema)]
#[schema(as = Jwk)]
pub(crate) struct PublicMembers {
    /// `OKP`, `EC` or `RSA`.
    kty: String,
    /// `Ed25519` or `P-256`; absent for RSA.
    #[serde(skip_serializing_if = "Option::is_none")]
    crv: Option<String>,
    /// The Ed25519 key, or the x coordinate: base64url, 32 bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    x: Option<String>,
    /// The y coordinate: base64url, 32 bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    y: Option<String>,
    /// The RSA modulus, base64url.
    #[serde(skip_serializing_if = "Option::is_none")]
    n: Option<String>,
    /// The RSA exponent, base64url.
    #[serde(skip_serializing_if = "Option::is_none")]
    e: Option<String>,
    /// Key id.
    #[serde(skip_serializing_if = "Option::is_none")]
    kid: Option<String>,
    /// What the key is for; `sig`.
    #[serde(rename = "use", skip_serializing_if = "Option::is_none")]
    usage: Option<String>,
    /// The algorithm the key is for.
    #[serde(skip_serializing_if = "Option::is_none")]
    alg: Option<String>,
}

impl TryFrom<Members> for Jwk {
    type Error = JwkError;

    fn try_from(members: Members) -> Result<Self, JwkError> {
        for (name, private) in [
            ("d", &members.d),
            ("p", &members.p),
            ("q", &members.q),
            ("dp", &members.dp),
            ("dq", &members.dq),
            ("qi", &members.qi),
            ("oth", &members.oth),
            ("k", &members.k),
            ("priv", &members.private),
        ] {
            if private.is_some() {
                return Err(JwkError::Private(name));
            }
        }
        let public = members.public;
        let key = match (public.kty.as_str(), public.crv.as_deref()) {
            ("OKP", Some("Ed25519")) => PublicKey::Ed25519(fixed("x", public.x.as_deref())?),
            ("EC", Some("P-256")) => {
                PublicKey::P256 { x: fixed("x", public.x.as_deref())?, y: fixed("y", public.y.as_deref())? }
            }
            ("RSA", None) => rsa(public.n.as_deref(), public.e.as_deref())?,
            (kty, crv) => return Err(JwkError::Unsupported(named(kty, crv))),
        };
        Ok(Self { key, kid: public.kid, usage: public.usage, alg: public.alg })
    }
}

impl From<Jwk> for PublicMembers {
    fn from(jwk: Jwk) -> Self {
        let mut members = Self {
            kty: jwk.key.kty().to_owned(),
            crv: None,
            x: None,
            y: None,
            n: None,
            e: None,
            kid: jwk.kid,
            usage: jwk.usage,
            alg: jwk.alg,
        };
        match jwk.key {
            PublicKey::Ed25519(x) => {
                members.crv = Some("Ed25519".to_owned());
                members.x = Some(encode_base64url(x));
            }
            PublicKey::P256 { x, y } => {
                members.crv = Some("P-256".to_owned());
                members.x = Some(encode_base64url(x));
                members.y = Some(encode_base64url(y));
            }
            PublicKey::Rsa { n, e } => {
                members.n = Some(encode_base64url(n));
                members.e = Some(encode_base64url(e));
            }
        }
        members
    }
}

fn fixed(name: &'static str, value: Option<&str>) -> Result<[u8; 32], JwkError> {
    let bytes = value.and_then(decode_base64url).ok_or(JwkError::Member(name))?;
    bytes.try_into().map_err(|_| JwkError::Member(name))
}

fn rsa(n: Option<&str>, e: Option<&str>) -> Result<PublicKey, JwkError> {
    let n = n.filter(|n| n.len() <= RSA_BITS_MAX / 4).and_then(decode_base64url).ok_or(JwkError::Member("n"))?;
    let e = e.filter(|e| e.len() <= 8).and_then(decode_base64url).ok_or(JwkError::Member("e"))?;
    let (Some(first), Some(true)) = (n.first().filter(|first| **first != 0), n.last().map(|last| last % 2 == 1)) else {
        return Err(JwkError::Member("n"));
    };
    let bits = n.len() * 8 - first.leading_zeros() as usize;
    if !(RSA_BITS_MIN..=RSA_BITS_MAX).contains(&bits) {
        return Err(JwkError::Size(bits));
    }
    let odd_above_one = e.last().is_some_and(|last| last % 2 == 1) && e != [1];
    if !odd_above_one || e.first() == Some(&0) {
        return Err(JwkError::Member("e"));
    }
    Ok(PublicKey::Rsa { n, e })
}

/// The unsupported type, shortened: it is the sender's text.
fn named(kty: &str, crv: Option<&str>) -> String {
    let mut out: String = kty.chars().take(16).collect();
    if let Some(crv) = crv {
        let short: String = crv.chars().take(16).collect();
        let _ = write!(out, " {short}"); // writing to a String cannot fail
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    const ED: &str = r#"{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}"#;
    const RSA: &str = r#"{"kty":"RSA","n":"0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw","e":"AQAB","alg":"RS256","kid":"2011-04-29"}"#;

    #[test]
    fn thumbprints_are_those_of_the_rfcs() {
        // RFC 7638 section 3.1, RFC 8037 appendix A.3.
        assert_eq!(Jwk::from_json(RSA).unwrap().thumbprint(), "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs");
        assert_eq!(Jwk::from_json(ED).unwrap().thumbprint(), "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k");
    }

    #[test]
    fn a_private_member_is_refused_even_when_it_is_not_a_string() {
        for member in ["\"d\":\"AA\"", "\"d\":null,\"p\":1", "\"k\":\"AA\"", "\"priv\":\"AA\"", "\"oth\":[{}]"] {
            let refused = Jwk::from_json(&ED.replace('{', &format!("{{{member},"))).map_err(|error| error.to_string());

            assert!(refused.unwrap_err().contains("private member"), "{member}");
        }
    }

    #[test]
    fn a_key_survives_the_way_and_unknown_members_do_not_matter() {
        for json in [ED, RSA] {
            let jwk = Jwk::from_json(&json.replace('{', "{\"x5t\":\"x\",\"exp\":1,")).unwrap();
            let written = serde_json::to_string(&jwk).unwrap();

            assert_eq!(Jwk::from_json(&written).unwrap(), jwk);
            assert!(!written.contains("null") && !written.contains("x5t"));
        }
    }

    #[test]
    fn weak_foreign_and_sloppy_keys_are_refused() {
        for json in [
            r#"{"kty":"oct"}"#,
            r#"{"kty":"EC","crv":"P-384","x":"AA","y":"AA"}"#,
            r#"{"kty":"OKP","crv":"X25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}"#,
            r#"{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo="}"#,
            r#"{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHUR"}"#,
            r#"{"kty":"OKP","crv":"Ed25519"}"#,
            r#"{"kty":"RSA","n":"0vx7agoebGcQSuuPiLJXZptN","e":"AQAB"}"#,
            &RSA.replace("AQAB", "AQ"),
            &RSA.replace("AQAB", "AAEAAQ"),
            &RSA.replace("\"0vx7", "\"AAAA0vx7"),
            "[]",
        ] {
            assert!(Jwk::from_json(json).is_err(), "{json}");
        }
    }

    #[test]
    fn only_a_p256_key_has_a_point() {
        let key = PublicKey::P256 { x: [1; 32], y: [2; 32] };

        assert_eq!(key.sec1().map(|point| (point[0], point[1], point[64])), Some((4, 1, 2)));
        assert_eq!(PublicKey::Ed25519([0; 32]).sec1(), None);
    }
}
