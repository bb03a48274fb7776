//! Fan tokens, for a code or for a refresh token.
//!
//! Invariants: a code is exchanged once, by the client it was issued to, with everything it is bound to; a second exchange
//! revokes everything issued for it; a token is issued only while its grant is locked, so a revocation either comes before
//! it or reaches it.

use quanzi_openapi::oauth::{TOKEN_SECONDS, TokenReply, TokenRequest};
use quanzi_openapi::scope::{FanScope, FanScopes};
use quanzi_openapi::{ErrorCode, Time};

use super::id_token;
use crate::access::Access;
use crate::access::RequestInfo;
use crate::access::oauth::client::{self, Client};
use crate::access::oauth::fan_store::{self as store, CodeRow, RefreshRow};
use crate::access::oauth::model::refused;
use crate::access::oauth::model::{sent, verifier_fits};
use crate::access::oauth::service::{end_family, find_refresh};
use crate::access::oauth::token::{self, FanHolder, Holder, NewToken};
use crate::access::oauth::{proof, revocation};
use crate::capabilities::grants;
use crate::platform::crypto::hash;
use crate::platform::db::Tx;
use crate::platform::fault::Fault;

/// Life of a refresh token. It is not renewed: after that the fan is asked again.
const REFRESH_SECONDS: i64 = 90 * 24 * 3_600;

fn invalid(detail: &'static str) -> Fault {
    Fault::new(ErrorCode::InvalidGrant).detail(detail)
}

/// Issues tokens for a code.
pub(super) async fn code(
    access: &Access,
    request: &RequestInfo,
    form: &TokenRequest,
    client: Client,
    now: Time,
) -> Result<TokenReply, Fault> {
    let code = sent(form.code.as_ref()).ok_or_else(|| refused("code is missing."))?;
    let hash = hash(code);
    let row = store::find_code(&mut access.db.reading_newest().await?, client.facts.partner, hash).await?;
    let row = row.filter(|row| row.app_id == client.facts.app).ok_or_else(|| invalid("The code does not exist."))?;
    // Before the assertion is used up: a client that is asked for a nonce may send the same assertion again.
    let jkt = proof::must_be_sent(access, request)?;
    if row.used_at.is_none() {
        check(&row, form, &jkt, now)?;
    }
    let mut tx = access.db.begin().await?;
    client::consume(access, &mut tx, &client).await?;
    if row.used_at.is_some() || !store::use_code(&mut tx, client.facts.partner, hash, now).await? {
        return Err(used_twice(access, tx, &row).await?);
    }
    let grant = grants::service::lock_shared(&mut tx, row.partner_id, row.grant_id).await?;
    let grant = grant.ok_or_else(|| invalid("The fan has revoked the grant."))?;
    let scopes = row.scopes().within(grant.scopes());
    let refresh_token = format!("{}{}", access.clock.random_text(), access.clock.random_text());
    let kept = RefreshRow::new(&row, scopes, now, now.plus_seconds(REFRESH_SECONDS));
    store::add_refresh(&mut tx, crate::platform::crypto::hash(&refresh_token), &kept).await?;
    tx.commit().await?;
    let id_token = if scopes.contains(FanScope::OpenId) {
        let nonce = row.nonce.as_deref();
        Some(id_token::issue(access, row.app_id, row.fan_id, row.authenticated_at, nonce, now)?)
    } else {
        None
    };
    let reply = self::reply(access, client, &kept, scopes, jkt, now)?;
    Ok(TokenReply { refresh_token: Some(refresh_token), id_token, ..reply })
}

/// Everything a code is bound to. Who guesses wrong does not use it up for the one it was made for.
fn check(row: &CodeRow, form: &TokenRequest, jkt: &str, now: Time) -> Result<(), Fault> {
    if row.expires_at <= now {
        return Err(invalid("The code has expired; it is valid for 60 seconds."));
    }
    if sent(form.redirect_uri.as_ref()) != Some(row.redirect_uri.as_str()) {
        return Err(invalid(
            "redirect_uri differs from the one in the pushed request; they are compared character for character.",
        ));
    }
    if !sent(form.code_verifier.as_ref()).is_some_and(|verifier| verifier_fits(verifier, &row.challenge)) {
        return Err(invalid("code_verifier does not match the code_challenge of the pushed request (RFC 7636)."));
    }
    if row.jkt.as_ref().is_some_and(|bound| bound != jkt) {
        return Err(invalid("The code is bound to a different DPoP key."));
    }
    Ok(())
}

/// Someone else may have had the code: everything issued for it is revoked. This is committed although the call is refused.
async fn used_twice(access: &Access, mut tx: Tx, row: &CodeRow) -> Result<Fault, Fault> {
    end_family(access, &mut tx, row.partner_id, &row.family).await?;
    tx.commit().await?;
    if let Err(fault) = revocation::catch_up(access).await {
        tracing::warn!(code = %fault.code(), cause = ?fault.cause(), "revocations could not be read");
    }
    tracing::warn!(app = %row.app_id, "a code was used twice; everything issued for it is revoked");
    Ok(invalid(
        "The code was already used. Everything issued for it is revoked; send the fan to the authorization endpoint again.",
    ))
}

/// Issues the next access token for a refresh token.
pub(super) async fn refresh(
    access: &Access,
    request: &RequestInfo,
    form: &TokenRequest,
    client: Client,
    now: Time,
) -> Result<TokenReply, Fault> {
    let refresh_token = sent(form.refresh_token.as_ref()).ok_or_else(|| refused("refresh_token is missing."))?;
    let found = find_refresh(&mut access.db.reading_newest().await?, &client, refresh_token, now).await?;
    found.ok_or_else(gone)?;
    let asked = sent(form.scope.as_ref()).map(str::parse::<FanScopes>).transpose();
    let asked = asked.map_err(|_| ErrorCode::InvalidScope)?;
    let jkt = proof::must_be_sent(access, request)?;
    let mut tx = access.db.begin().await?;
    client::consume(access, &mut tx, &client).await?;
    // Again, in the transaction: it may have been revoked meanwhile.
    let row = find_refresh(&mut tx, &client, refresh_token, now).await?.ok_or_else(gone)?;
    let grant = grants::service::lock_shared(&mut tx, row.partner_id, row.grant_id).await?.ok_or_else(gone)?;
    let may = row.scopes().within(grant.scopes());
    let scopes = asked.unwrap_or(may);
    if !may.covers(scopes) || scopes.is_empty() {
        return Err(
            Fault::new(ErrorCode::InvalidScope).detail("The refresh token does not have all the scopes you ask for.")
        );
    }
    tx.commit().await?;
    reply(access, client, &row, scopes, jkt, now)
}

fn gone() -> Fault {
    invalid(
        "The refresh token is unknown, has expired, or was revoked: send the fan to the authorization endpoint again.",
    )
}

fn reply(
    access: &Access,
    client: Client,
    row: &RefreshRow,
    scopes: FanScopes,
    jkt: String,
    now: Time,
) -> Result<TokenReply, Fault> {
    let holder = Holder::Fan(FanHolder { fan: row.fan_id, grant: row.grant_id, family: row.family.clone(), scopes });
    let new = NewToken { app: row.app_id, partner: row.partner_id, holder, jkt, client_kid: client.kid };
    Ok(TokenReply {
        access_token: token::issue(access, new, now)?,
        token_type: "DPoP".to_owned(),
        expires_in: TOKEN_SECONDS,
        scope: scopes.to_string(),
        refresh_token: None,
        id_token: None,
    })
}
