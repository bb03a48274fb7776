//! The signature algorithms this platform accepts, under their IANA names (RFC 9421 section 6.2).
//!
//! Invariant: there is no symmetric algorithm here, so `hmac-sha256` cannot be chosen by mistake. Which algorithm checks
//! a signature is decided by the registered key alone, never by what a message says.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

/// A signature algorithm, named as in the IANA registry "HTTP Signature Algorithms".
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[non_exhaustive]
pub enum Algorithm {
    /// `ed25519`: the default (RFC 9421 section 3.3.6). Signature: 64 bytes.
    #[serde(rename = "ed25519")]
    Ed25519,
    /// `ecdsa-p256-sha256` (section 3.3.4). Signature: `r || s`, 64 bytes, not DER.
    #[serde(rename = "ecdsa-p256-sha256")]
    EcdsaP256Sha256,
    /// `rsa-pss-sha512` (section 3.3.1). MGF1 with SHA-512 and a salt of exactly 64 bytes.
    #[serde(rename = "rsa-pss-sha512")]
    RsaPssSha512,
    /// `rsa-v1_5-sha256` (section 3.3.2): only where a key was registered for it.
    #[serde(rename = "rsa-v1_5-sha256")]
    RsaV15Sha256,
}

impl Algorithm {
    /// Every accepted algorithm, the default first.
    pub const ALL: [Self; 4] = [Self::Ed25519, Self::EcdsaP256Sha256, Self::RsaPssSha512, Self::RsaV15Sha256];

    /// The IANA name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ed25519 => "ed25519",
            Self::EcdsaP256Sha256 => "ecdsa-p256-sha256",
            Self::RsaPssSha512 => "rsa-pss-sha512",
            Self::RsaV15Sha256 => "rsa-v1_5-sha256",
        }
    }
}

impl fmt::Display for Algorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A name that is none of the four accepted algorithms; `hmac-sha256` is one of those names.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is not an accepted signature algorithm; use ed25519, ecdsa-p256-sha256, rsa-pss-sha512 or rsa-v1_5-sha256"
)]
pub struct UnknownAlgorithm(pub String);

impl FromStr for Algorithm {
    type Err = UnknownAlgorithm;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|algorithm| algorithm.as_str() == name)
            .ok_or_else(|| UnknownAlgorithm(name.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_survive_text_and_json() {
        for algorithm in Algorithm::ALL {
            assert_eq!(algorithm.to_string().parse(), Ok(algorithm));
            assert_eq!(serde_json::to_string(&algorithm).unwrap(), format!("\"{algorithm}\""));
        }
    }

    #[test]
    fn a_shared_secret_algorithm_does_not_exist() {
        assert!("hmac-sha256".parse::<Algorithm>().is_err());
    }
}
