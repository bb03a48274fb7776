//! Use-cases of the authorization server.
//!
//! Each verifies everything first and opens its short transaction last: nobody who has not proven who they are keeps others from
//! writing.

use std::sync::Arc;

use quanzi_openapi::id::AppId;
use quanzi_openapi::oauth::{Confirmation, Introspection, TOKEN_SECONDS, TokenQuestion, TokenReply, TokenRequest};
use quanzi_openapi::scope::Scopes;
use quanzi_openapi::{ErrorCode, Nothing, Time};

use crate::app::App;
use crate::apps::AppFacts;
use crate::clock::Clock;
use crate::db::Tx;
use crate::fault::Fault;
use crate::http::RequestInfo;

use super::client::{self, Client};
use super::model::{self, challenge, sent};
use super::token::{self, AccessToken, NewToken};
use super::{proof, revocation};

/// A token that may be used now, and the app it may be used by.
#[derive(Debug, Clone)]
pub struct Grant {
    /// The token.
    pub token: Arc<AccessToken>,
    /// The app.
    pub app: Arc<AppFacts>,
    /// What both the token and the app allow.
    pub scopes: Scopes,
}

/// Verifies a token and its app, for the API's edge. Who holds the token's key, and from which address, is for the edge to check.
pub async fn authorize(app: &App, token: &str) -> Result<Grant, Fault> {
    let token = app.tokens.verify(app, token)?;
    let refused = |code| Fault::new(code).header("WWW-Authenticate", challenge(app, Some("invalid_token")));
    let facts = app.directory.app(&app.db, token.app).await?.filter(|facts| facts.partner == token.partner);
    let facts = facts.ok_or_else(|| refused(ErrorCode::TokenInvalid))?;
    // The key that authenticated the client must still be there; the one the token is bound to may be no key of the app at all.
    if facts.has_removed(&token.jkt) || facts.key(&token.client_kid).is_none() {
        return Err(refused(ErrorCode::TokenRevoked).detail("The key of the token was removed from the app."));
    }
    if !facts.active {
        return Err(ErrorCode::AppSuspended.into());
    }
    let scopes = token.scopes.iter().filter(|scope| facts.scopes.contains(*scope)).collect();
    Ok(Grant { token, app: facts, scopes })
}

/// Issues a token for the app itself.
pub async fn token(app: &App, request: &RequestInfo, form: &TokenRequest, now: Time) -> Result<TokenReply, Fault> {
    let client = client::authenticate(app, request, form.into(), now).await?;
    match sent(form.grant_type.as_ref()) {
        Some("client_credentials") => {}
        Some(_) => return Err(ErrorCode::UnsupportedGrantType.into()),
        None => {
            return Err(Fault::new(ErrorCode::InvalidRequest).detail("grant_type is missing; use client_credentials."));
        }
    }
    if sent(form.resource.as_ref()).is_some_and(|resource| resource != app.config.public_url) {
        return Err(ErrorCode::InvalidTarget.into());
    }
    let scopes = model::grant(sent(form.scope.as_ref()), client.facts.scopes)?;
    // Before the assertion is used up: a client that is asked for a nonce may send the same assertion again.
    let jkt = proof::check_for_token(app, one_proof(request)?, &request.target_uri)?;
    let mut tx = app.db.begin().await?;
    client::use_up(app, &mut tx, &client).await?;
    tx.commit().await?;
    let Client { facts, kid, .. } = client;
    let new = NewToken { app: facts.app, partner: facts.partner, scopes, jkt, client_kid: kid };
    Ok(TokenReply {
        access_token: token::issue(app, new, now)?,
        token_type: "DPoP".to_owned(),
        expires_in: TOKEN_SECONDS,
        scope: scopes.to_string(),
    })
}

/// What is known of a token; nothing of one that is not the client's own.
pub async fn introspect(
    app: &App,
    request: &RequestInfo,
    form: &TokenQuestion,
    now: Time,
) -> Result<Introspection, Fault> {
    let client = client::authenticate(app, request, form.into(), now).await?;
    let asked = question(form)?;
    let mut tx = app.db.begin().await?;
    client::use_up(app, &mut tx, &client).await?;
    tx.commit().await?;
    let Some(Grant { token, scopes, .. }) = own(app, &client, asked).await? else {
        return Ok(Introspection::default());
    };
    Ok(Introspection {
        active: true,
        scope: Some(scopes.to_string()),
        client_id: Some(token.app),
        sub: Some(token.app.to_string()),
        iss: Some(app.config.public_url.clone()),
        aud: Some(app.config.public_url.clone()),
        iat: Some(token.iat),
        exp: Some(token.exp),
        jti: Some(token.jti.clone()),
        token_type: Some("DPoP".to_owned()),
        cnf: Some(Confirmation { jkt: token.jkt.clone() }),
    })
}

/// Revokes a token of the client's own; whether it did is the second half of the answer, which only the edge sees.
pub async fn revoke(
    app: &App,
    request: &RequestInfo,
    form: &TokenQuestion,
    now: Time,
) -> Result<(Nothing, bool), Fault> {
    let client = client::authenticate(app, request, form.into(), now).await?;
    let asked = question(form)?;
    let revoked = own(app, &client, asked).await?;
    let mut tx = app.db.begin().await?;
    client::use_up(app, &mut tx, &client).await?;
    if let Some(Grant { token, .. }) = &revoked {
        revocation::announce_token(&mut tx, &app.clock, &token.jti, token.exp).await?;
    }
    tx.commit().await?;
    Ok((Nothing {}, revoked.is_some()))
}

/// Announces, in the transaction of the change, that something about this app has changed: status, scopes, addresses, keys.
pub async fn announce_app(tx: &mut Tx, clock: &Clock, app: AppId) -> Result<(), Fault> {
    revocation::announce_app(tx, clock, app).await
}

/// The grant of a token that is good and belongs to the client.
async fn own(app: &App, client: &Client, token: &str) -> Result<Option<Grant>, Fault> {
    match authorize(app, token).await {
        Ok(grant) => Ok(Some(grant).filter(|grant| grant.token.app == client.facts.app)),
        // Ours to fail is not theirs to be told "not active".
        Err(fault) if fault.code().status() >= 500 => Err(fault),
        Err(_) => Ok(None),
    }
}

fn question(form: &TokenQuestion) -> Result<&str, Fault> {
    sent(form.token.as_ref()).ok_or_else(|| Fault::new(ErrorCode::InvalidRequest).detail("token is missing."))
}

/// The one proof of the request (RFC 9449, 4.3).
fn one_proof(request: &RequestInfo) -> Result<&str, Fault> {
    let wrong = |detail| Fault::new(ErrorCode::InvalidDpopProof).detail(detail);
    let mut proofs = request.http.headers().get_all("dpop");
    let proof = proofs.next().ok_or_else(|| wrong("The header DPoP is missing: every token is bound to a key."))?;
    if proofs.next().is_some() {
        return Err(wrong("There is more than one DPoP header."));
    }
    proof.to_str().map_err(|_| wrong("The header DPoP is not a JWT."))
}
