//! Access tokens (RFC 9068): issued, and verified with a cache.
//!
//! Invariants: a cached token was verified by this process; its expiry and its revocation are checked on every use.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};

use quanzi_openapi::id::{AppId, FanId, GrantId, PartnerId, PersonId};
use quanzi_openapi::jose::{Compact, JwsAlgorithm, assemble, signing_input};
use quanzi_openapi::oauth::{Confirmation, TOKEN_SECONDS};
use quanzi_openapi::scope::{FanScopes, Scopes};
use quanzi_openapi::{ErrorCode, Time};
use quick_cache::sync::Cache;
use serde::{Deserialize, Serialize};

use crate::platform::Platform;
use crate::platform::crypto::hash;
use crate::platform::fault::Fault;

use super::model::challenge;
use super::revocation_window::SeenRevocations;
use super::store;

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
    /// Whom it speaks for.
    pub holder: Holder,
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

/// Whom a token speaks for, and what it allows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Holder {
    /// The app itself; it may be allowed less by now (see [`authorize`](super::authorize)).
    App(Scopes),
    /// A fan, through the app.
    Fan(FanHolder),
}

/// A fan who let an app do something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FanHolder {
    /// The fan, as the partner knows it.
    pub fan: FanId,
    /// What the fan agreed to.
    pub grant: GrantId,
    /// Names everything that was issued for one code.
    pub family: String,
    /// What the token allows.
    pub scopes: FanScopes,
}

#[derive(Serialize, Deserialize)]
struct Claims {
    iss: String,
    sub: String,
    client_id: AppId,
    aud: String,
    iat: i64,
    exp: i64,
    jti: String,
    scope: String,
    cnf: Confirmation,
    partner: PartnerId,
    client_kid: String,
    /// Only in tokens of fans, and in all of them: by this they are told apart.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    grant: Option<GrantId>,
    /// Only in tokens of fans.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    family: Option<String>,
}

/// What a token is issued for.
pub struct NewToken {
    pub app: AppId,
    pub partner: PartnerId,
    pub holder: Holder,
    pub jkt: String,
    pub client_kid: String,
}

/// Signs a token.
pub fn issue(platform: &Platform, new: NewToken, now: Time) -> Result<String, Fault> {
    let key = platform.keyring.signing(now);
    let header = serde_json::json!({ "typ": TYPE, "alg": JwsAlgorithm::EdDsa, "kid": key.kid() });
    let (sub, scope, grant, family) = match new.holder {
        Holder::App(scopes) => (new.app.to_string(), scopes.to_string(), None, None),
        Holder::Fan(of) => (of.fan.to_string(), of.scopes.to_string(), Some(of.grant), Some(of.family)),
    };
    let claims = Claims {
        iss: platform.config.public_url.clone(),
        sub,
        client_id: new.app,
        aud: platform.config.public_url.clone(),
        iat: now.seconds(),
        exp: now.seconds() + TOKEN_SECONDS,
        jti: platform.clock.random_text(),
        scope,
        cnf: Confirmation { jkt: new.jkt },
        partner: new.partner,
        client_kid: new.client_kid,
        grant,
        family,
    };
    let input = signing_input(&header, &claims).map_err(Fault::internal)?;
    Ok(assemble(&input, &key.sign(input.as_bytes())))
}

impl Claims {
    /// Whom the token speaks for; nothing when its claims do not fit together. A scope of a newer gateway means nothing to this one.
    fn holder(&self) -> Option<Holder> {
        let scopes = || self.scope.split(' ');
        match (self.grant, &self.family) {
            (None, None) if self.sub == self.client_id.to_string() => {
                Some(Holder::App(scopes().filter_map(|scope| scope.parse().ok()).collect()))
            }
            (Some(grant), Some(family)) => Some(Holder::Fan(FanHolder {
                fan: self.sub.parse().ok()?,
                grant,
                family: family.clone(),
                scopes: scopes().filter_map(|scope| scope.parse().ok()).collect(),
            })),
            _ => None,
        }
    }
}

/// What a process knows about tokens: those it verified, and those that were revoked.
pub struct Tokens {
    verified: Cache<[u8; 32], Arc<AccessToken>>,
    /// By jti, family or grant, which are all random, until the last token would have expired: as many as are revoked in five
    /// minutes.
    revoked: RwLock<HashMap<String, Time>>,
    /// Who is behind a fan: that never changes.
    persons: Cache<FanId, PersonId>,
    pub(super) seen: SeenRevocations,
}

