//! DPoP proofs (RFC 9449): their claims, and every check that needs no key and no memory.
//!
//! Invariant: [`DpopClaims::check`] covers `htm`, `htu`, `iat` and `ath`; the caller verifies the signature with the `jwk` of
//! the header, compares its thumbprint with `cnf.jkt`, and remembers `jti`.

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use url::Url;

use super::{CLOCK_SKEW_SECONDS, Compact, JoseError, Jwk, encode_base64url, numeric_date};

/// The `typ` of a proof.
pub const DPOP_TYPE: &str = "dpop+jwt";
/// How old `iat` may be, in seconds, the clock skew included; the replay memory must reach further.
const AGE_SECONDS_MAX: i64 = 60 + CLOCK_SKEW_SECONDS;
const JTI_BYTES_MAX: usize = 256;

/// The claims of a proof. Unknown ones are ignored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct DpopClaims {
    /// Unique id; the caller refuses one seen before with the same key.
    pub jti: String,
    /// The HTTP method.
    pub htm: String,
    /// The URL without query and fragment.
    pub htu: String,
    /// Issued at, unix seconds.
    #[serde(deserialize_with = "numeric_date::required")]
    pub iat: i64,
    /// Hash of the access token; required with one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ath: Option<String>,
    /// The nonce the server gave.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nonce: Option<String>,
}

/// What a proof must say to fit the request it came with. It holds a token, so it cannot be printed.
#[derive(Clone, Copy)]
pub struct DpopExpectation<'a> {
    /// The request's method.
    pub method: &'a str,
    /// The request's full URL, built from the configured origin.
    pub url: &'a str,
    /// The access token the request carries, if any.
    pub access_token: Option<&'a str>,
    /// The proof carries a nonce this server gave and still honours: then the nonce is the clock and `iat` is not looked at.
    pub has_valid_nonce: bool,
}

/// Why a proof was refused; the wire says `invalid_dpop_proof`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DpopError {
    /// Not a readable JWS, or claims are missing.
    #[error(transparent)]
    Jose(#[from] JoseError),
    /// `typ` is not `dpop+jwt`.
    #[error("typ of a DPoP proof must be dpop+jwt")]
    Type,
    /// The header has no `jwk`, or the algorithm does not fit it.
    #[error("the DPoP header must carry the public key as jwk, of the type its alg needs")]
    Key,
    /// `jti` is empty or too long.
    #[error("jti must have 1 to {JTI_BYTES_MAX} bytes")]
    Jti,
    /// `htm` is another method.
    #[error("htm is not the method of this request")]
    Method,
    /// `htu` is another URL.
    #[error("htu is not the URL of this request; expected {expected}")]
    Url {
        /// The URL without query, as this server sees it.
        expected: String,
    },
    /// `iat` lies outside the window and no valid nonce stands in for it.
    #[error("iat is {} s {} the server: correct the clock by the Date header, or use the DPoP-Nonce", .skew_seconds.unsigned_abs(), if *.skew_seconds < 0 { "behind" } else { "ahead of" })]
    IssuedAt {
        /// `iat` minus server time, in seconds.
        skew_seconds: i64,
    },
    /// `ath` is missing or belongs to another token.
    #[error("ath is not the hash of the access token of this request")]
    TokenHash,
}

impl DpopClaims {
    /// The claims a client sends, all in unix seconds; `url` may carry a query, which is dropped.
    ///
    /// # Errors
    /// [`DpopError::Url`] when `url` is not absolute.
    pub fn new(method: &str, url: &str, jti: &str, now: i64, access_token: Option<&str>) -> Result<Self, DpopError> {
        Ok(Self {
            jti: jti.to_owned(),
            htm: method.to_owned(),
            htu: normalize_htu(url).ok_or_else(|| DpopError::Url { expected: "an absolute http(s) URL".to_owned() })?,
            iat: now,
            ath: access_token.map(access_token_hash),
            nonce: None,
        })
    }

    /// Read a proof: the key it claims, and its claims. Both are worth nothing before [`Compact::signed`] is verified with that key.
    ///
    /// # Errors
    /// [`DpopError::Type`], [`DpopError::Key`], [`DpopError::Jose`].
    pub fn read<'a>(proof: &'a Compact<'_>) -> Result<(&'a Jwk, Self), DpopError> {
        if !proof.header.is_type(DPOP_TYPE) {
            return Err(DpopError::Type);
        }
        let jwk = proof.header.jwk.as_ref().filter(|jwk| proof.header.alg.fits(&jwk.key)).ok_or(DpopError::Key)?;
        Ok((jwk, proof.claims()?))
    }

    /// Check the claims against the request. `now` in unix seconds.
    ///
    /// # Errors
    /// The first [`DpopError`] met.
    pub fn check(&self, expected: &DpopExpectation<'_>, now: i64) -> Result<(), DpopError> {
        if self.jti.is_empty() || self.jti.len() > JTI_BYTES_MAX {
            return Err(DpopError::Jti);
        }
        if self.htm != expected.method {
            return Err(DpopError::Method);
        }
        let url = normalize_htu(expected.url);
        if url.is_none() || normalize_htu(&self.htu) != url {
            return Err(DpopError::Url { expected: url.unwrap_or_default() });
        }
        let skew_seconds = self.iat.saturating_sub(now);
        if !expected.has_valid_nonce && !(-AGE_SECONDS_MAX..=CLOCK_SKEW_SECONDS).contains(&skew_seconds) {
            return Err(DpopError::IssuedAt { skew_seconds });
        }
        match expected.access_token {
            Some(token) if self.ath.as_deref() != Some(access_token_hash(token).as_str()) => Err(DpopError::TokenHash),
            _ => Ok(()),
        }
    }
}

