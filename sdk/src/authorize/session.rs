//! Fan sessions: tokens that are renewed and stored.
//!
//! Invariant: only one caller renews at a time (ensured by [`App::token`](crate::token::App)), and renewed tokens are stored
//! before anyone uses them.

use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use oauth2::basic::BasicTokenResponse;
use oauth2::{AccessToken, RefreshToken, TokenResponse as _};
use quanzi_openapi::Time;
use quanzi_openapi::id::FanId;
use quanzi_openapi::scope::FanScope;
use serde::{Deserialize, Serialize};

use super::not_verified;
use crate::ask::Grant;
use crate::client::Client;
use crate::error::{Error, ErrorKind};
use crate::token::{App, LIFE_DEFAULT, Token};

/// The tokens of a fan. Store them like keys; their `Debug` output does not show them.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[non_exhaustive]
pub struct FanTokens {
    /// The access token, bound to your app's key.
    pub access: AccessToken,
    /// The refresh token: valid for 90 days, not rotated.
    pub refresh: RefreshToken,
    /// When the access token expires.
    pub expires: Time,
    /// The fan's id.
    pub fan: FanId,
    /// The scopes the fan granted: not always all you asked for.
    pub scopes: Vec<FanScope>,
}

impl FanTokens {
    pub(super) fn new(client: &Client, token: &BasicTokenResponse, fan: FanId) -> Result<Self, Error> {
        let refresh = token.refresh_token().cloned();
        let refresh = refresh.ok_or_else(|| not_verified("the response has no refresh token"))?;
        let scopes = scopes(token).unwrap_or_default();
        Ok(Self { access: token.access_token().clone(), refresh, expires: expires(client, token), fan, scopes })
    }

    /// Remaining lifetime of the access token.
    fn left(&self, client: &Client) -> Duration {
        let seconds = self.expires.seconds().saturating_sub(client.system().now_seconds());
        Duration::from_secs(u64::try_from(seconds).unwrap_or(0))
    }

    fn token(&self, client: &Client) -> Token {
        Token::new(client, self.access.clone(), self.left(client))
    }
}

fn expires(client: &Client, token: &BasicTokenResponse) -> Time {
    let life = token.expires_in().unwrap_or(LIFE_DEFAULT);
    Time::from_seconds(client.system().now_seconds()).plus_seconds(i64::try_from(life.as_secs()).unwrap_or(i64::MAX))
}

fn scopes(token: &BasicTokenResponse) -> Option<Vec<FanScope>> {
    Some(token.scopes()?.iter().filter_map(|scope| scope.parse().ok()).collect())
}

/// Why your store failed.
pub type StoreFailure = Box<dyn std::error::Error + Send + Sync>;
/// Future of a store operation.
pub type Stored<'a, T> = Pin<Box<dyn Future<Output = Result<T, StoreFailure>> + Send + 'a>>;

/// Stores the tokens of your fans: a table of your database, encrypted.
pub trait TokenStore: Send + Sync {
    /// Loads a fan's tokens, if there are any. Also called before a renewal, because another of your processes may have
    /// renewed them.
    fn load(&self, fan: FanId) -> Stored<'_, Option<FanTokens>>;

    /// Saves new tokens of a fan, replacing the old ones.
    fn save(&self, tokens: FanTokens) -> Stored<'_, ()>;
}

impl Client {
    /// A client of the same app that acts for a fan, with the calls under [`me`](Client::me).
    ///
    /// It renews the access token automatically, one caller at a time, and clones share the token. When the fan has revoked
    /// the consent, calls fail with [`ErrorKind::GrantEnded`].
    pub fn as_fan(&self, tokens: FanTokens) -> Result<Self, Error> {
        self.speak_for(tokens, None)
    }

    /// The same, with tokens from your store, to which new tokens are saved; `None` if the store has none for this fan.
    pub async fn as_stored_fan(&self, fan: FanId, store: Arc<dyn TokenStore>) -> Result<Option<Self>, Error> {
        let tokens = load(&store, fan).await?;
        tokens.map(|tokens| self.speak_for(tokens, Some(store))).transpose()
    }

    fn speak_for(&self, tokens: FanTokens, store: Option<Arc<dyn TokenStore>>) -> Result<Self, Error> {
        let app = self.app().ok_or_else(super::no_app)?;
        let token = tokens.token(self);
        let app = app.for_fan(Session { tokens: Mutex::new(tokens), store }, token);
        Ok(self.speaking_as(app))
    }
}

/// A fan that a client acts for.
pub(crate) struct Session {
    tokens: Mutex<FanTokens>,
    store: Option<Arc<dyn TokenStore>>,
}

impl Session {
    /// Gets the next access token. After a refusal the store is not tried, because its tokens may be refused as well: only
    /// the response to a refresh says whether the consent has ended.
    pub(crate) async fn renew(&self, client: &Client, app: &App, was_refused: bool) -> Result<Token, Error> {
        let known = self.known();
        if let Some(store) = self.store.as_ref().filter(|_| !was_refused) {
            let stored = load(store, known.fan).await?;
            let renewed = stored.filter(|stored| stored.access.secret() != known.access.secret());
            if let Some(renewed) = renewed.filter(|renewed| renewed.left(client) > LIFE_DEFAULT / 5) {
                return Ok(self.adopt(client, renewed));
            }
        }
        let answer = app.exchange(client, Grant::Refresh(known.refresh.clone())).await;
        let (token, _) = answer.map_err(Error::ended_grant)?;
        let renewed = FanTokens {
            access: token.access_token().clone(),
            refresh: token.refresh_token().cloned().unwrap_or(known.refresh),
            expires: expires(client, &token),
            fan: known.fan,
            scopes: scopes(&token).unwrap_or(known.scopes),
        };
        if let Some(store) = &self.store {
            // The refresh token is still good, so a store that fails costs a renewal and no fan.
            if let Err(error) = store.save(renewed.clone()).await {
                tracing::warn!(%error, "a fan's new tokens could not be stored");
            }
        }
        Ok(self.adopt(client, renewed))
    }

    fn known(&self) -> FanTokens {
        self.tokens.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn adopt(&self, client: &Client, tokens: FanTokens) -> Token {
        let token = tokens.token(client);
        *self.tokens.lock().unwrap_or_else(PoisonError::into_inner) = tokens;
        token
    }
}

/// Loads this fan's tokens. A store that mixes fans up would let one fan act as another.
async fn load(store: &Arc<dyn TokenStore>, fan: FanId) -> Result<Option<FanTokens>, Error> {
    let tokens = store.load(fan).await.map_err(failed)?;
    if tokens.as_ref().is_some_and(|tokens| tokens.fan != fan) {
        return Err(Error::new(ErrorKind::Store, "the token store returned tokens of a different fan"));
    }
    Ok(tokens)
}

fn failed(error: StoreFailure) -> Error {
    Error::new(ErrorKind::Store, format!("the token store failed: {error}")).with_source(error)
}
