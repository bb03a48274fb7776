//! Authenticates the caller and reads the body. In this order: token, the app's allow-list, signature, possession of the
//! token's key, body with its digest, app limit, scope, nonce.

use std::sync::Arc;

use actix_web::http::header;
use actix_web::web::{Bytes, Payload};
use quanzi_openapi::endpoint::Access;
use quanzi_openapi::scope::{Scope, Scopes};
use quanzi_openapi::signature::{CONTENT_DIGEST, DPOP, SignatureError};
use quanzi_openapi::{ErrorCode, Time};

use super::body::{self, Bounds};
use super::call::{Caller, FanCaller};
use super::exchange::Exchange;
use super::explain::explain;
use super::signature::{self, Presented, Verified};
use crate::access::AppFacts;
use crate::access::RequestInfo;
use crate::access::oauth::{self, AccessToken, Authorized, Holder};
use crate::access::replay::UsedNonce;
use crate::edge::Edge;
use crate::platform::fault::Fault;

/// Who was admitted.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Admitted {
    /// The app, and what its own token allows.
    pub caller: Caller,
    /// The fan whom the token speaks for, if it is one.
    pub fan: Option<FanCaller>,
}

/// Proves who calls, and reads the body.
pub(super) async fn admit(exchange: &mut Exchange, payload: Payload) -> Result<(Admitted, Bytes), Fault> {
    let edge = Arc::clone(&exchange.edge);
    let now = exchange.now;
    let token_text = token_text(exchange)?;
    let Authorized { token, app: facts, scopes } = oauth::authorize(&edge, &token_text).await?;
    check_address(exchange, &facts)?;
    let verified = verify_signature(exchange, &facts, now).await?;
    check_possession(exchange, &token, &token_text, verified.as_ref())?;
    let body = body::read(&exchange.http, payload, &bounds(&edge, exchange)).await?;
    // A body without announcement (an upgrade, a later protocol) must not slip past the coverage rules.
    if verified.is_some() && !body.is_empty() && !exchange.http.headers().contains_key(CONTENT_DIGEST) {
        return Err(signature::fault(&SignatureError::DigestMissing));
    }
    match edge.limits.app(token.app, exchange.operation.method.writes()) {
        Ok(left) => exchange.left = Some(left),
        Err((fault, left)) => {
            exchange.left = Some(left);
            return Err(fault);
        }
    }
    check_scope(exchange, &token.holder, scopes)?;
    if let Some(verified) = verified {
        // Only now is the signature used up: a request that was refused before may be repaired and sent again.
        if !edge.nonces.first_use(&verified.keyid, &verified.nonce, now) {
            return Err(signature::fault(&SignatureError::NonceReplayed));
        }
        exchange.nonce = Some(UsedNonce::new(token.partner, &verified.keyid, &verified.nonce));
        exchange.signed_for = Some(verified.target_uri);
    }
    let caller = Caller { partner: token.partner, app: token.app, scopes };
    exchange.caller = Some(caller);
    let fan = fan(&edge, &token).await?;
    Ok((Admitted { caller, fan }, body))
}

/// The fan whom a token speaks for.
async fn fan(edge: &Edge, token: &AccessToken) -> Result<Option<FanCaller>, Fault> {
    let Holder::Fan(of) = &token.holder else { return Ok(None) };
    let person = edge.tokens.person(edge, token.partner, of.fan).await?;
    let person = person.ok_or_else(|| {
        let challenge = oauth::challenge(edge, Some("invalid_token"));
        Fault::new(ErrorCode::TokenRevoked).detail("The fan no longer exists.").header("www-authenticate", challenge)
    })?;
    let (partner, app) = (token.partner, token.app);
    Ok(Some(FanCaller { partner, app, fan: of.fan, person, grant: of.grant, scopes: of.scopes }))
}

