//! Encrypts small secrets for a browser's cookie: AES-256-GCM.
//!
//! Invariant: each text is sealed under its own nonce (96 random bits: enough for four billion texts per key).

use std::fmt;

use quanzi_openapi::jose::{decode_base64url, encode_base64url};
use ring::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use ring::rand::SecureRandom as _;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::error::{Error, ErrorKind};
use crate::system::random;

/// Binds the ciphertext to this purpose.
const PURPOSE: &[u8] = b"quanzi pending authorization 1";

/// A key of your site to encrypt cookies with. All your processes must share one.
pub struct SealingKey(LessSafeKey);

impl SealingKey {
    /// A key from 32 random bytes that you keep secret.
    pub fn new(bytes: &[u8; 32]) -> Result<Self, Error> {
        Ok(Self(LessSafeKey::new(UnboundKey::new(&AES_256_GCM, bytes).map_err(|_| unusable())?)))
    }

    /// A new random key, for a program that may forget pending sign-ins when it exits.
    pub fn generate() -> Result<Self, Error> {
        let mut bytes = [0; 32];
        random().fill(&mut bytes).map_err(|_| unusable())?;
        Self::new(&bytes)
    }

    pub(super) fn seal(&self, value: &impl Serialize) -> Result<String, Error> {
        let mut bytes = serde_json::to_vec(value).map_err(|_| unusable())?;
        let mut nonce = [0; NONCE_LEN];
        random().fill(&mut nonce).map_err(|_| unusable())?;
        let sealing = Nonce::assume_unique_for_key(nonce);
        self.0.seal_in_place_append_tag(sealing, Aad::from(PURPOSE), &mut bytes).map_err(|_| unusable())?;
        Ok(encode_base64url([&nonce[..], &bytes].concat()))
    }

    pub(super) fn open<T: DeserializeOwned>(&self, sealed: &str) -> Option<T> {
        let mut bytes = decode_base64url(sealed)?;
        let (nonce, rest) = bytes.split_at_mut_checked(NONCE_LEN)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
        let opened = self.0.open_in_place(nonce, Aad::from(PURPOSE), rest).ok()?;
        serde_json::from_slice(opened).ok()
    }
}

impl fmt::Debug for SealingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SealingKey")
    }
}

fn unusable() -> Error {
    Error::new(ErrorKind::Key, "the sealing key could not be used")
}
