//! Access tokens (RFC 9068): made, and verified with a cache.
//!
//! Invariants: a cached token was verified by this process; its expiry and its revocation are looked at on every use.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};

use aws_lc_rs::digest::{SHA256, digest};
use quanzi_openapi::id::{AppId, PartnerId};
use quanzi_openapi::jose::{Compact, Jwk, JwsAlgorithm, assemble, signing_input};
use quanzi_openapi::oauth::{Confirmation, TOKEN_SECONDS};
use quanzi_openapi::scope::Scopes;
use quanzi_openapi::{ErrorCode, Time};
use quick_cache::sync::Cache;
use serde::{Deserialize, Serialize};

use crate::app::App;
use crate::crypto::VerifyingKey;
use crate::fault::Fault;

use super::challenge;
use super::revocation::Seen;

/// Most verified tokens kept; one takes about 400 bytes.
const TOKENS_CACHED_MAX: usize = 50_000;
/// `typ` of an access token.
const TYPE: &str = "at+jwt";

/// A verified access token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccessToken {
    /// The app it was issued to.
    pub app: AppId,
    /// The app's partner.
    pub partner: PartnerId,
    /// What it allows; the app may be allowed less by now (see [`authorize`](super::authorize)).
    pub scopes: Scopes,
    /// Thumbprint of the key it is bound to.
    pub jkt: String,
    /// Its id.
    pub jti: String,
    /// When it was issued, Unix seconds.
    pub iat: i64,
    /// When it expires, Unix seconds.
    pub exp: i64,
    /// The gateway's key that signed it.
    pub kid: String,
    /// The app's key that authenticated the client when it was issued.
    pub client_kid: String,
}

#[derive(Serialize, Deserialize)]
struct Claims {
    iss: String,
    sub: AppId,
    client_id: AppId,
    aud: String,
    iat: i64,
    exp: i64,
    jti: String,
    scope: String,
    cnf: Confirmation,
    partner: PartnerId,
    client_kid: String,
}

/// What a token is issued for.
pub(super) struct NewToken {
    pub app: AppId,
    pub partner: PartnerId,
    pub scopes: Scopes,
    pub jkt: String,
    pub client_kid: String,
}

/// Signs a token.
pub(super) fn issue(app: &App, new: NewToken, now: Time) -> Result<String, Fault> {
    let header = serde_json::json!({ "typ": TYPE, "alg": JwsAlgorithm::EdDsa, "kid": app.key.kid() });
    let claims = Claims {
        iss: app.config.public_url.clone(),
        sub: new.app,
        client_id: new.app,
        aud: app.config.public_url.clone(),
        iat: now.seconds(),
        exp: now.seconds() + TOKEN_SECONDS,
        jti: app.clock.random_text(),
        scope: new.scopes.to_string(),
        cnf: Confirmation { jkt: new.jkt },
        partner: new.partner,
        client_kid: new.client_kid,
    };
    let input = signing_input(&header, &claims).map_err(Fault::internal)?;
    Ok(assemble(&input, &app.key.sign(input.as_bytes())))
}

/// What a process knows about tokens: the gateway's public keys, tokens it verified, tokens that were revoked.
pub struct Tokens {
    keys: HashMap<String, VerifyingKey>,
    published: Vec<Jwk>,
    verified: Cache<[u8; 32], Arc<AccessToken>>,
    /// By jti, until the token would have expired: as many as are revoked in five minutes.
    revoked: RwLock<HashMap<String, Time>>,
    pub(super) seen: Seen,
}

impl fmt::Debug for Tokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tokens").field("cached", &self.verified.len()).finish_non_exhaustive()
    }
}

impl Tokens {
    /// With the gateway's public keys.
    pub fn new(published: Vec<Jwk>) -> Self {
        let keys =
            published.iter().filter_map(|jwk| Some((jwk.thumbprint(), VerifyingKey::new(&jwk.key).ok()?))).collect();
        let verified = Cache::new(TOKENS_CACHED_MAX);
        Self { keys, published, verified, revoked: RwLock::default(), seen: Seen::default() }
    }

    /// The gateway's public keys, as they are published.
    pub fn published(&self) -> &[Jwk] {
        &self.published
    }

    /// Verifies a token: ours, for us, not altered, not expired, not revoked. Whether its app may still be used is for
    /// [`authorize`](super::authorize).
    pub fn verify(&self, app: &App, token: &str) -> Result<Arc<AccessToken>, Fault> {
        let refused = |code| Fault::new(code).header("WWW-Authenticate", challenge(app, Some("invalid_token")));
        let hash = hash(token);
        let cached = self.verified.get(&hash);
        let is_new = cached.is_none();
        let verified = match cached {
            Some(token) => token,
            None => Arc::new(self.parse(app, token).ok_or_else(|| refused(ErrorCode::TokenInvalid))?),
        };
        if verified.exp <= app.clock.now().seconds() {
            self.verified.remove(&hash);
            return Err(refused(ErrorCode::TokenExpired));
        }
        if self.is_revoked(&verified.jti) {
            return Err(refused(ErrorCode::TokenRevoked));
        }
        if is_new {
            self.verified.insert(hash, Arc::clone(&verified));
        }
        Ok(verified)
    }

    fn parse(&self, app: &App, token: &str) -> Option<AccessToken> {
        let jws = Compact::parse(token).ok()?;
        if !jws.header.is_type(TYPE) || jws.header.alg != JwsAlgorithm::EdDsa {
            return None;
        }
        let kid = jws.header.kid.clone()?;
        let key = self.keys.get(&kid)?;
        if !key.verify_jws(JwsAlgorithm::EdDsa, jws.signed.as_bytes(), &jws.signature) {
            return None;
        }
        let claims: Claims = jws.claims().ok()?;
        let ours = &app.config.public_url;
        if claims.iss != *ours || claims.aud != *ours || claims.sub != claims.client_id {
            return None;
        }
        Some(AccessToken {
            app: claims.client_id,
            partner: claims.partner,
            // A scope of a newer gateway means nothing to this one.
            scopes: claims.scope.split(' ').filter_map(|scope| scope.parse().ok()).collect(),
            jkt: claims.cnf.jkt,
            jti: claims.jti,
            iat: claims.iat,
            exp: claims.exp,
            kid,
            client_kid: claims.client_kid,
        })
    }

    fn is_revoked(&self, jti: &str) -> bool {
        self.revoked.read().unwrap_or_else(PoisonError::into_inner).contains_key(jti)
    }

    pub(super) fn revoke(&self, jti: &str, until: Time) {
        self.revoked.write().unwrap_or_else(PoisonError::into_inner).insert(jti.to_owned(), until);
    }

    pub(super) fn forget_expired(&self, now: Time) {
        self.revoked.write().unwrap_or_else(PoisonError::into_inner).retain(|_, until| *until > now);
    }
}

fn hash(token: &str) -> [u8; 32] {
    let mut hash = [0; 32];
    for (to, from) in hash.iter_mut().zip(digest(&SHA256, token.as_bytes()).as_ref()) {
        *to = *from;
    }
    hash
}
