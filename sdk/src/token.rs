//! Access tokens: requested when first needed, renewed before they expire, by one caller at a time.
//!
//! Invariant: a token acts for one subject, the app or a fan, and an [`App`] never has a token of another.

use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

use oauth2::{AccessToken, TokenResponse as _};
use quanzi_openapi::id::AppId;
use quanzi_openapi::scope::Scope;

use crate::ask::Grant;
use crate::authorize::Session;
use crate::client::Client;
use crate::error::Error;
use crate::key::Key;

/// Lifetime of a token whose response does not state it.
pub(crate) const LIFE_DEFAULT: Duration = Duration::from_mins(5);

/// An app and the tokens of the subject it acts for.
pub(crate) struct App {
    pub(crate) id: AppId,
    pub(crate) key: Key,
    speaks_for: SpeaksFor,
    token: RwLock<Option<Arc<Token>>>,
    /// The holder of this lock requests a token; the others wait or use the current one.
    fetching: tokio::sync::Mutex<()>,
    /// The authorization server's last nonce.
    pub(crate) nonce: Mutex<Option<String>>,
}

enum SpeaksFor {
    /// The partner, with these scopes only.
    Partner(Option<Vec<Scope>>),
    /// A fan who consented.
    Fan(Session),
}

pub(crate) struct Token {
    pub(crate) secret: AccessToken,
    /// In uptime: when to renew it.
    renew_at: Duration,
    /// In uptime: when to stop using it.
    ends_at: Duration,
}

impl Token {
    /// A token of this lifetime, starting now.
    pub(crate) fn new(client: &Client, secret: AccessToken, life: Duration) -> Self {
        let now = client.system().uptime();
        Self { secret, renew_at: now + life.mul_f64(0.8), ends_at: now + life.mul_f64(0.95) }
    }
}

impl App {
    /// An app that acts for its partner.
    pub(crate) fn new(id: AppId, key: Key, scopes: Option<Vec<Scope>>) -> Self {
        Self::of(id, key, SpeaksFor::Partner(scopes), None)
    }

    /// The same app, acting for a fan; `token` is used as long as it is valid.
    pub(crate) fn for_fan(&self, session: Session, token: Token) -> Self {
        Self::of(self.id, self.key.clone(), SpeaksFor::Fan(session), Some(Arc::new(token)))
    }

    fn of(id: AppId, key: Key, speaks_for: SpeaksFor, token: Option<Arc<Token>>) -> Self {
        let (fetching, nonce) = (tokio::sync::Mutex::default(), Mutex::default());
        Self { id, key, speaks_for, token: RwLock::new(token), fetching, nonce }
    }

    /// A token that is valid now.
    pub(crate) async fn token(&self, client: &Client) -> Result<Arc<Token>, Error> {
        let now = || client.system().uptime();
        if let Some(token) = self.current().filter(|token| now() < token.renew_at) {
            return Ok(token);
        }
        // While one renews, the others go on with the old token as long as it is good.
        let _fetching = match (self.fetching.try_lock(), self.current()) {
            (Ok(lock), _) => lock,
            (Err(_), Some(token)) if now() < token.ends_at => return Ok(token),
            (Err(_), _) => self.fetching.lock().await,
        };
        let old = self.current();
        if let Some(token) = old.as_ref().filter(|token| now() < token.renew_at) {
            return Ok(Arc::clone(token));
        }
        // There is none only when it was refused.
        let was_refused = old.is_none();
        match (self.fetch(client, was_refused).await, old.filter(|token| now() < token.ends_at)) {
            (Ok(token), _) => {
                let token = Arc::new(token);
                self.put(Some(Arc::clone(&token)));
                Ok(token)
            }
            (Err(error), Some(token)) => {
                tracing::debug!(%error, "the token could not be renewed yet");
                Ok(token)
            }
            (Err(error), None) => Err(error),
        }
    }

    /// Drops a token that was refused, unless it has already been replaced.
    pub(crate) fn forget(&self, refused: &Arc<Token>) {
        let mut token = self.token.write().unwrap_or_else(PoisonError::into_inner);
        if token.as_ref().is_some_and(|token| Arc::ptr_eq(token, refused)) {
            *token = None;
        }
    }

    fn current(&self) -> Option<Arc<Token>> {
        self.token.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn put(&self, token: Option<Arc<Token>>) {
        *self.token.write().unwrap_or_else(PoisonError::into_inner) = token;
    }

    async fn fetch(&self, client: &Client, was_refused: bool) -> Result<Token, Error> {
        let scopes = match &self.speaks_for {
            SpeaksFor::Partner(scopes) => scopes.iter().flatten().map(ToString::to_string).collect(),
            SpeaksFor::Fan(session) => return session.renew(client, self, was_refused).await,
        };
        let (token, _) = self.exchange(client, Grant::Partner(scopes)).await?;
        let life = token.expires_in().unwrap_or(LIFE_DEFAULT);
        Ok(Token::new(client, token.access_token().clone(), life))
    }
}
