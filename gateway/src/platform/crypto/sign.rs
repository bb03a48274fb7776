//! The gateway's own key: Ed25519, for responses, access tokens and webhooks.
//!
//! Invariant: the seed leaves only through [`SigningKey::seed`], to be sealed and stored, and through
//! [`SigningKey::to_pkcs8_pem`], for the sandbox's demo key.

use std::fmt;

use aws_lc_rs::encoding::{AsBigEndian, Curve25519SeedBin};
use aws_lc_rs::hmac;
use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair};
use pem_rfc7468::LineEnding;
use quanzi_openapi::jose::{Jwk, PublicKey};
use secrecy::zeroize::Zeroizing;

use crate::platform::clock::Clock;

const PEM_LABEL: &str = "PRIVATE KEY";

/// An Ed25519 key pair.
pub struct SigningKey {
    pair: Ed25519KeyPair,
    seed: Zeroizing<[u8; 32]>,
    public: [u8; 32],
    kid: String,
}

/// The text or bytes are not an Ed25519 private key. Says nothing of what they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not an Ed25519 private key")]
pub struct KeyError;

impl SigningKey {
    /// A new key.
    pub fn generate(clock: &Clock) -> Result<Self, KeyError> {
        Self::from_seed(&Zeroizing::new(clock.random::<32>()))
    }

    /// The key of this seed.
    pub fn from_seed(seed: &[u8; 32]) -> Result<Self, KeyError> {
        let pair = Ed25519KeyPair::from_seed_unchecked(seed).map_err(|_| KeyError)?;
        let public: [u8; 32] = pair.public_key().as_ref().try_into().map_err(|_| KeyError)?;
        let kid = PublicKey::Ed25519(public).thumbprint();
        Ok(Self { pair, seed: Zeroizing::new(*seed), public, kid })
    }

    /// The seed, to be stored. The caller seals it.
    pub fn seed(&self) -> &[u8; 32] {
        &self.seed
    }

    /// The key as PKCS#8 in PEM, as openssl and every SDK read it.
    pub fn to_pkcs8_pem(&self) -> Result<Zeroizing<String>, KeyError> {
        let document = self.pair.to_pkcs8v1().map_err(|_| KeyError)?;
        let text = pem_rfc7468::encode_string(PEM_LABEL, LineEnding::LF, document.as_ref()).map_err(|_| KeyError)?;
        Ok(Zeroizing::new(text))
    }

    /// From PKCS#8 in PEM.
    pub fn from_pkcs8_pem(text: &str) -> Result<Self, KeyError> {
        let (label, der) = pem_rfc7468::decode_vec(text.as_bytes()).map_err(|_| KeyError)?;
        let der = Zeroizing::new(der);
        if label != PEM_LABEL {
            return Err(KeyError);
        }
        let pair = Ed25519KeyPair::from_pkcs8_maybe_unchecked(&der).map_err(|_| KeyError)?;
        let seed: Curve25519SeedBin<'_> = pair.seed().map_err(|_| KeyError)?.as_be_bytes().map_err(|_| KeyError)?;
        <&[u8; 32]>::try_from(seed.as_ref()).map_err(|_| KeyError).and_then(Self::from_seed)
    }

    /// Signs.
    pub fn sign(&self, message: &[u8]) -> Vec<u8> {
        self.pair.sign(message).as_ref().to_vec()
    }

    /// A code that only a holder of this key can make for this purpose and message. Processes that share the key agree on it.
    pub fn mac(&self, purpose: &str, message: &[u8]) -> [u8; 32] {
        // The seed itself never keys two things: each purpose has a key of its own.
        let purpose = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, self.seed.as_slice()), purpose.as_bytes());
        let code = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, purpose.as_ref()), message);
        let mut bytes = [0; 32];
        for (to, from) in bytes.iter_mut().zip(code.as_ref()) {
            *to = *from;
        }
        bytes
    }

    /// The thumbprint (RFC 7638).
    pub fn kid(&self) -> &str {
        &self.kid
    }

    /// The public half.
    pub fn public(&self) -> PublicKey {
        PublicKey::Ed25519(self.public)
    }

    /// The public half as it stands in the key set.
    pub fn jwk(&self) -> Jwk {
        let mut jwk = Jwk::new(self.public());
        jwk.kid = Some(self.kid.clone());
        jwk.usage = Some("sig".to_owned());
        jwk.alg = Some("EdDSA".to_owned());
        jwk
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SigningKey").field("kid", &self.kid).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::platform::crypto::VerifyingKey;
    use quanzi_openapi::jose::JwsAlgorithm;

    #[test]
    fn a_key_is_not_printed() {
        let key = SigningKey::from_seed(&[0xa7; 32]).unwrap();
        let printed = format!("{key:?} {key:#?}");

        assert!(printed.contains(key.kid()));
        assert!(!printed.contains("167") && !printed.to_lowercase().contains("a7, a7"), "{printed}");
    }

    #[test]
    fn a_key_survives_its_pem_and_signs_as_it_verifies() {
        let key = SigningKey::generate(&Clock::system()).unwrap();
        let again = SigningKey::from_pkcs8_pem(&key.to_pkcs8_pem().unwrap()).unwrap();
        let verifying = VerifyingKey::new(&key.public()).unwrap();

        assert_eq!(again.kid(), key.kid());
        assert!(verifying.verify_jws(JwsAlgorithm::EdDsa, b"text", &again.sign(b"text")));
        assert!(!verifying.verify_jws(JwsAlgorithm::EdDsa, b"texT", &again.sign(b"text")));
        assert_eq!(key.mac("a", b"1"), again.mac("a", b"1"));
        assert_ne!(key.mac("a", b"1"), key.mac("b", b"1"));
    }

    #[test]
    fn what_is_no_private_key_is_refused() {
        for text in ["", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n", "x"] {
            assert_eq!(SigningKey::from_pkcs8_pem(text).unwrap_err(), KeyError);
        }
    }
}