impl fmt::Debug for Tokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tokens").field("cached", &self.verified.len()).finish_non_exhaustive()
    }
}

impl Default for Tokens {
    fn default() -> Self {
        let verified = Cache::new(TOKENS_CACHED_MAX);
        let persons = Cache::new(TOKENS_CACHED_MAX);
        Self { verified, revoked: RwLock::default(), persons, seen: SeenRevocations::default() }
    }
}

impl Tokens {
    /// Verifies a token: ours, for us, not altered, not expired, not revoked. Whether its app may still be used is for
    /// [`authorize`](super::authorize).
    pub fn verify(&self, platform: &Platform, token: &str) -> Result<Arc<AccessToken>, Fault> {
        let refused = |code| Fault::new(code).header("WWW-Authenticate", challenge(platform, Some("invalid_token")));
        let hash = hash(token);
        let cached = self.verified.get(&hash);
        let is_new = cached.is_none();
        let verified = match cached {
            Some(token) => token,
            None => Arc::new(parse(platform, token).ok_or_else(|| refused(ErrorCode::TokenInvalid))?),
        };
        if verified.exp <= platform.clock.now().seconds() {
            self.verified.remove(&hash);
            return Err(refused(ErrorCode::TokenExpired));
        }
        if self.is_revoked(&verified) {
            return Err(refused(ErrorCode::TokenRevoked));
        }
        if is_new {
            self.verified.insert(hash, Arc::clone(&verified));
            // Its key may have been taken away, and what was verified forgotten, between the two.
            if platform.keyring.keys().verifying(&verified.kid).is_none() {
                self.verified.remove(&hash);
            }
        }
        Ok(verified)
    }

    /// Forgets what it verified: a key of the gateway is gone.
    pub fn forget_verified(&self) {
        self.verified.clear();
    }

    fn is_revoked(&self, token: &AccessToken) -> bool {
        let revoked = self.revoked.read().unwrap_or_else(PoisonError::into_inner);
        // Usually nothing was revoked within the last minutes, and nothing has to be hashed.
        !revoked.is_empty()
            && (revoked.contains_key(&token.jti)
                || matches!(&token.holder, Holder::Fan(of)
                    if revoked.contains_key(&of.family) || revoked.contains_key(&of.grant.to_string())))
    }

    pub(super) fn revoke(&self, name: &str, until: Time) {
        let mut revoked = self.revoked.write().unwrap_or_else(PoisonError::into_inner);
        let kept = revoked.entry(name.to_owned()).or_insert(until);
        *kept = until.max(*kept);
    }

    /// The person behind a fan: for what knows nothing of partners, such as a wallet.
    pub async fn person(&self, platform: &Platform, partner: PartnerId, fan: FanId) -> Result<Option<PersonId>, Fault> {
        if let Some(person) = self.persons.get(&fan) {
            return Ok(Some(person));
        }
        let person = store::person_of(&mut platform.db.reading_newest().await?, partner, fan).await?;
        if let Some(person) = person {
            self.persons.insert(fan, person);
        }
        Ok(person)
    }

    pub(super) fn forget_expired(&self, now: Time) {
        self.revoked.write().unwrap_or_else(PoisonError::into_inner).retain(|_, until| *until > now);
    }
}

/// What a token says, when it is ours, for us, and not altered.
fn parse(platform: &Platform, token: &str) -> Option<AccessToken> {
    let jws = Compact::parse(token).ok()?;
    if !jws.header.is_type(TYPE) || jws.header.alg != JwsAlgorithm::EdDsa {
        return None;
    }
    let kid = jws.header.kid.clone()?;
    let keys = platform.keyring.keys();
    let key = keys.verifying(&kid)?;
    if !key.verify_jws(JwsAlgorithm::EdDsa, jws.signed.as_bytes(), &jws.signature) {
        return None;
    }
    let claims: Claims = jws.claims().ok()?;
    let ours = &platform.config.public_url;
    if claims.iss != *ours || claims.aud != *ours {
        return None;
    }
    let holder = claims.holder()?;
    Some(AccessToken {
        app: claims.client_id,
        partner: claims.partner,
        holder,
        jkt: claims.cnf.jkt,
        jti: claims.jti,
        iat: claims.iat,
        exp: claims.exp,
        kid,
        client_kid: claims.client_kid,
    })
}
