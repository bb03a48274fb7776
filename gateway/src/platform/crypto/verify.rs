//! Public keys, parsed and ready to verify.

use std::fmt;

use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ED25519, ParsedPublicKey, RSA_PKCS1_2048_8192_SHA256, RSA_PSS_2048_8192_SHA256,
    RSA_PSS_2048_8192_SHA512, RsaPublicKeyComponents,
};
use quanzi_openapi::jose::{JwsAlgorithm, PublicKey};
use quanzi_openapi::signature::Algorithm;

/// A parsed public key. Cheap to verify with, dear to make: holders keep it.
pub struct VerifyingKey(Parsed);

enum Parsed {
    Ed25519(ParsedPublicKey),
    P256(ParsedPublicKey),
    Rsa { pss_sha512: ParsedPublicKey, pss_sha256: ParsedPublicKey, v15_sha256: ParsedPublicKey },
}

/// The numbers are not those of a key one can verify with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the numbers are not a valid public key")]
pub struct UnusableKey;

/// Ed25519 points of small order, without the sign bit: a signature "of" such a key fits every message.
const SMALL_ORDER: [[u8; 32]; 7] = [
    little(0, 0, 0),
    little(1, 0, 0),
    *b"\x26\xe8\x95\x8f\xc2\xb2\x27\xb0\x45\xc3\xf4\x89\xf2\xef\x98\xf0\xd5\xdf\xac\x05\xd3\xc6\x33\x39\xb1\x38\x02\x88\x6d\x53\xfc\x05",
    *b"\xc7\x17\x6a\x70\x3d\x4d\xd8\x4f\xba\x3c\x0b\x76\x0d\x10\x67\x0f\x2a\x20\x53\xfa\x2c\x39\xcc\xc6\x4e\xc7\xfd\x77\x92\xac\x03\x7a",
    little(0xec, 0xff, 0x7f),
    little(0xed, 0xff, 0x7f),
    little(0xee, 0xff, 0x7f),
];

const fn little(first: u8, middle: u8, last: u8) -> [u8; 32] {
    let mut bytes = [middle; 32];
    let [start, .., end] = &mut bytes;
    *start = first;
    *end = last;
    bytes
}

impl VerifyingKey {
    /// Parses the key.
    pub fn new(key: &PublicKey) -> Result<Self, UnusableKey> {
        let parsed = match key {
            PublicKey::Ed25519(point) => {
                let mut unsigned = *point;
                if let Some(last) = unsigned.last_mut() {
                    *last &= 0x7f;
                }
                if SMALL_ORDER.contains(&unsigned) {
                    return Err(UnusableKey);
                }
                Parsed::Ed25519(ParsedPublicKey::new(&ED25519, point).map_err(|_| UnusableKey)?)
            }
            PublicKey::P256 { .. } => {
                let point = key.sec1().ok_or(UnusableKey)?;
                Parsed::P256(ParsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point).map_err(|_| UnusableKey)?)
            }
            PublicKey::Rsa { n, e } => {
                let numbers = RsaPublicKeyComponents { n, e };
                // Their salt is as long as the digest and no other: 64 and 32 bytes.
                let parse = |parameters| numbers.to_parsed_public_key(parameters).map_err(|_| UnusableKey);
                Parsed::Rsa {
                    pss_sha512: parse(&RSA_PSS_2048_8192_SHA512)?,
                    pss_sha256: parse(&RSA_PSS_2048_8192_SHA256)?,
                    v15_sha256: parse(&RSA_PKCS1_2048_8192_SHA256)?,
                }
            }
            _ => return Err(UnusableKey),
        };
        Ok(Self(parsed))
    }

    /// Whether the HTTP message signature fits (RFC 9421, 3.3). An algorithm of another kind of key never does.
    pub fn verify(&self, algorithm: Algorithm, message: &[u8], signature: &[u8]) -> bool {
        let key = match (algorithm, &self.0) {
            (Algorithm::Ed25519, Parsed::Ed25519(key)) | (Algorithm::EcdsaP256Sha256, Parsed::P256(key)) => key,
            (Algorithm::RsaPssSha512, Parsed::Rsa { pss_sha512, .. }) => pss_sha512,
            (Algorithm::RsaV15Sha256, Parsed::Rsa { v15_sha256, .. }) => v15_sha256,
            _ => return false,
        };
        key.verify_sig(message, signature).is_ok()
    }

    /// Whether the signature of a JWS fits (RFC 7518, 3.1).
    pub fn verify_jws(&self, algorithm: JwsAlgorithm, message: &[u8], signature: &[u8]) -> bool {
        let key = match (algorithm, &self.0) {
            (JwsAlgorithm::EdDsa, Parsed::Ed25519(key)) | (JwsAlgorithm::Es256, Parsed::P256(key)) => key,
            (JwsAlgorithm::Ps256, Parsed::Rsa { pss_sha256, .. }) => pss_sha256,
            _ => return false,
        };
        key.verify_sig(message, signature).is_ok()
    }
}

impl fmt::Debug for VerifyingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.0 {
            Parsed::Ed25519(_) => "VerifyingKey(Ed25519)",
            Parsed::P256(_) => "VerifyingKey(P-256)",
            Parsed::Rsa { .. } => "VerifyingKey(RSA)",
        })
    }
}
