//! Encryption of stored secrets: AES-256-GCM, nonce first, bound to the row by its name.

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use secrecy::zeroize::Zeroizing;

use crate::platform::clock::Clock;

/// The seal does not open: another sealing key, another row, or altered bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the sealed bytes cannot be opened with this sealing key")]
pub struct SealError;

/// Seals bytes for the row of this name.
pub fn seal(clock: &Clock, sealing: &[u8; 32], name: &str, secret: &[u8]) -> Result<Vec<u8>, SealError> {
    // Random nonces are safe here: a deployment seals a few keys in its life, not 2^32.
    let nonce = clock.random::<NONCE_LEN>();
    let mut sealed = Zeroizing::new(secret.to_vec());
    key(sealing)?
        .seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), Aad::from(name), &mut *sealed)
        .map_err(|_| SealError)?;
    Ok([nonce.as_slice(), sealed.as_slice()].concat())
}

/// Opens what [`seal`] made for the row of this name.
pub fn open(sealing: &[u8; 32], name: &str, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, SealError> {
    let (nonce, text) = sealed.split_first_chunk::<NONCE_LEN>().ok_or(SealError)?;
    let mut text = Zeroizing::new(text.to_vec());
    let opened = key(sealing)?
        .open_in_place(Nonce::assume_unique_for_key(*nonce), Aad::from(name), &mut text)
        .map_err(|_| SealError)?;
    Ok(Zeroizing::new(opened.to_vec()))
}

fn key(sealing: &[u8; 32]) -> Result<LessSafeKey, SealError> {
    Ok(LessSafeKey::new(UnboundKey::new(&AES_256_GCM, sealing).map_err(|_| SealError)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seal_opens_only_with_its_key_and_for_its_row() {
        let clock = Clock::system();
        let sealed = seal(&clock, &[1; 32], "row", b"secret").unwrap();

        assert_eq!(open(&[1; 32], "row", &sealed).unwrap().as_slice(), b"secret");
        assert_eq!(open(&[2; 32], "row", &sealed), Err(SealError));
        assert_eq!(open(&[1; 32], "other", &sealed), Err(SealError));
        assert_eq!(open(&[1; 32], "row", sealed.split_last().unwrap().1), Err(SealError));
        assert_eq!(open(&[1; 32], "row", b"short"), Err(SealError));
        assert_ne!(seal(&clock, &[1; 32], "row", b"secret").unwrap(), sealed);
    }
}
