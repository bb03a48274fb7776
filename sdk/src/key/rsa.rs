//! RSA in pure Rust, through the crate `rsa`: generates keys, completes them, and signs where ring does not.
//!
//! Signing here is several times slower than with ring, so it is for keys that ring does not support and for callers who ask for it.
//! The crate blinds every private operation.

use rsa::pkcs1::EncodeRsaPrivateKey as _;
use rsa::sha2::{Sha256, Sha512};
use rsa::signature::{RandomizedSigner as _, SignatureEncoding as _};
use rsa::{BoxedUint, PrivateKey, pkcs1v15, pss};

use super::der::{self, Reader};
use super::{Key, Material, RsaNumbers, RsaPadding, RsaPair, unusable};
use crate::error::Error;
use crate::system::RandomForRsa;

/// RSA key sizes the platform accepts.
const BITS: std::ops::RangeInclusive<usize> = 2048..=8192;

impl Key {
    /// Generates an RSA key of 2048 to 8192 bits; takes seconds. Prefer [`Key::generate`] unless one of your tools needs
    /// RSA.
    pub fn generate_rsa(bits: usize) -> Result<Self, Error> {
        if !BITS.contains(&bits) {
            return Err(unusable("an RSA key has 2048 to 8192 bits"));
        }
        let key = PrivateKey::new(&mut RandomForRsa::new(), bits).map_err(broken)?;
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
    pub(super) fn pure_rust(&self) -> Result<PrivateKey, Error> {
        let [modulus, public, private] = [&self.n, &self.e, &self.d].map(|number| number_of(number));
        let primes = vec![number_of(&self.p), number_of(&self.q)];
        // Wide, because ring refuses primes of different lengths, and whoever comes here may have such a key.
        PrivateKey::from_components_with_wide_primes(modulus, public, private, primes).map_err(broken)
    }

    /// Computes the primes of a key that came without them.
    pub(super) fn from_exponents(n: &[u8], e: &[u8], d: &[u8]) -> Result<Self, Error> {
        let [n, e, d] = [n, e, d].map(number_of);
        Self::from_crate(&PrivateKey::from_components_with_wide_primes(n, e, d, Vec::new()).map_err(broken)?)
    }

    fn from_crate(key: &PrivateKey) -> Result<Self, Error> {
        let pkcs1 = key.to_pkcs1_der().map_err(broken)?;
        let read = || {
            let mut key = Reader(Reader(pkcs1.as_bytes()).take(der::SEQUENCE)?);
            key.number()?;
            Self::read(&mut key)
        };
        read().ok_or_else(|| unusable("the RSA key is damaged"))
    }
}

pub(super) fn sign(key: &PrivateKey, padding: RsaPadding, bytes: &[u8]) -> Result<Vec<u8>, Error> {
    let key = key.clone();
    Ok(match padding {
        RsaPadding::PssSha512 => {
            let signer = pss::SigningKey::<Sha512>::new_with_salt_len(key, 64);
            signer.try_sign_with_rng(&mut RandomForRsa::new(), bytes).map_err(broken)?.to_vec()
        }
        RsaPadding::PssSha256 => {
            let signer = pss::SigningKey::<Sha256>::new_with_salt_len(key, 32);
            signer.try_sign_with_rng(&mut RandomForRsa::new(), bytes).map_err(broken)?.to_vec()
        }
        RsaPadding::V15Sha256 => {
            let signer = pkcs1v15::SigningKey::<Sha256>::new(key);
            signer.try_sign_with_rng(&mut RandomForRsa::new(), bytes).map_err(broken)?.to_vec()
        }
    })
}

fn number_of(bytes: &[u8]) -> BoxedUint {
    BoxedUint::from_be_slice_vartime(bytes)
}

fn broken(error: impl std::fmt::Display) -> Error {
    unusable(format!("the RSA key cannot be used: {error}"))
}