pub(super) fn bounds(edge: &Edge, exchange: &Exchange) -> Bounds {
    let configured = edge.config.body_bytes_max;
    let bytes_max = match exchange.operation.body {
        quanzi_openapi::endpoint::BodyKind::Upload { bytes_max, .. } => {
            usize::try_from(bytes_max).unwrap_or(usize::MAX)
        }
        _ => configured,
    };
    Bounds {
        bytes_max,
        seconds_max: edge.config.body_timeout_seconds,
        checks_digest: exchange.operation.access != Access::Client,
        hints: edge.config.mode.is_sandbox() && exchange.operation.access != Access::Public,
    }
}

/// Whether who was admitted with this request would be still: its token neither expired nor revoked, its app active.
pub(crate) async fn is_still_allowed(edge: &Edge, request: &RequestInfo, scope: Scope) -> bool {
    let field = request.http.headers().get(header::AUTHORIZATION).and_then(|field| field.to_str().ok());
    let Some((_, token)) = field.and_then(|text| text.split_once(' ')) else { return false };
    oauth::authorize(edge, token.trim()).await.is_ok_and(|grant| grant.scopes.contains(scope))
}

/// The token from `Authorization: DPoP …` (RFC 9449, 7.1), and from nowhere else.
fn token_text(exchange: &Exchange) -> Result<String, Fault> {
    let edge = &exchange.edge;
    let invalid = |detail: &'static str| {
        let challenge = oauth::challenge(edge, Some("invalid_token"));
        Fault::new(ErrorCode::TokenInvalid).detail(detail).header("www-authenticate", challenge)
    };
    let in_query = exchange.http.query_string().split('&').any(|pair| pair.starts_with("access_token="));
    if in_query {
        return Err(invalid("A token in the URL ends up in logs. Send it in the Authorization header only."));
    }
    let mut fields = exchange.http.headers().get_all(header::AUTHORIZATION);
    let Some(field) = fields.next() else {
        return Err(Fault::new(ErrorCode::TokenMissing).header("www-authenticate", oauth::challenge(edge, None)));
    };
    if fields.next().is_some() {
        return Err(invalid("There are two Authorization headers. Send one."));
    }
    let text = field.to_str().map_err(|_| invalid("The Authorization header is not ASCII text."))?;
    match text.split_once(' ') {
        Some((scheme, token)) if scheme.eq_ignore_ascii_case("DPoP") => Ok(token.trim().to_owned()),
        Some((scheme, _)) if scheme.eq_ignore_ascii_case("Bearer") => {
            Err(invalid("The token is bound to a key: send it with the scheme DPoP, not Bearer."))
        }
        _ => Err(invalid("Send `Authorization: DPoP <token>`.")),
    }
}

fn check_address(exchange: &Exchange, facts: &AppFacts) -> Result<(), Fault> {
    let address = exchange.address;
    if facts.allows(address) {
        return Ok(());
    }
    Err(Fault::new(ErrorCode::AddressNotAllowed)
        .detail(format!("The app may not be used from {address}; see its allowed_addresses.")))
}

/// Verifies the signature when there is one; a call that changes state must have one.
async fn verify_signature(exchange: &Exchange, facts: &AppFacts, now: Time) -> Result<Option<Verified>, Fault> {
    let headers = exchange.headers();
    let presented = Presented {
        method: exchange.http.method().as_str(),
        target_uris: &exchange.target_uris,
        headers: &headers,
        has_body: body::is_announced(&exchange.http),
    };
    if !presented.is_signed() {
        if exchange.operation.signed {
            return Err(signature::missing(&presented));
        }
        return Ok(None);
    }
    let error = match presented.verify(Some(facts), now.seconds()) {
        Ok(verified) => return Ok(Some(verified)),
        Err(error) => error,
    };
    let error = key_of_other_client(&exchange.edge, error).await?;
    let mut fault = signature::fault(&error);
    if matches!(error, SignatureError::CoverageMissing { .. } | SignatureError::TagMissing { .. }) {
        fault = fault.header(quanzi_openapi::signature::ACCEPT_SIGNATURE, signature::wanted(&presented));
    }
    let sandbox = exchange.edge.config.mode.is_sandbox();
    Err(if sandbox { explain(&presented, Some(facts), &error, fault) } else { fault })
}

