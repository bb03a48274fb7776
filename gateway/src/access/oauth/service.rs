//! Use-cases of the authorization server.
//!
//! Each verifies everything first and opens its short transaction last, so that unauthenticated callers cannot keep others
//! from writing.

use std::sync::Arc;

use quanzi_openapi::id::{AppId, GrantId, PartnerId};
use quanzi_openapi::oauth::{
    Confirmation, Introspection, TOKEN_SECONDS, TokenIntrospectionRequest, TokenReply, TokenRequest,
};
use quanzi_openapi::scope::Scopes;
use quanzi_openapi::{ErrorCode, Nothing, Time};

use crate::access::Access;
use crate::access::AppFacts;
use crate::access::RequestInfo;
use crate::platform::clock::Clock;
use crate::platform::crypto::hash;
use crate::platform::db::{Reader, Tx};
use crate::platform::fault::Fault;

use super::client::{self, Client};
use super::fan_store::{self, RefreshRow};
use super::model::{self, challenge, sent};
use super::token::{self, AccessToken, Holder, NewToken};
use super::{proof, revocation};

/// A token that may be used now, and the app it may be used by.
#[derive(Debug, Clone)]
pub struct Authorized {
    /// The token.
    pub token: Arc<AccessToken>,
    /// The app.
    pub app: Arc<AppFacts>,
    /// What both a partner's token and the app allow; nothing for a fan's token, whose scopes are in the token.
    pub scopes: Scopes,
}

/// Verifies a token and its app, for the API's edge. Who holds the token's key, and from which address, is for the edge to check.
pub async fn authorize(access: &Access, token: &str) -> Result<Authorized, Fault> {
    let token = access.tokens.verify(access, token)?;
    let refused = |code| Fault::new(code).header("WWW-Authenticate", challenge(access, Some("invalid_token")));
    let facts = access.directory.app(&access.db, token.app).await?.filter(|facts| facts.partner == token.partner);
    let facts = facts.ok_or_else(|| refused(ErrorCode::TokenInvalid))?;
    // The key that authenticated the client must still be there; the one the token is bound to may be no key of the app at all.
    if facts.has_removed(&token.jkt) || facts.key(&token.client_kid).is_none() {
        return Err(refused(ErrorCode::TokenRevoked).detail("The key of the token was removed from the app."));
    }
    if !facts.active {
        return Err(ErrorCode::AppSuspended.into());
    }
    let scopes = match &token.holder {
        Holder::App(scopes) => scopes.within(facts.scopes),
        Holder::Fan(_) => Scopes::default(),
    };
    Ok(Authorized { token, app: facts, scopes })
}

/// Issues a token for the app itself.
pub async fn own_token(
    access: &Access,
    request: &RequestInfo,
    form: &TokenRequest,
    client: Client,
    now: Time,
) -> Result<TokenReply, Fault> {
    let scopes = model::grant(sent(form.scope.as_ref()), client.facts.scopes)?;
    // Before the assertion is used up: a client that is asked for a nonce may send the same assertion again.
    let jkt = proof::must_be_sent(access, request)?;
    client::consume_alone(access, &client).await?;
    let Client { facts, kid, .. } = client;
    let holder = Holder::App(scopes);
    let new = NewToken { app: facts.app, partner: facts.partner, holder, jkt, client_kid: kid };
    Ok(TokenReply {
        access_token: token::issue(access, new, now)?,
        token_type: "DPoP".to_owned(),
        expires_in: TOKEN_SECONDS,
        scope: scopes.to_string(),
        refresh_token: None,
        id_token: None,
    })
}

