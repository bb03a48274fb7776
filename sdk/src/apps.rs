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
    /// Your partner's apps.
    pub fn apps(&self) -> AppCalls {
        AppCalls(self.clone())
    }
}

impl AppCalls {
    /// Lists your apps, oldest first.
    pub fn list(&self, query: AppsQuery) -> Call<ListApps> {
        self.0.call(Nothing {}, query, Nothing {})
    }

    /// Makes an app with its first keys.
    pub fn create(&self, app: NewApp) -> Call<CreateApp> {
        self.0.call(Nothing {}, Nothing {}, app)
    }

    /// Reads an app.
    pub fn get(&self, app: AppId) -> Call<GetApp> {
        self.0.call(AppPath { app }, Nothing {}, Nothing {})
    }

    /// Changes an app; name the version you read with [`Call::if_match`].
    pub fn change(&self, app: AppId, change: AppChange) -> Call<ChangeApp> {
        self.0.call(AppPath { app }, Nothing {}, change)
    }

    /// Lists the keys of an app, oldest first.
    pub fn keys(&self, app: AppId) -> Call<ListKeys> {
        self.0.call(AppPath { app }, Nothing {}, Nothing {})
    }

    /// Registers a key. To rotate: register the new one, make a client with it, then remove the old one.
    pub fn add_key(&self, app: AppId, key: NewAppKey) -> Call<AddKey> {
        self.0.call(AppPath { app }, Nothing {}, key)
    }

    /// Removes a key by its thumbprint; the last one stays.
    pub fn remove_key(&self, app: AppId, kid: impl Into<String>) -> Call<RemoveKey> {
        self.0.call(AppKeyPath { app, kid: kid.into() }, Nothing {}, Nothing {})
    }
}
