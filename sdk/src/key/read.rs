//! Reads private keys in common formats, with errors that name what was found instead.

use quanzi_openapi::jose::{PublicKey, decode_base64url};
use serde::Deserialize;

use super::der::{self, Reader};
use super::{Key, RsaNumbers, pem, unusable};
use crate::error::Error;

pub(super) fn from_pem(text: &str) -> Result<Key, Error> {
    for block in pem::blocks(text) {
        let read = match block.label {
            "PRIVATE KEY" => pkcs8,
            "RSA PRIVATE KEY" => pkcs1,
            "EC PRIVATE KEY" => |der: &[u8]| sec1(der, None),
            // `openssl ecparam -genkey` writes this block before the key.
            "EC PARAMETERS" => continue,
            "ENCRYPTED PRIVATE KEY" => {
                return Err(unusable("the private key is encrypted: decrypt it first (openssl pkcs8)"));
            }
            "PUBLIC KEY" | "RSA PUBLIC KEY" | "CERTIFICATE" => {
                return Err(unusable(format!(
                    "this is a {}: signing needs the private key",
                    block.label.to_lowercase()
                )));
            }
            other => {
                let other: String = other.chars().take(40).collect();
                return Err(unusable(format!("a PEM block `{other}` is not a private key")));
            }
        };
        let der =
            block.der.ok_or_else(|| unusable("the PEM block is not base64, or is encrypted: decrypt it first"))?;
        return read(&der);
    }
    Err(unusable("no PEM block found: the text must contain -----BEGIN PRIVATE KEY-----"))
}

fn pkcs8(bytes: &[u8]) -> Result<Key, Error> {
    let broken = || unusable("the PKCS#8 key is damaged");
    let mut key = Reader(Reader(bytes).take(der::SEQUENCE).ok_or_else(broken)?);
    key.number().ok_or_else(broken)?;
    let mut algorithm = Reader(key.take(der::SEQUENCE).ok_or_else(broken)?);
    let inner = key.take(der::OCTET_STRING).ok_or_else(broken)?;
    match algorithm.take(der::OBJECT_ID).ok_or_else(broken)? {
        der::ED25519 => {
            let seed = Reader(inner).take(der::OCTET_STRING).ok_or_else(broken)?;
            Key::ed25519(seed.try_into().map_err(|_| broken())?)
        }
        der::EC => sec1(inner, algorithm.take(der::OBJECT_ID)),
        der::RSA | der::RSA_PSS => pkcs1(inner),
        _ => Err(unusable("the key type is not supported: use Ed25519, P-256 or RSA")),
    }
}

fn pkcs1(bytes: &[u8]) -> Result<Key, Error> {
    let numbers = || {
        let mut key = Reader(Reader(bytes).take(der::SEQUENCE)?);
        // Version 1 has more than two primes, which nothing here can use.
        if !key.number()?.is_empty() {
            return None;
        }
        RsaNumbers::read(&mut key)
    };
    Key::rsa(numbers().ok_or_else(|| unusable("the RSA key is damaged"))?)
}

/// RFC 5915. The curve is named inside, or outside in PKCS#8.
fn sec1(bytes: &[u8], curve: Option<&[u8]>) -> Result<Key, Error> {
    let broken = || unusable("the EC key is damaged");
    let mut key = Reader(Reader(bytes).take(der::SEQUENCE).ok_or_else(broken)?);
    key.number().ok_or_else(broken)?;
    let secret = key.take(der::OCTET_STRING).ok_or_else(broken)?;
    let curve = key.take_if(der::CONTEXT_0).and_then(|inner| Reader(inner).take(der::OBJECT_ID)).or(curve);
    if curve != Some(der::P256) {
        return Err(unusable("the EC key is not on P-256, the only supported curve"));
    }
    let point = key.take_if(der::CONTEXT_1).and_then(|inner| Reader(inner).take(der::BIT_STRING));
    let point = point.and_then(|bits| bits.strip_prefix(&[0])).ok_or_else(|| {
        unusable("the EC key lacks its public half: rewrite it with `openssl ec -in key.pem -out new.pem`")
    })?;
    Key::p256(secret, point)
}

