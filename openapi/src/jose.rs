//! The small part of JOSE this platform speaks: public keys (RFC 7517, 7638), compact JWS (RFC 7515), the claims of
//! client assertions (RFC 7523) and of DPoP proofs (RFC 9449).
//!
//! Invariant: no private key member is ever kept, no symmetric or missing algorithm can be represented, and nothing here
//! verifies or signs: callers do the cryptography over [`Compact::signed`].

mod assertion;
mod compact;
mod dpop;
pub(crate) mod jwk;

pub use assertion::{ASSERTION_LIFE_SECONDS_MAX, AssertionError, ClientAssertion};
pub use compact::{Compact, JoseError, JwsAlgorithm, JwsHeader, MAX_COMPACT_BYTES, assemble, signing_input};
pub use dpop::{DPOP_TYPE, DpopClaims, DpopError, DpopExpectation, access_token_hash, normalize_htu};
pub use jwk::{Jwk, JwkError, PublicKey};

/// JWT `iat` and `nbf` may lie this many seconds ahead of the server's clock; FAPI 2.0 demands at least 10 and at most 60.
pub const CLOCK_SKEW_SECONDS: i64 = 30;

use base64::{Engine as _, alphabet, engine};

/// Base64url without padding, strict both ways: a second spelling of the same bytes is refused.
const BASE64URL: engine::GeneralPurpose =
    engine::GeneralPurpose::new(&alphabet::URL_SAFE, engine::general_purpose::NO_PAD);

/// Encode as base64url without padding (RFC 7515 section 2).
pub fn encode_base64url(bytes: impl AsRef<[u8]>) -> String {
    BASE64URL.encode(bytes)
}

/// Decode base64url; `None` for padding, other alphabets or stray bits.
pub fn decode_base64url(text: &str) -> Option<Vec<u8>> {
    BASE64URL.decode(text).ok()
}

/// `NumericDate` (RFC 7519 section 2): unix seconds, possibly with a fraction, which is cut off.
mod numeric_date {
    use serde::{Deserialize, Deserializer, de::Error};

    const MAX: i64 = 1 << 52; // exact in a double, and far beyond any date

    pub(super) fn required<'de, D: Deserializer<'de>>(deserializer: D) -> Result<i64, D::Error> {
        let number = serde_json::Number::deserialize(deserializer)?;
        let seconds = number.as_i64().or_else(|| number.as_f64().map(whole));
        seconds
            .filter(|seconds| (-MAX..=MAX).contains(seconds))
            .ok_or_else(|| D::Error::custom("a date is not a number of unix seconds"))
    }

    pub(super) fn optional<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<i64>, D::Error> {
        required(deserializer).map(Some)
    }

    #[expect(clippy::cast_possible_truncation, reason = "a float cast saturates, and the range is checked after")]
    fn whole(seconds: f64) -> i64 {
        seconds.floor() as i64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64url_has_one_spelling_only() {
        assert_eq!(decode_base64url("_-8").as_deref(), Some([255, 239].as_slice()));
        for other in ["_-8=", "/+8", "_-9", "_-8 ", "_"] {
            assert_eq!(decode_base64url(other), None, "{other}");
        }
    }
}
