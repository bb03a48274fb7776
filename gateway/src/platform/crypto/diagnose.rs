//! Explains why a signature does not match, in the sandbox: what it *would* match. Only public data, so nothing here has to
//! be constant-time.
//!
//! Invariant: nothing here makes a request acceptable; it only phrases a hint.

use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1, UnparsedPublicKey};
use quanzi_openapi::jose::PublicKey;
use quanzi_openapi::signature::Algorithm;
use rsa::BoxedUint;
use rsa::hazmat::rsa_encrypt;
use sha2::digest::Output;
use sha2::{Digest, Sha256, Sha512};

use super::VerifyingKey;

/// A signature base that the client may have signed.
#[derive(Debug, Clone, Copy)]
pub struct Candidate<'a> {
    /// The base.
    pub base: &'a str,
    /// What would be different then ("you signed https://, this gateway is http://"); nothing for the gateway's own base.
    pub hint: Option<&'a str>,
}

/// What the signature fits: hints from the candidate and from the way it was signed. Empty when nothing fits.
pub fn diagnose(algorithm: Algorithm, key: &PublicKey, candidates: &[Candidate<'_>], signature: &[u8]) -> Vec<String> {
    let Ok(verifying) = VerifyingKey::new(key) else { return Vec::new() };
    // The dear part, once: the other bases only cost hashing.
    let padded = match key {
        PublicKey::Rsa { n, e } => Padded::recover(n, e, signature),
        _ => None,
    };
    for candidate in candidates {
        let with_newline = format!("{}\n", candidate.base);
        for (base, newline) in [(candidate.base, false), (with_newline.as_str(), true)] {
            let Some(way) = fits(algorithm, key, &verifying, padded.as_ref(), base.as_bytes(), signature) else {
                continue;
            };
            let newline =
                newline.then(|| "You signed the base with a trailing line break; it must have none.".to_owned());
            return candidate.hint.map(str::to_owned).into_iter().chain(newline).chain(way.hint()).collect();
        }
    }
    Vec::new()
}

/// How a signature was made that fits.
enum Way {
    AsRegistered,
    Der,
    OtherAlgorithm(Algorithm),
    Salt { hash: &'static str, bytes: usize },
}

impl Way {
    fn hint(&self) -> Option<String> {
        match self {
            Self::AsRegistered => None,
            Self::Der => Some(
                "The ECDSA signature is in DER format; send r and s, 32 bytes each, one after the other.".to_owned(),
            ),
            Self::OtherAlgorithm(algorithm) => {
                Some(format!("You signed with {algorithm}; the key is registered for a different algorithm."))
            }
            Self::Salt { hash: "SHA-512", bytes } => Some(format!("The salt has {bytes} bytes; use 64.")),
            Self::Salt { hash, bytes } => Some(format!(
                "You signed with {hash} and a salt of {bytes} bytes; use SHA-512 for digest and mask, and a salt of 64 bytes."
            )),
        }
    }
}

fn fits(
    algorithm: Algorithm,
    key: &PublicKey,
    verifying: &VerifyingKey,
    padded: Option<&Padded>,
    base: &[u8],
    signature: &[u8],
) -> Option<Way> {
    if verifying.verify(algorithm, base, signature) {
        return Some(Way::AsRegistered);
    }
    if let Some(point) = key.sec1() {
        let der = UnparsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, point).verify(base, signature).is_ok();
        return der.then_some(Way::Der);
    }
    let padded = padded?;
    if let Some(other) = [Algorithm::RsaPssSha512, Algorithm::RsaV15Sha256]
        .into_iter()
        .find(|other| *other != algorithm && verifying.verify(*other, base, signature))
    {
        return Some(Way::OtherAlgorithm(other));
    }
    let salt = |hash, bytes: Option<usize>| bytes.map(|bytes| Way::Salt { hash, bytes });
    salt("SHA-512", padded.salt_bytes::<Sha512>(base)).or_else(|| salt("SHA-256", padded.salt_bytes::<Sha256>(base)))
}

/// The padded message that an RSA signature holds (RFC 8017, 9.1.2: EM).
struct Padded {
    message: Vec<u8>,
    bits: usize,
}

impl Padded {
    fn recover(n: &[u8], e: &[u8], signature: &[u8]) -> Option<Self> {
        if signature.len() != n.len() {
            return None;
        }
        let [modulus, exponent, number] = [n, e, signature].map(BoxedUint::from_be_slice_vartime);
        if number >= modulus {
            return None;
        }
        let key = rsa::PublicKey::new(modulus, exponent).ok()?;
        let bytes = rsa_encrypt(&key, &number).ok()?.to_be_bytes();
        // The message is a bit shorter than the modulus, which may spare it a byte (RFC 8017, 9.1.1: emLen).
        let bits = n.len() * 8 - n.first()?.leading_zeros() as usize - 1;
        let (zeros, message) = bytes.split_at_checked(bytes.len().checked_sub(bits.div_ceil(8))?)?;
        zeros.iter().all(|byte| *byte == 0).then(|| Self { message: message.to_vec(), bits })
    }

    /// How long the salt is, if this is PSS of the text with hash and mask `D` (RFC 8017, 9.1.2, but with any salt).
    fn salt_bytes<D: Digest>(&self, text: &[u8]) -> Option<usize> {
        let hash_len = <D as Digest>::output_size();
        let (trailer, rest) = self.message.split_last()?;
        let (masked, hash) = rest.split_at_checked(rest.len().checked_sub(hash_len)?)?;
        if *trailer != 0xbc {
            return None;
        }
        let mut block: Vec<u8> =
            masked.iter().zip(mask::<D>(hash, masked.len())).map(|(byte, mask)| byte ^ mask).collect();
        if let Some(first) = block.first_mut() {
            *first &= 0xff_u8 >> (self.message.len() * 8 - self.bits);
        }
        let one = block.iter().position(|byte| *byte != 0).filter(|place| block.get(*place) == Some(&1))?;
        let salt = block.get(one + 1..)?;
        let expected: Output<D> =
            D::new().chain_update([0; 8]).chain_update(D::digest(text)).chain_update(salt).finalize();
        (expected[..] == *hash).then_some(salt.len())
    }
}

/// MGF1 (RFC 8017, B.2.1).
fn mask<D: Digest>(seed: &[u8], len: usize) -> Vec<u8> {
    let mut mask = Vec::with_capacity(len + <D as Digest>::output_size());
    let mut counter = 0_u32;
    while mask.len() < len {
        mask.extend_from_slice(&D::new().chain_update(seed).chain_update(counter.to_be_bytes()).finalize());
        counter += 1;
    }
    mask.truncate(len);
    mask
}
