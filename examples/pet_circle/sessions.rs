//! Who is visiting: kept in memory, found by a random cookie. A larger site would keep this in its database.
//!
//! Invariant: signing in, as a fan or as the owner, always begins a new session under a new cookie.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use quanzi::Client;
use quanzi::authorize::CsrfToken;
use quanzi::id::FanId;

/// Sessions at most; strangers' are the first to go.
const SESSIONS_MAX: usize = 10_000;

/// A fan who signed in.
#[derive(Clone)]
pub struct Fan {
    /// Speaks for the fan.
    pub client: Client,
    /// The fan, as we know it.
    pub id: FanId,
    /// What the fan is called, where the fan shows that.
    pub nickname: Option<String>,
}

/// A visitor.
#[derive(Clone)]
pub struct Session {
    /// The cookie.
    pub id: String,
    /// Stands in every form.
    pub code: String,
    /// The fan, once signed in.
    pub fan: Option<Fan>,
    /// Whether the owner's password was said.
    pub is_owner: bool,
    notice: Option<String>,
}

/// All of them.
#[derive(Default)]
pub struct Sessions(Mutex<HashMap<String, Session>>);

impl Sessions {
    /// The session of this cookie.
    pub fn find(&self, id: &str) -> Option<Session> {
        self.all().get(id).cloned()
    }

    /// A new one, for a fan, the owner or a stranger.
    pub fn begin(&self, fan: Option<Fan>, is_owner: bool) -> Session {
        let random = || CsrfToken::new_random_len(24).secret().clone();
        let session = Session { id: random(), code: random(), fan, is_owner, notice: None };
        let mut all = self.all();
        if all.len() >= SESSIONS_MAX {
            all.retain(|_, session| session.fan.is_some() || session.is_owner);
        }
        if all.len() >= SESSIONS_MAX {
            all.clear();
        }
        all.insert(session.id.clone(), session.clone());
        session
    }

    /// Forgets it.
    pub fn end(&self, id: &str) {
        self.all().remove(id);
    }

    /// The fan is gone; the visitor stays.
    pub fn sign_out(&self, id: &str) {
        if let Some(session) = self.all().get_mut(id) {
            session.fan = None;
        }
    }

    /// What the next page says once.
    pub fn tell(&self, id: &str, notice: impl Into<String>) {
        if let Some(session) = self.all().get_mut(id) {
            session.notice = Some(notice.into());
        }
    }

    /// Takes what is to be said.
    pub fn told(&self, id: &str) -> Option<String> {
        self.all().get_mut(id)?.notice.take()
    }

    /// What a fan who is signed in here is called.
    pub fn nickname(&self, fan: FanId) -> Option<String> {
        self.all().values().filter_map(|session| session.fan.as_ref()).find(|known| known.id == fan)?.nickname.clone()
    }

    fn all(&self) -> MutexGuard<'_, HashMap<String, Session>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
