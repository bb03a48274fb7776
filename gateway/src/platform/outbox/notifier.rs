//! Notifies readers when events were committed in this process, so that they do not have to wait for their next poll.
//! Invariant: a reader of one partner's log is notified only for that partner, so that a busy partner wakes no one else.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use quanzi_openapi::id::PartnerId;
use tokio::sync::{Notify, watch};

/// Waiting readers poll again after this time at the latest: another process may have committed.
pub const LOOK_AGAIN: Duration = Duration::from_millis(250);

/// A notifier for all readers of the logs.
#[derive(Debug, Default)]
pub struct Notifier {
    /// By partner, while somebody listens.
    partners: Mutex<HashMap<PartnerId, watch::Sender<()>>>,
    /// Who was rung for since [`notified`](Self::rung) was last asked.
    notified: Mutex<BTreeSet<PartnerId>>,
    any: Notify,
}

impl Notifier {
    /// Wakes everybody who listens for these partners.
    pub fn notify(&self, partners: impl IntoIterator<Item = PartnerId>) {
        let (mut listened, mut notified) = (lock(&self.partners), lock(&self.notified));
        for partner in partners {
            notified.insert(partner);
            match listened.get(&partner) {
                Some(sender) if sender.receiver_count() > 0 => sender.send_replace(()),
                Some(_) => drop(listened.remove(&partner)),
                None => {}
            }
        }
        self.any.notify_one();
    }

    /// An ear for what is committed for this partner from now on.
    pub fn listen(&self, partner: PartnerId) -> Subscription {
        Subscription(lock(&self.partners).entry(partner).or_default().subscribe())
    }

    /// Until the notifier has rung for anybody since it was last asked: for whom. There is one who asks, the dispatcher of webhooks.
    pub async fn notified(&self) -> BTreeSet<PartnerId> {
        loop {
            let notified = std::mem::take(&mut *lock(&self.notified));
            if !notified.is_empty() {
                return notified;
            }
            self.any.notified().await;
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Hears the notifier for one partner.
#[derive(Debug)]
pub struct Subscription(watch::Receiver<()>);

impl Subscription {
    /// Until the notifier has rung since the last time, or it is time to look anyway.
    pub async fn wait(&mut self) {
        // An error means the notifier is gone, and the process with it.
        tokio::time::timeout(LOOK_AGAIN, self.0.changed()).await.ok();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::platform::clock::Clock;

    #[test]
    fn an_ear_hears_its_own_partner_only() {
        let (clock, notifier) = (Clock::system(), Notifier::default());
        let (ours, theirs) = (clock.id(), clock.id());
        let subscription = notifier.listen(ours);

        notifier.notify([theirs]);
        let heard_theirs = subscription.0.has_changed().unwrap();
        notifier.notify([theirs, ours]);

        assert!(!heard_theirs);
        assert!(subscription.0.has_changed().unwrap());
    }

    #[test]
    fn who_stopped_listening_is_forgotten_and_can_listen_again() {
        let (clock, notifier) = (Clock::system(), Notifier::default());
        let partner = clock.id();
        drop(notifier.listen(partner));

        notifier.notify([partner]);
        let listened = lock(&notifier.partners).len();
        let subscription = notifier.listen(partner);
        notifier.notify([partner]);

        assert_eq!(listened, 0);
        assert!(subscription.0.has_changed().unwrap());
    }

    #[tokio::test]
    async fn who_hears_all_learns_for_whom_it_rang() {
        let (clock, notifier) = (Clock::system(), Notifier::default());
        let (one, two) = (clock.id(), clock.id());

        notifier.notify([one]);
        notifier.notify([two, one]);

        assert_eq!(notifier.notified().await, BTreeSet::from([one, two]));
        assert!(lock(&notifier.notified).is_empty());
    }
}
