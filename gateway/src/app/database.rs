//! The database of a gateway, opened for serving it or for a command about it.

use std::path::Path;

use secrecy::ExposeSecret as _;

use super::error::StartError;
use crate::platform::config::{Config, without_password};
use crate::platform::db::Db;

/// Opens the database, and creates it if it is a file that is missing.
pub async fn open(config: &Config) -> Result<Db, StartError> {
    Db::open(&config.database()).await.map_err(|source| {
        let url = without_password(config.database_url.expose_secret());
        StartError::Database { url, source }
    })
}

/// Opens the database of an existing gateway: a command that runs in the wrong folder creates none, and does not report on an
/// empty one.
pub async fn open_existing(config: &Config) -> Result<Db, StartError> {
    let url = config.database_url.expose_secret();
    if let Some(path) = url.strip_prefix("sqlite:")
        && !Path::new(path.strip_prefix("//").unwrap_or(path)).exists()
    {
        return Err(StartError::NoDatabase { url: url.to_owned() });
    }
    open(config).await
}
