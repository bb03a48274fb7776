//! RSA in pure Rust, through the crate `rsa`: generates keys, completes them, and signs where ring does not.
//!
//! Because of the crate's timing leak (RUSTSEC-2023-0071) it signs only on request or when ring does not support the key
//! size; every private operation here is blinded.

use rsa::pkcs1::{DecodeRsaPrivateKey as _, EncodeRsaPrivateKey as _};
use rsa::sha2::{Sha256, Sha512};
use rsa::signature::{RandomizedSigner as _, SignatureEncoding as _};
use rsa::{BigUint, RsaPrivateKey, pkcs1v15, pss};

use super::der::{self, Reader};
use super::{Key, Material, RsaNumbers, RsaPadding, RsaPair, unusable};
use crate::error::Error;
use crate::system::random_for_rsa;

/// RSA key sizes the platform accepts.
const BITS: std::ops::RangeInclusive<usize> = 2048..=8192;

impl Key {
    /// Generates an RSA key of 2048 to 8192 bits; takes seconds. Prefer [`Key::generate`] unless one of your tools needs
    /// RSA.
    pub fn generate_rsa(bits: usize) -> Result<Self, Error> {
        if !BITS.contains(&bits) {
            return Err(unusable("an RSA key has 2048 to 8192 bits"));
        }
        let key = RsaPrivateKey::new(&mut random_for_rsa(), bits).map_err(broken)?;
        Self::rsa(RsaNumbers::from_crate(&key)?)
    }

    /// The same RSA key, signing in pure Rust instead of ring (for targets where only that is allowed).
    pub fn in_pure_rust(mut self) -> Result<Self, Error> {
        let Material::Rsa { numbers, .. } = &*self.material else {
            return Err(unusable("only an RSA key can sign in pure Rust"));
        };
        let pair = RsaPair::PureRust(Box::new(numbers.pure_rust()?));
        self.material = std::sync::Arc::new(Material::Rsa { numbers: numbers.clone(), pair });
        Ok(self)
    }
}

impl RsaNumbers {
    pub(super) fn pure_rust(&self) -> Result<RsaPrivateKey, Error> {
        RsaPrivateKey::from_pkcs1_der(&self.pkcs1()).map_err(broken)
    }

    /// Computes the primes of a key that came without them.
    pub(super) fn from_exponents(n: &[u8], e: &[u8], d: &[u8]) -> Result<Self, Error> {
        let [n, e, d] = [n, e, d].map(BigUint::from_bytes_be);
        Self::from_crate(&RsaPrivateKey::from_components(n, e, d, Vec::new()).map_err(broken)?)
    }

    fn from_crate(key: &RsaPrivateKey) -> Result<Self, Error> {
        let pkcs1 = key.to_pkcs1_der().map_err(broken)?;
        let read = || {
            let mut key = Reader(Reader(pkcs1.as_bytes()).take(der::SEQUENCE)?);
            key.number()?;
            Self::read(&mut key)
        };
        read().ok_or_else(|| unusable("the RSA key is damaged"))
    }
}

pub(super) fn sign(key: &RsaPrivateKey, padding: RsaPadding, bytes: &[u8]) -> Result<Vec<u8>, Error> {
    let key = key.clone();
    Ok(match padding {
        RsaPadding::PssSha512 => {
            let signer = pss::BlindedSigningKey::<Sha512>::new_with_salt_len(key, 64);
            signer.try_sign_with_rng(&mut random_for_rsa(), bytes).map_err(broken)?.to_vec()
        }
        RsaPadding::PssSha256 => {
            let signer = pss::BlindedSigningKey::<Sha256>::new_with_salt_len(key, 32);
            signer.try_sign_with_rng(&mut random_for_rsa(), bytes).map_err(broken)?.to_vec()
        }
        RsaPadding::V15Sha256 => {
            let signer = pkcs1v15::SigningKey::<Sha256>::new(key);
            signer.try_sign_with_rng(&mut random_for_rsa(), bytes).map_err(broken)?.to_vec()
        }
    })
}

fn broken(error: impl std::fmt::Display) -> Error {
    unusable(format!("the RSA key cannot be used: {error}"))
}
