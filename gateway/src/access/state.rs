//! What one process knows about callers. Invariant: what it is made of does not know it.

use std::ops::Deref;
use std::sync::Arc;

use super::directory::Directory;
use super::oauth::{Assertions, Tokens};
use super::provider::Provider;
use super::replay::Nonces;
use crate::platform::Platform;

/// State for authenticating callers, on top of the platform; one per process.
pub struct Access {
    platform: Arc<Platform>,
    /// Apps and their keys, cached.
    pub directory: Directory,
    /// Verified access tokens, cached.
    pub tokens: Tokens,
    /// Client assertions that are being consumed.
    pub assertions: Assertions,
    /// Nonces of signatures and proofs.
    pub nonces: Nonces,
    /// The identity provider of fans (live mode).
    pub provider: Provider,
}

impl Access {
    /// Nothing known yet.
    pub fn new(platform: Arc<Platform>) -> Self {
        Self {
            platform,
            directory: Directory::new(),
            tokens: Tokens::default(),
            assertions: Assertions::default(),
            nonces: Nonces::new(),
            provider: Provider::default(),
        }
    }

    /// The platform, for tasks that outlive a call.
    pub fn platform(&self) -> &Arc<Platform> {
        &self.platform
    }
}

impl Deref for Access {
    type Target = Platform;
    fn deref(&self) -> &Platform {
        &self.platform
    }
}