/// The members of a private JWK (RFC 7518, 6.2.2 and 6.3.2; RFC 8037, 2).
#[derive(Deserialize)]
struct PrivateJwk {
    kty: String,
    crv: Option<String>,
    x: Option<String>,
    y: Option<String>,
    n: Option<String>,
    e: Option<String>,
    d: Option<String>,
    p: Option<String>,
    q: Option<String>,
    dp: Option<String>,
    dq: Option<String>,
    qi: Option<String>,
}

pub(super) fn from_jwk(json: &str) -> Result<Key, Error> {
    // The parser's message could quote the text, which is a private key.
    let jwk: PrivateJwk =
        serde_json::from_str(json).map_err(|_| unusable("the text is not a JWK: a JSON object with `kty`"))?;
    let d = member("d", jwk.d.as_deref()).map_err(|_| unusable("the JWK has no `d`: signing needs the private key"))?;
    match (jwk.kty.as_str(), jwk.crv.as_deref()) {
        ("OKP", Some("Ed25519")) => {
            let key = Key::ed25519(d.try_into().map_err(|_| unusable("`d` of an Ed25519 key has 32 bytes"))?)?;
            let x = member("x", jwk.x.as_deref())?;
            let fits = matches!(&key.public.key, PublicKey::Ed25519(own) if own.as_slice() == x);
            if fits { Ok(key) } else { Err(unusable("`x` and `d` of the JWK do not belong together")) }
        }
        ("EC", Some("P-256")) => {
            let (x, y) = (member("x", jwk.x.as_deref())?, member("y", jwk.y.as_deref())?);
            Key::p256(&d, &[&[4], x.as_slice(), &y].concat())
        }
        ("RSA", _) => {
            let (n, e) = (member("n", jwk.n.as_deref())?, member("e", jwk.e.as_deref())?);
            if jwk.p.is_none() {
                return without_primes(&n, &e, &d);
            }
            let number = |name, value: Option<String>| member(name, value.as_deref());
            Key::rsa(RsaNumbers {
                n,
                e,
                d,
                p: number("p", jwk.p)?,
                q: number("q", jwk.q)?,
                dp: number("dp", jwk.dp)?,
                dq: number("dq", jwk.dq)?,
                qi: number("qi", jwk.qi)?,
            })
        }
        _ => Err(unusable("the JWK type is not supported: use OKP with Ed25519, EC with P-256, or RSA")),
    }
}

#[cfg(feature = "rsa")]
fn without_primes(n: &[u8], e: &[u8], d: &[u8]) -> Result<Key, Error> {
    Key::rsa(RsaNumbers::from_exponents(n, e, d)?)
}

#[cfg(not(feature = "rsa"))]
fn without_primes(_: &[u8], _: &[u8], _: &[u8]) -> Result<Key, Error> {
    Err(unusable("the RSA JWK lacks its primes: add p, q, dp, dq and qi, or turn on the feature `rsa`"))
}

fn member(name: &'static str, value: Option<&str>) -> Result<Vec<u8>, Error> {
    let bytes = value.and_then(decode_base64url);
    bytes.ok_or_else(|| unusable(format!("member `{name}` of the JWK is missing or not base64url")))
}

/// The public half as SPKI (RFC 5280, 4.1.2.7).
pub(super) fn spki(public: &PublicKey) -> Vec<u8> {
    use der::{BIT_STRING, OBJECT_ID, SEQUENCE, element, number};
    let (algorithm, key) = match public {
        PublicKey::Ed25519(x) => (element(OBJECT_ID, &[der::ED25519]), x.to_vec()),
        PublicKey::Rsa { n, e } => {
            ([element(OBJECT_ID, &[der::RSA]), vec![5, 0]].concat(), element(SEQUENCE, &[&number(n), &number(e)]))
        }
        // The one kind that is left; the enum is open.
        other => (
            [element(OBJECT_ID, &[der::EC]), element(OBJECT_ID, &[der::P256])].concat(),
            other.sec1().map(|point| point.to_vec()).unwrap_or_default(),
        ),
    };
    element(SEQUENCE, &[&element(SEQUENCE, &[&algorithm]), &element(BIT_STRING, &[&[0], &key])])
}
