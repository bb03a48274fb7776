//! What one process needs to admit requests. Invariant: what it is made of does not know it.

use std::ops::Deref;
use std::sync::Arc;

use super::idempotency::InFlight;
use super::limit::Limits;
use crate::access::Access;

/// What admitting requests needs besides access; one per process.
pub struct Edge {
    access: Arc<Access>,
    /// Rate limits.
    pub limits: Limits,
    /// Idempotency keys being worked on.
    pub in_flight: InFlight,
}

impl Edge {
    /// Nothing under way.
    pub fn new(access: Arc<Access>) -> Self {
        let limits = Limits::new(&access.config, &access.clock);
        Self { access, limits, in_flight: InFlight::default() }
    }

    /// Who calls, for tasks that outlive a call.
    pub fn access(&self) -> &Arc<Access> {
        &self.access
    }
}

impl Deref for Edge {
    type Target = Access;
    fn deref(&self) -> &Access {
        &self.access
    }
}
