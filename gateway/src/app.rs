//! The gateway as one value, and its router as one page.
//!
//! [`App`] is what every request finds: configuration, database, clock, keys, caches. One per process, shared by all
//! workers. Middleware runs in the order of [`routes`]'s caption.

use std::sync::Arc;

use crate::apps::Directory;
use crate::clock::Clock;
use crate::config::Config;
use crate::crypto::SigningKey;
use crate::db::Db;
use crate::http::{InFlight, Limits, Nonces, Routes};
use crate::metrics::Metrics;
use crate::oauth::Tokens;

/// Everything a request needs.
pub struct App {
    /// Every knob.
    pub config: Config,
    /// The database.
    pub db: Db,
    /// Time, ids, randomness.
    pub clock: Arc<Clock>,
    /// The key that signs answers and access tokens.
    pub key: SigningKey,
    /// Apps and their keys, cached.
    pub directory: Directory,
    /// Verified access tokens, cached.
    pub tokens: Tokens,
    /// Nonces of signatures and proofs.
    pub nonces: Nonces,
    /// Rate limits.
    pub limits: Limits,
    /// Idempotency keys being worked on.
    pub in_flight: InFlight,
    /// Counters.
    pub metrics: Metrics,
}

/// Every capability's routes. Sandbox routes are not even mounted in live mode.
pub fn routes(app: &Arc<App>) -> Routes {
    let routes = Routes::new(app);
    let routes = crate::operations::routes(routes);
    let routes = crate::oauth::routes(routes);
    let routes = crate::partners::routes(routes);
    let routes = crate::apps::routes(routes);
    let routes = crate::circles::routes(routes);
    let routes = crate::gates::routes(routes);
    let routes = crate::memberships::routes(routes);
    let routes = crate::content::routes(routes);
    if app.config.mode.is_sandbox() { crate::fans::routes(crate::sandbox::routes(routes)) } else { routes }
}
