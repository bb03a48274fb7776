//! Why the gateway could not start or go on.

use std::io;
use std::net::SocketAddr;

use crate::platform::db::{self, MigrationFault};
use crate::platform::fault::Fault;
use crate::platform::keyring::KeysFault;
use crate::platform::tls::TlsError;

/// Why the gateway could not start or go on.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The address is taken or not ours.
    #[error("cannot listen on {address}")]
    Address {
        /// Which address.
        address: SocketAddr,
        /// The system's word.
        source: io::Error,
    },
    /// The database cannot be opened.
    #[error("cannot open the database {url}")]
    Database {
        /// Its address without the password.
        url: String,
        /// Why.
        source: db::Fault,
    },
    /// A command about a gateway that is not there.
    #[error("there is no database at {url}: run this where the gateway runs, or with its configuration")]
    NoDatabase {
        /// Its address.
        url: String,
    },
    /// The database cannot be brought up to date.
    #[error("cannot migrate the database")]
    Migration(#[from] MigrationFault),
    /// Certificate or key.
    #[error("cannot serve https")]
    Tls(#[from] TlsError),
    /// What the gateway keeps for itself cannot be made.
    #[error("cannot prepare the gateway: {fault}{}", .fault.cause().map(|cause| format!(": {cause}")).unwrap_or_default())]
    App {
        /// Why.
        fault: Fault,
    },
    /// The server itself.
    #[error("the server failed")]
    Server(#[from] io::Error),
    /// The books were checked, and do not add up.
    #[error("the ledger check found {0} differences")]
    Books(usize),
    /// What was asked of the gateway's keys cannot be done.
    #[error(transparent)]
    Keys(#[from] KeysFault),
    /// A second signal came before the requests under way were finished.
    #[error("interrupted while requests were in progress")]
    Interrupted,
}

/// An error with its causes, each once.
pub fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let more = error.to_string();
        if !text.contains(&more) {
            text = format!("{text}: {more}");
        }
        cause = error.source();
    }
    text
}
