//! Apps of your partner, and the keys they sign with.

use quanzi_openapi::Nothing;
pub use quanzi_openapi::apps::{
    AddKey, AddressRange, App, AppChange, AppKey, AppKeyPath, AppKeys, AppName, AppPath, AppStatus, AppsQuery,
    ChangeApp, CreateApp, GetApp, KeyInput, KeyInputs, ListApps, ListKeys, NewApp, NewAppKey, RemoveKey,
};
use quanzi_openapi::id::AppId;

use crate::{Call, Client};

/// Calls about apps; from [`Client::apps`].
#[derive(Debug, Clone)]
pub struct AppCalls(Client);

impl Client {
    /// Calls about your partner's apps.
    pub fn apps(&self) -> AppCalls {
        AppCalls(self.clone())
    }
}

impl AppCalls {
    /// Lists your apps, oldest first.
    pub fn list(&self, query: AppsQuery) -> Call<ListApps> {
        self.0.call(Nothing {}, query, Nothing {})
    }

    /// Creates an app with its first keys.
    pub fn create(&self, app: NewApp) -> Call<CreateApp> {
        self.0.call(Nothing {}, Nothing {}, app)
    }

    /// Gets an app.
    pub fn get(&self, app: AppId) -> Call<GetApp> {
        self.0.call(AppPath { app }, Nothing {}, Nothing {})
    }

    /// Updates an app; pass the version you read to [`Call::if_match`].
    pub fn change(&self, app: AppId, change: AppChange) -> Call<ChangeApp> {
        self.0.call(AppPath { app }, Nothing {}, change)
    }

    /// Lists the keys of an app, oldest first.
    pub fn keys(&self, app: AppId) -> Call<ListKeys> {
        self.0.call(AppPath { app }, Nothing {}, Nothing {})
    }

    /// Registers a key. To rotate: register the new key, build a client with it, then remove the old one.
    pub fn add_key(&self, app: AppId, key: NewAppKey) -> Call<AddKey> {
        self.0.call(AppPath { app }, Nothing {}, key)
    }

    /// Removes a key by its thumbprint; the last key cannot be removed.
    pub fn remove_key(&self, app: AppId, kid: impl Into<String>) -> Call<RemoveKey> {
        self.0.call(AppKeyPath { app, kid: kid.into() }, Nothing {}, Nothing {})
    }
}
