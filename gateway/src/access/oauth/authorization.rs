//! Authorization requests: pushed by the app, opened by a fan's browser, completed once (RFC 9126, RFC 9207).
//!
//! Invariants: no part of a request comes from the browser; redirects go only to URIs the app registered; viewing a request
//! consumes nothing, completing it does.

use quanzi_openapi::Time;
use quanzi_openapi::authorization::{
    CODE_SECONDS, PushedReply, PushedRequest, REQUEST_URI_PREFIX, REQUEST_URI_SECONDS,
};
use quanzi_openapi::id::{AppId, FanId, GrantId, PartnerId};
use quanzi_openapi::scope::FanScopes;
use url::Url;

use super::fan_store::{self as store, NewCode};
use super::model::AuthorizationRequest;
use super::{client, proof};
use crate::access::Access;
use crate::access::RequestInfo;
use crate::platform::crypto::hash;
use crate::platform::db::Tx;
use crate::platform::fault::Fault;

/// How long a fan may take from opening the page to the decision.
const PAGE_SECONDS: i64 = 600;

/// Takes a request in.
pub async fn push(
    access: &Access,
    request: &RequestInfo,
    form: &PushedRequest,
    now: Time,
) -> Result<PushedReply, Fault> {
    let client = client::authenticate(access, request, form.into(), now).await?;
    let wanted = AuthorizationRequest::read(form, &access.config, &client.facts.redirect_uris)?;
    // Before the assertion is used up: a client that is asked for a nonce may send the same assertion again.
    let wanted = match proof::if_sent(access, request)? {
        Some(jkt) => wanted.bound_to(jkt)?,
        None => wanted,
    };
    let secret = access.clock.random_text();
    let mut tx = access.db.begin().await?;
    client::consume(access, &mut tx, &client).await?;
    let expires_at = now.plus_seconds(REQUEST_URI_SECONDS);
    store::push(&mut tx, (client.facts.partner, client.facts.app), hash(&secret), &wanted, now, expires_at).await?;
    tx.commit().await?;
    Ok(PushedReply { request_uri: format!("{REQUEST_URI_PREFIX}{secret}"), expires_in: REQUEST_URI_SECONDS })
}

/// A pushed request that a fan's browser has opened.
#[derive(Debug)]
pub struct Opened {
    /// The app.
    pub app: AppId,
    /// Its partner.
    pub partner: PartnerId,
    /// What it wants.
    pub request: AuthorizationRequest,
    /// When it was pushed.
    pub pushed_at: Time,
    hash: [u8; 32],
}

/// The request a browser came with: of this client, in time, not completed, its redirect still registered.
pub async fn open(access: &Access, client: &str, request_uri: &str, now: Time) -> Result<Option<Opened>, Fault> {
    let Some(secret) = request_uri.strip_prefix(REQUEST_URI_PREFIX) else { return Ok(None) };
    let hash = hash(secret);
    // The client says whose the request is: where to look for it.
    let Ok(client) = client.parse::<AppId>() else { return Ok(None) };
    let Some(facts) = access.directory.app(&access.db, client).await?.filter(|facts| facts.active) else {
        return Ok(None);
    };
    let mut tx = access.db.reading_newest().await?;
    let Some(row) = store::find_pushed(&mut tx, facts.partner, hash).await? else { return Ok(None) };
    drop(tx);
    if row.app_id != client || row.completed_at.is_some() || row.expires_at <= now {
        return Ok(None);
    }
    let request = row.request.0;
    if !facts.redirect_uris.iter().any(|uri| uri.as_str() == request.redirect_uri) {
        return Ok(None);
    }
    if row.opened_at.is_none() {
        let mut tx = access.db.begin().await?;
        store::open_pushed(&mut tx, facts.partner, hash, now, now.plus_seconds(PAGE_SECONDS)).await?;
        tx.commit().await?;
    }
    Ok(Some(Opened { app: row.app_id, partner: facts.partner, request, pushed_at: row.created_at, hash }))
}

/// What an app is told when a fan does not come back with a code (RFC 6749, 4.1.2.1; OpenID Connect Core, 3.1.2.6).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Denial {
    /// The fan said no.
    AccessDenied,
    /// A page would have to be shown for signing in.
    LoginRequired,
    /// A page would have to be shown for consenting.
    ConsentRequired,
}

impl Denial {
    const fn as_str(self) -> &'static str {
        match self {
            Self::AccessDenied => "access_denied",
            Self::LoginRequired => "login_required",
            Self::ConsentRequired => "consent_required",
        }
    }
}

impl Opened {
    /// Where the browser goes to say no.
    pub fn denial(&self, access: &Access, denial: Denial) -> Result<String, Fault> {
        self.answer(access, "error", denial.as_str())
    }

    /// Completes the request; false when it was completed before. First of all that a yes or a no does: of both at once, in two
    /// tabs, one finds it done and does nothing.
    pub async fn complete(&self, tx: &mut Tx, now: Time) -> Result<bool, Fault> {
        Ok(store::complete_pushed(tx, self.partner, self.hash, now).await?)
    }

    /// A code for this grant, of a request that was just completed: where the browser goes.
    pub async fn accept(
        &self,
        access: &Access,
        tx: &mut Tx,
        (grant, fan): (GrantId, FanId),
        allowed: FanScopes,
        authenticated_at: Time,
        now: Time,
    ) -> Result<String, Fault> {
        let code = access.clock.random_text();
        let new = NewCode {
            hash: hash(&code),
            partner: self.partner,
            app: self.app,
            grant,
            fan,
            family: access.clock.random_text(),
            request: &self.request,
            scopes: self.scopes().within(allowed),
            authenticated_at,
            created_at: now,
            expires_at: now.plus_seconds(CODE_SECONDS),
        };
        store::add_code(tx, &new).await?;
        self.answer(access, "code", &code)
    }

    /// What the app asks for.
    pub fn scopes(&self) -> FanScopes {
        self.request.scopes()
    }

    /// The address with its parameters, its own query kept (RFC 6749, 4.1.2; RFC 9207, 2).
    fn answer(&self, access: &Access, name: &str, value: &str) -> Result<String, Fault> {
        let mut url = Url::parse(&self.request.redirect_uri).map_err(Fault::internal)?;
        let mut pairs = url.query_pairs_mut();
        pairs.append_pair(name, value);
        if let Some(state) = &self.request.state {
            pairs.append_pair("state", state);
        }
        pairs.append_pair("iss", &access.config.public_url);
        drop(pairs);
        Ok(url.into())
    }

    /// The origin the browser is sent to.
    pub fn redirect_origin(&self) -> String {
        Url::parse(&self.request.redirect_uri).map(|url| url.origin().ascii_serialization()).unwrap_or_default()
    }
}
