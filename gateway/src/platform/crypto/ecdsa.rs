//! The gateway's key for ID tokens: P-256, which every OpenID Connect library supports.
//!
//! Invariant: the private half leaves only through [`EcdsaKey::to_pkcs8`], to be sealed and stored.

use std::fmt;

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _};
use quanzi_openapi::jose::{Jwk, PublicKey};
use secrecy::zeroize::Zeroizing;

use super::KeyError;

/// A P-256 key pair.
pub struct EcdsaKey {
    pair: EcdsaKeyPair,
    public: PublicKey,
    kid: String,
}

impl EcdsaKey {
    /// A new key. Its randomness is the library's own: such a key has no seed that could be handed in.
    pub fn generate() -> Result<Self, KeyError> {
        Self::of(EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).map_err(|_| KeyError)?)
    }

    /// From PKCS#8 in DER.
    pub fn from_pkcs8(der: &[u8]) -> Result<Self, KeyError> {
        Self::of(EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, der).map_err(|_| KeyError)?)
    }

    /// PKCS#8 in DER, to be stored. The caller seals it.
    pub fn to_pkcs8(&self) -> Result<Zeroizing<Vec<u8>>, KeyError> {
        Ok(Zeroizing::new(self.pair.to_pkcs8v1().map_err(|_| KeyError)?.as_ref().to_vec()))
    }

    fn of(pair: EcdsaKeyPair) -> Result<Self, KeyError> {
        // SEC 1, uncompressed: 4, then both coordinates.
        let point = pair.public_key().as_ref();
        let coordinate = |from: usize| point.get(from..from + 32).and_then(|part| part.try_into().ok()).ok_or(KeyError);
        let public = PublicKey::P256 { x: coordinate(1)?, y: coordinate(33)? };
        let kid = public.thumbprint();
        Ok(Self { pair, public, kid })
    }

    /// Signs: `r || s`, as a JWS wants it.
    pub fn sign(&self, message: &[u8]) -> Result<Vec<u8>, KeyError> {
        let signature = self.pair.sign_digest(&digest(&SHA256, message)).map_err(|_| KeyError)?;
        Ok(signature.as_ref().to_vec())
    }

    /// The thumbprint (RFC 7638).
    pub fn kid(&self) -> &str {
        &self.kid
    }

    /// The public half as it stands in the key set.
    pub fn jwk(&self) -> Jwk {
        let mut jwk = Jwk::new(self.public.clone());
        jwk.kid = Some(self.kid.clone());
        jwk.usage = Some("sig".to_owned());
        jwk.alg = Some("ES256".to_owned());
        jwk
    }
}

impl fmt::Debug for EcdsaKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EcdsaKey").field("kid", &self.kid).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::platform::crypto::VerifyingKey;
    use quanzi_openapi::jose::JwsAlgorithm;

    #[test]
    fn a_key_survives_its_storage_and_signs_as_it_verifies() {
        let key = EcdsaKey::generate().unwrap();
        let again = EcdsaKey::from_pkcs8(&key.to_pkcs8().unwrap()).unwrap();
        let verifying = VerifyingKey::new(&key.jwk().key).unwrap();

        assert_eq!((again.kid(), key.jwk().alg.as_deref()), (key.kid(), Some("ES256")));
        assert!(verifying.verify_jws(JwsAlgorithm::Es256, b"text", &again.sign(b"text").unwrap()));
        assert!(!verifying.verify_jws(JwsAlgorithm::Es256, b"texT", &again.sign(b"text").unwrap()));
        assert!(EcdsaKey::from_pkcs8(b"nonsense").is_err());
    }
}