/// The `ath` of an access token: base64url of its SHA-256.
pub fn access_token_hash(access_token: &str) -> String {
    encode_base64url(Sha256::digest(access_token))
}

/// A URL in the form two `htu` are compared in: no query, no fragment, scheme and host in lower case, no default port
/// (RFC 9449 section 4.3, RFC 3986 section 6.2). `None` when it is not absolute `http(s)` or carries user information.
pub fn normalize_htu(url: &str) -> Option<String> {
    let mut url = Url::parse(url).ok()?;
    if !matches!(url.scheme(), "https" | "http") || !url.username().is_empty() || url.password().is_some() {
        return None;
    }
    url.set_query(None);
    url.set_fragment(None);
    Some(url.into())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::jose::{assemble, signing_input};

    const NOW: i64 = 1_800_000_000;
    const URL: &str = "https://api.quanzi.example/v1/circles";
    const EXPECTED: DpopExpectation<'_> =
        DpopExpectation { method: "POST", url: URL, access_token: Some("token"), has_valid_nonce: false };

    fn check(change: impl FnOnce(&mut DpopClaims)) -> Result<(), DpopError> {
        let mut claims = DpopClaims::new("POST", URL, "j", NOW, Some("token")).unwrap();
        change(&mut claims);
        claims.check(&EXPECTED, NOW)
    }

    #[test]
    fn the_url_is_compared_without_query_case_and_default_port() {
        for htu in [URL, "HTTPS://API.quanzi.example:443/v1/circles?a=b#c"] {
            assert_eq!(check(|claims| claims.htu = htu.to_owned()), Ok(()), "{htu}");
        }
        for htu in ["http://api.quanzi.example/v1/circles", "https://api.quanzi.example/v1/circles/", "/v1/circles", ""]
        {
            assert!(matches!(check(|claims| claims.htu = htu.to_owned()), Err(DpopError::Url { .. })), "{htu}");
        }
        assert_eq!(normalize_htu("https://user@api.quanzi.example/"), None);
    }

    #[test]
    fn time_is_bounded_unless_a_nonce_is_the_clock() {
        for skew in [-60, -10, 10] {
            assert_eq!(check(|claims| claims.iat = NOW + skew), Ok(()));
        }
        for skew in [-3_600, 3_600, -91, 31] {
            assert_eq!(check(|claims| claims.iat = NOW + skew), Err(DpopError::IssuedAt { skew_seconds: skew }));
        }
        let stale = DpopClaims::new("POST", URL, "j", NOW - 3_600, Some("token")).unwrap();
        assert_eq!(stale.check(&DpopExpectation { has_valid_nonce: true, ..EXPECTED }, NOW), Ok(()));
    }

    #[test]
    fn method_token_and_id_must_fit() {
        assert_eq!(check(|claims| claims.htm = "post".to_owned()), Err(DpopError::Method));
        assert_eq!(check(|claims| claims.ath = None), Err(DpopError::TokenHash));
        assert_eq!(check(|claims| claims.ath = Some(access_token_hash("other"))), Err(DpopError::TokenHash));
        assert_eq!(check(|claims| claims.jti.clear()), Err(DpopError::Jti));
        // RFC 9449 section 7.1.
        assert_eq!(
            access_token_hash("Kz~8mXK1EalYznwH-LC-1fBAo.4Ljp~zsPE_NeO.gxU"),
            "fUHyO2r2Z3DZ53EsNrWBb0xWXoaNy59IiKCAqksmQEo"
        );
    }

    #[test]
    fn a_proof_needs_its_type_and_a_key_of_the_right_kind() {
        let key = json!({"kty": "OKP", "crv": "Ed25519", "x": encode_base64url([1; 32])});
        let claims = DpopClaims::new("GET", URL, "j", NOW, None).unwrap();
        let read = |header: serde_json::Value| {
            let text = assemble(&signing_input(&header, &claims).unwrap(), b"s");
            let proof = Compact::parse(&text).unwrap();
            DpopClaims::read(&proof).map(|(_, claims)| claims)
        };

        assert_eq!(read(json!({"typ": "dpop+jwt", "alg": "EdDSA", "jwk": key})), Ok(claims.clone()));
        assert_eq!(read(json!({"typ": "JWT", "alg": "EdDSA", "jwk": key})), Err(DpopError::Type));
        assert_eq!(read(json!({"typ": "dpop+jwt", "alg": "ES256", "jwk": key})), Err(DpopError::Key));
        assert_eq!(read(json!({"typ": "dpop+jwt", "alg": "EdDSA"})), Err(DpopError::Key));
    }
}