/// An unknown key that is another app's gets its own code: a mix-up of configurations is the usual reason.
pub(crate) async fn key_of_other_client(edge: &Edge, error: SignatureError) -> Result<SignatureError, Fault> {
    match error {
        SignatureError::KeyidUnknown { keyid } => match edge.directory.owner_of_key(&edge.db, &keyid).await? {
            Some(_) => Ok(SignatureError::KeyOfOtherClient { keyid }),
            None => Ok(SignatureError::KeyidUnknown { keyid }),
        },
        other => Ok(other),
    }
}

/// A token is bound to a key: the request is signed with that very key, or carries a DPoP proof of it (RFC 9449, 7).
fn check_possession(
    exchange: &Exchange,
    token: &AccessToken,
    token_text: &str,
    verified: Option<&Verified>,
) -> Result<(), Fault> {
    let edge = &exchange.edge;
    let mut proofs = exchange.http.headers().get_all(DPOP);
    let Some(proof) = proofs.next() else {
        // The profile always covers `authorization`, so the signature binds this token to this request.
        return match verified {
            Some(verified) if verified.keyid == token.jkt => Ok(()),
            _ => Err(Fault::new(ErrorCode::ProofMissing)
                .header("www-authenticate", oauth::challenge(edge, Some("invalid_dpop_proof")))),
        };
    };
    let invalid = |detail: &'static str| {
        let challenge = oauth::challenge(edge, Some("invalid_dpop_proof"));
        Fault::new(ErrorCode::ProofInvalid).detail(detail).header("www-authenticate", challenge)
    };
    if proofs.next().is_some() {
        return Err(invalid("There are two DPoP headers. Send one."));
    }
    let proof = proof.to_str().map_err(|_| invalid("The DPoP header is not ASCII text."))?;
    let target_uri = exchange.target_uris.first().map_or("", String::as_str);
    let jkt = oauth::proof::check(edge, proof, exchange.http.method().as_str(), target_uri, token_text)?;
    if jkt == token.jkt {
        Ok(())
    } else {
        Err(invalid("The proof was made with a different key than the one the token is bound to."))
    }
}

/// A token of the kind the endpoint takes, with the scope it wants.
fn check_scope(exchange: &Exchange, holder: &Holder, scopes: Scopes) -> Result<(), Fault> {
    let missing = match (exchange.operation.access, holder) {
        (Access::Partner(Some(scope)), Holder::App(_)) => (!scopes.contains(scope)).then(|| scope.as_str()),
        (Access::Fan(scope), Holder::Fan(of)) => (!of.scopes.contains(scope)).then(|| scope.as_str()),
        (Access::Partner(_), Holder::Fan(_)) => {
            return Err(wrong_kind(exchange, "a partner token, from client_credentials; you sent a fan token"));
        }
        (Access::Fan(_), Holder::App(_)) => {
            return Err(wrong_kind(exchange, "a fan token, from the fan's consent; you sent a partner token"));
        }
        (Access::Partner(None) | Access::Public | Access::Client, _) => None,
    };
    missing.map_or(Ok(()), |scope| Err(scope_missing(&exchange.edge, scope)))
}

/// Refuses a token without this scope (RFC 6750, 3.1).
pub fn scope_missing(edge: &Edge, scope: &str) -> Fault {
    let challenge = oauth::challenge(edge, Some("insufficient_scope"));
    Fault::new(ErrorCode::ScopeMissing)
        .detail(format!("The token needs the scope {scope}."))
        .header("www-authenticate", format!("{challenge}, scope=\"{scope}\""))
}

fn wrong_kind(exchange: &Exchange, takes: &'static str) -> Fault {
    let challenge = oauth::challenge(&exchange.edge, Some("insufficient_scope"));
    Fault::new(ErrorCode::WrongTokenKind)
        .detail(format!("This endpoint requires {takes}."))
        .header("www-authenticate", challenge)
}
