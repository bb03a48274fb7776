//! Requests in flight. Invariant: a partner has at most [`SHARE_MAX`] of a process's requests, so that its slow receivers
//! leave room for others.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use quanzi_openapi::id::PartnerId;
use tokio::sync::{AcquireError, OwnedSemaphorePermit, Semaphore, SemaphorePermit};

/// Requests of this process that are under way at once.
const UNDER_WAY_MAX: usize = 512;
/// Those of one partner: two endpoints can go at full speed.
const SHARE_MAX: usize = 64;

/// What there is to share.
#[derive(Debug)]
pub struct Shares {
    all: Semaphore,
    /// By partner, as long as a pump of theirs runs.
    partners: Mutex<HashMap<PartnerId, Weak<Semaphore>>>,
}

impl Default for Shares {
    fn default() -> Self {
        Self { all: Semaphore::new(UNDER_WAY_MAX), partners: Mutex::default() }
    }
}

/// A partner's part, for each of its pumps.
#[derive(Debug, Clone)]
pub struct Share(Arc<Semaphore>);

impl Shares {
    /// The partner's part.
    pub fn of(&self, partner: PartnerId) -> Share {
        let mut partners = self.partners.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(share) = partners.get(&partner).and_then(Weak::upgrade) {
            return Share(share);
        }
        partners.retain(|_, share| share.strong_count() > 0);
        let share = Arc::new(Semaphore::new(SHARE_MAX));
        partners.insert(partner, Arc::downgrade(&share));
        Share(share)
    }

    /// Room for one request. The partner's own comes first: who waits for it must hold nothing that others could use.
    pub async fn enter(&self, share: &Share) -> Result<(OwnedSemaphorePermit, SemaphorePermit<'_>), AcquireError> {
        let own = Arc::clone(&share.0).acquire_owned().await?;
        Ok((own, self.all.acquire().await?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::platform::clock::Clock;
    use futures_util::FutureExt as _;
    use tokio::task::unconstrained;

    #[tokio::test]
    async fn a_partner_with_its_share_under_way_leaves_the_others_theirs() {
        let (clock, shares) = (Clock::system(), Shares::default());
        let (slow, other) = (shares.of(clock.id()), shares.of(clock.id()));
        let mut under_way = Vec::new();
        for _ in 0..SHARE_MAX {
            under_way.push(shares.enter(&slow).await.unwrap());
        }
        // Without tokio's own limit on how much a task may do at once.
        let has_room = |share| unconstrained(shares.enter(share)).now_or_never().is_some();

        assert!(!has_room(&slow));
        assert!(has_room(&other));
        under_way.pop();
        assert!(has_room(&slow));
    }

    #[tokio::test]
    async fn the_pumps_of_a_partner_have_one_share() {
        let (clock, shares) = (Clock::system(), Shares::default());
        let partner = clock.id();
        let (one, two) = (shares.of(partner), shares.of(partner));

        assert!(Arc::ptr_eq(&one.0, &two.0));
        drop((one, two));
        shares.of(clock.id());
        assert_eq!(shares.partners.lock().unwrap().len(), 1);
    }
}
