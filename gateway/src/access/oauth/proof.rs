//! DPoP proofs (RFC 9449): prove possession of the key that a token is, or will be, bound to.
//!
//! Invariant: a proof is remembered only after all other checks passed, so no one can burn someone else's.

use quanzi_openapi::ErrorCode;
use quanzi_openapi::jose::{Compact, DpopClaims, DpopError, DpopExpectation};

use crate::access::Access;
use crate::access::RequestInfo;
use crate::platform::crypto::VerifyingKey;
use crate::platform::fault::Fault;

use super::{challenge, nonce};

/// Name of the header that carries the nonce.
pub const NONCE_HEADER: &str = "DPoP-Nonce";

/// Why a proof was refused.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum RefusedProof {
    /// It is wrong; the sentence says how and quotes nothing but URLs.
    Invalid(String),
    /// It must contain a nonce issued by this gateway.
    NonceRequired,
}

/// Checks a proof that came with a token at the API: the thumbprint of its key, to be compared with the token's `jkt`.
pub fn check(access: &Access, proof: &str, method: &str, url: &str, token: &str) -> Result<String, Fault> {
    verify(access, proof, method, url, Some(token)).map_err(|refused| match refused {
        RefusedProof::Invalid(detail) => Fault::new(ErrorCode::ProofInvalid)
            .detail(detail)
            .header("WWW-Authenticate", challenge(access, Some("invalid_dpop_proof"))),
        RefusedProof::NonceRequired => Fault::new(ErrorCode::ProofNonceRequired)
            .header("WWW-Authenticate", challenge(access, Some("use_dpop_nonce")))
            .header(NONCE_HEADER, nonce::current(access)),
    })
}

/// The one proof of a request to the authorization server (RFC 9449, 4.3): the thumbprint of its key.
pub fn must_be_sent(access: &Access, request: &RequestInfo) -> Result<String, Fault> {
    let missing =
        || Fault::new(ErrorCode::InvalidDpopProof).detail("The DPoP header is missing: every token is bound to a key.");
    if_sent(access, request)?.ok_or_else(missing)
}

/// The same where a proof may be left out.
pub fn if_sent(access: &Access, request: &RequestInfo) -> Result<Option<String>, Fault> {
    let wrong = |detail| Fault::new(ErrorCode::InvalidDpopProof).detail(detail);
    let mut proofs = request.http.headers().get_all("dpop");
    let Some(proof) = proofs.next() else { return Ok(None) };
    if proofs.next().is_some() {
        return Err(wrong("There is more than one DPoP header."));
    }
    let proof = proof.to_str().map_err(|_| wrong("The DPoP header is not a JWT."))?;
    check_for_token(access, proof, &request.target_uri).map(Some)
}

/// Checks a proof at the token endpoint: the thumbprint of its key.
fn check_for_token(access: &Access, proof: &str, url: &str) -> Result<String, Fault> {
    verify(access, proof, "POST", url, None).map_err(|refused| match refused {
        RefusedProof::Invalid(detail) => Fault::new(ErrorCode::InvalidDpopProof).detail(detail),
        RefusedProof::NonceRequired => Fault::new(ErrorCode::UseDpopNonce).header(NONCE_HEADER, nonce::current(access)),
    })
}

pub(super) fn verify(
    access: &Access,
    proof: &str,
    method: &str,
    url: &str,
    token: Option<&str>,
) -> Result<String, RefusedProof> {
    let invalid =
        |error: &dyn std::fmt::Display| RefusedProof::Invalid(format!("The DPoP proof was refused: {error}."));
    let jws = Compact::parse(proof).map_err(|error| invalid(&error))?;
    let (jwk, claims) = DpopClaims::read(&jws).map_err(|error| invalid(&error))?;
    let key = VerifyingKey::new(&jwk.key).map_err(|error| invalid(&error))?;
    if !key.verify_jws(jws.header.alg, jws.signed.as_bytes(), &jws.signature) {
        return Err(invalid(&"its signature does not match its jwk"));
    }
    let now = access.clock.now();
    let has_valid_nonce = claims.nonce.as_deref().is_some_and(|nonce| nonce::is_valid(access, nonce));
    check_claims(access, &claims, method, url, token, has_valid_nonce).map_err(|error| match error {
        DpopError::IssuedAt { .. } => RefusedProof::NonceRequired,
        error => invalid(&error),
    })?;
    // A forged or expired nonce is never ignored.
    if !has_valid_nonce && (claims.nonce.is_some() || access.config.dpop_nonce_required) {
        return Err(RefusedProof::NonceRequired);
    }
    let jkt = jwk.thumbprint();
    if !access.nonces.first_use(&format!("dpop:{jkt}"), &claims.jti, now) {
        return Err(invalid(&"its jti was already used; create a new proof for every request"));
    }
    Ok(jkt)
}

/// The claims against the request, at whichever of our addresses the client knows us by.
fn check_claims(
    access: &Access,
    claims: &DpopClaims,
    method: &str,
    url: &str,
    access_token: Option<&str>,
    has_valid_nonce: bool,
) -> Result<(), DpopError> {
    let check = |url: &str| {
        claims.check(&DpopExpectation { method, url, access_token, has_valid_nonce }, access.clock.now().seconds())
    };
    let origins = || std::iter::once(&access.config.public_url).chain(&access.config.public_url_aliases);
    let first = check(url);
    let Err(DpopError::Url { .. }) = first else { return first };
    let Some(target) = origins().find_map(|origin| url.strip_prefix(origin.as_str())) else { return first };
    let known = origins()
        .map(|origin| check(&format!("{origin}{target}")))
        .find(|check| !matches!(check, Err(DpopError::Url { .. })));
    known.unwrap_or(first)
}