/// What is known of a token; nothing of one that is not the client's own.
pub async fn introspect(
    access: &Access,
    request: &RequestInfo,
    form: &TokenIntrospectionRequest,
    now: Time,
) -> Result<Introspection, Fault> {
    let client = client::authenticate(access, request, form.into(), now).await?;
    let asked = question(form)?;
    client::consume_alone(access, &client).await?;
    let about = |holder: &Holder, app: AppId, own: Scopes| match holder {
        Holder::App(_) => (own.to_string(), app.to_string()),
        Holder::Fan(of) => (of.scopes.to_string(), of.fan.to_string()),
    };
    let issuer = || Some(access.config.public_url.clone());
    match own(access, &client, asked, now).await? {
        Owned::Nothing => Ok(Introspection::default()),
        Owned::Refresh(row) => Ok(Introspection {
            active: true,
            scope: Some(row.scopes().to_string()),
            client_id: Some(row.app_id),
            sub: Some(row.fan_id.to_string()),
            iss: issuer(),
            iat: Some(row.created_at.seconds()),
            exp: Some(row.expires_at.seconds()),
            ..Introspection::default()
        }),
        Owned::Access(Authorized { token, scopes, .. }) => {
            let (scope, sub) = about(&token.holder, token.app, scopes);
            Ok(Introspection {
                active: true,
                scope: Some(scope),
                client_id: Some(token.app),
                sub: Some(sub),
                iss: issuer(),
                aud: issuer(),
                iat: Some(token.iat),
                exp: Some(token.exp),
                jti: Some(token.jti.clone()),
                token_type: Some("DPoP".to_owned()),
                cnf: Some(Confirmation { jkt: token.jkt.clone() }),
            })
        }
    }
}

/// Revokes a token of the client's own; whether it did is the second half of the answer, which only the edge sees.
pub async fn revoke(
    access: &Access,
    request: &RequestInfo,
    form: &TokenIntrospectionRequest,
    now: Time,
) -> Result<(Nothing, bool), Fault> {
    let client = client::authenticate(access, request, form.into(), now).await?;
    let asked = question(form)?;
    let revoked = own(access, &client, asked, now).await?;
    let mut tx = access.db.begin().await?;
    client::consume(access, &mut tx, &client).await?;
    match &revoked {
        Owned::Nothing => {}
        Owned::Access(Authorized { token, .. }) => {
            revocation::announce_token(&mut tx, &access.clock, &token.jti, token.exp).await?;
        }
        Owned::Refresh(row) => end_family(access, &mut tx, row.partner_id, &row.family).await?,
    }
    tx.commit().await?;
    Ok((Nothing {}, !matches!(revoked, Owned::Nothing)))
}

/// Announces, in the transaction of the change, that something about this app has changed: status, scopes, addresses, keys.
pub async fn announce_app(tx: &mut Tx, clock: &Clock, app: AppId) -> Result<(), Fault> {
    revocation::announce_app(tx, clock, app).await
}

/// Ends everything that was issued for a grant, in the transaction that ends the grant.
pub async fn end_grant(tx: &mut Tx, clock: &Clock, partner: PartnerId, grant: GrantId) -> Result<(), Fault> {
    fan_store::end_grant(tx, partner, grant).await?;
    revocation::announce_grant(tx, clock, grant).await
}

/// A token of the client's own.
enum Owned {
    Nothing,
    Access(Authorized),
    Refresh(RefreshRow),
}

/// The token, when it is good and belongs to the client. Which kind it is is seen by looking: a wrong hint does no harm.
async fn own(access: &Access, client: &Client, token: &str, now: Time) -> Result<Owned, Fault> {
    match authorize(access, token).await {
        Ok(authorized) if authorized.token.app == client.facts.app => return Ok(Owned::Access(authorized)),
        Ok(_) => return Ok(Owned::Nothing),
        // Ours to fail is not theirs to be told "not active".
        Err(fault) if fault.code().status() >= 500 => return Err(fault),
        Err(_) => {}
    }
    let row = find_refresh(&mut access.db.reading_newest().await?, client, token, now).await?;
    Ok(row.map_or(Owned::Nothing, Owned::Refresh))
}

fn question(form: &TokenIntrospectionRequest) -> Result<&str, Fault> {
    sent(form.token.as_ref()).ok_or_else(|| Fault::new(ErrorCode::InvalidRequest).detail("token is missing."))
}

/// Ends a refresh token and the access tokens it got.
pub async fn end_family(access: &Access, tx: &mut Tx, partner: PartnerId, family: &str) -> Result<(), Fault> {
    fan_store::end_family(tx, partner, family).await?;
    revocation::announce_family(tx, &access.clock, family).await
}

/// The client's refresh token, if it is good.
pub async fn find_refresh(
    tx: &mut Reader,
    client: &Client,
    refresh_token: &str,
    now: Time,
) -> Result<Option<RefreshRow>, Fault> {
    let row = fan_store::find_refresh(tx, client.facts.partner, hash(refresh_token)).await?;
    Ok(row.filter(|row| row.app_id == client.facts.app && row.expires_at > now))
}
