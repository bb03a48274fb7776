//! Speaking for a fan: tokens that are kept, renewed, and told to whoever stores them.
//!
//! Invariant: one caller renews at a time ([`App::token`](crate::token::App) sees to it), and the store is told of
//! what was renewed before anybody uses it.

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

/// What speaks for a fan. Keep it where you keep keys; `Debug` does not show the tokens.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[non_exhaustive]
pub struct FanTokens {
    /// The access token, bound to your app's key.
    pub access: AccessToken,
    /// Gets the next access token: for 90 days, and stays the same.
    pub refresh: RefreshToken,
    /// When the access token ends.
    pub expires: Time,
    /// The fan, by the id you know.
    pub fan: FanId,
    /// What the fan agreed to: not always all you asked for.
    pub scopes: Vec<FanScope>,
}

impl FanTokens {
    pub(super) fn new(client: &Client, token: &BasicTokenResponse, fan: FanId) -> Result<Self, Error> {
        let refresh = token.refresh_token().cloned();
        let refresh = refresh.ok_or_else(|| not_verified("there is no refresh token"))?;
        let scopes = scopes(token).unwrap_or_default();
        Ok(Self { access: token.access_token().clone(), refresh, expires: expires(client, token), fan, scopes })
    }

    /// How long the access token is still good.
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
/// What your store is doing.
pub type Stored<'a, T> = Pin<Box<dyn Future<Output = Result<T, StoreFailure>> + Send + 'a>>;

/// Where you keep the tokens of your fans: a table of your database, encrypted.
pub trait TokenStore: Send + Sync {
    /// The tokens of a fan, if there are any. Asked before a renewal too: another process of yours may have renewed them.
    fn load(&self, fan: FanId) -> Stored<'_, Option<FanTokens>>;

    /// Keeps new tokens of a fan instead of the old ones.
    fn save(&self, tokens: FanTokens) -> Stored<'_, ()>;
}

impl Client {
    /// The same app, speaking for a fan: for [`me`](Client::me).
    ///
    /// It renews the access token by itself, by one caller at a time, and clones share it. When the fan took the consent back, calls
    /// fail with [`ErrorKind::GrantEnded`].
    pub fn as_fan(&self, tokens: FanTokens) -> Result<Self, Error> {
        self.speak_for(tokens, None)
    }

    /// The same, with tokens from your store, which is told of new ones; nothing when it has none of this fan.
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

/// A fan whom a client speaks for.
pub(crate) struct Session {
    tokens: Mutex<FanTokens>,
    store: Option<Arc<dyn TokenStore>>,
}

impl Session {
    /// The next access token. After a refusal what the store has is not tried, for it may be refused as well: only the answer to a
    /// refresh says whether the consent ended.
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
                tracing::warn!(%error, "new tokens of a fan could not be stored");
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

/// The tokens of this fan. A store that mixes them up would let one fan act as another.
async fn load(store: &Arc<dyn TokenStore>, fan: FanId) -> Result<Option<FanTokens>, Error> {
    let tokens = store.load(fan).await.map_err(failed)?;
    if tokens.as_ref().is_some_and(|tokens| tokens.fan != fan) {
        return Err(Error::new(ErrorKind::Store, "the token store gave tokens of another fan"));
    }
    Ok(tokens)
}

fn failed(error: StoreFailure) -> Error {
    Error::new(ErrorKind::Store, format!("the token store failed: {error}")).with_source(error)
}
