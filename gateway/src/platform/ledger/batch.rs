//! A batch: many orders in one transaction.
//!
//! Everything they touch is read and locked first, always in the same order (payments, mandates, reservations, accounts, and
//! when it is written limits, idempotency entries and the partner's log), so that two batches wait for each other instead of
//! deadlocking. Then each order is decided, in the order of arrival, without IO. Then the accepted orders are written, one
//! statement per table. A refused order leaves no trace and does not affect the others.
//!
//! Idempotency entries are read when everything is locked: whatever another process did to the data of an order is committed
//! by then, and its entry with it. If they were read earlier, a request that was executed elsewhere could be refused here,
//! for lack of the very money it had moved.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use quanzi_openapi::Time;
use quanzi_openapi::id::{AccountId, PartnerId, PaymentId};

use super::model::{AccountKey, Books, Posted};
use super::order::{Order, Outcome, Refused, Versioned};
use super::store;
use crate::capabilities::payments;
use crate::edge::{EntryStatus, IdempotencyEntries};
use crate::platform::Platform;
use crate::platform::clock::Clock;
use crate::platform::db::{Fault, Tx};
use crate::platform::jobs;
use crate::platform::jobs::{Job, JobKind};
use crate::platform::outbox;

/// Runs a batch in a transaction of its own: what became of each order, in their order. An error means that nothing was kept, or
/// ([`Fault::Unknown`]) that nobody knows.
pub async fn run(platform: &Platform, orders: &[&Order]) -> Result<Vec<Outcome>, Fault> {
    let mut tx = platform.db.begin_steady().await?;
    let mut desk = Desk::open(&mut tx, orders, platform.clock.now()).await?;
    let outcomes: Vec<Outcome> = orders.iter().map(|order| desk.decide(order)).collect();
    if desk.accepted.is_empty() {
        // Nothing to keep.
        tx.rollback().await?;
        return Ok(outcomes);
    }
    desk.write(&mut tx, &platform.clock).await?;
    #[cfg(test)]
    super::order::Trap::spring(orders, super::order::Trap::Written);
    outbox::service::commit(platform, tx).await?;
    #[cfg(test)]
    super::order::Trap::spring(orders, super::order::Trap::Committed);
    Ok(outcomes)
}

/// What a batch has before it while it decides.
struct Desk<'o> {
    now: Time,
    claims: IdempotencyEntries,
    versions: HashMap<Versioned, i64>,
    numbers: HashMap<(PartnerId, String), PaymentId>,
    allowances: BTreeMap<(String, i64), i64>,
    keys: BTreeMap<AccountId, AccountKey>,
    /// The accounts that are there; the others are made when something is posted to them.
    known: BTreeSet<AccountId>,
    books: Books,
    accepted: Vec<&'o Order>,
    posted: Vec<(PartnerId, Time, &'o str, Posted)>,
}

impl<'o> Desk<'o> {
    async fn open(tx: &mut Tx, orders: &[&'o Order], now: Time) -> Result<Self, Fault> {
        let versioned: BTreeSet<Versioned> =
            orders.iter().flat_map(|order| order.versions.iter().map(|(object, _)| *object)).collect();
        let versions = payments::service::hold_versions(tx, &versioned).await?;
        let numbers = orders
            .iter()
            .filter_map(|order| order.merchant_reference.as_ref().map(|number| (order.partner, number.to_string())))
            .collect();
        let numbers = payments::service::known_numbers(tx, &numbers).await?;
        let subjects: BTreeSet<(String, i64)> = orders
            .iter()
            .flat_map(|order| order.allowances.iter().map(|allowance| (allowance.subject.clone(), allowance.day)))
            .collect();
        let allowances = if subjects.is_empty() { BTreeMap::new() } else { store::allowances(tx, &subjects).await? };
        let transfers = || orders.iter().flat_map(|order| &order.transfers);
        let reservations: BTreeSet<_> = transfers().filter_map(|transfer| transfer.phase.reservation()).collect();
        let reservations =
            if reservations.is_empty() { Vec::new() } else { store::lock_reservations(tx, &reservations).await? };
        let keys: BTreeMap<AccountId, AccountKey> =
            transfers().flat_map(|transfer| [transfer.debit, transfer.credit]).map(|key| (key.id(), key)).collect();
        let accounts = if keys.is_empty() { BTreeMap::new() } else { store::lock_accounts(tx, keys.keys()).await? };
        let known = accounts.keys().copied().collect();
        let books = Books::new(accounts, reservations);
        let claims = IdempotencyEntries::read(tx, orders.iter().filter_map(|order| order.claim.as_ref())).await?;
        let (accepted, posted) = (Vec::new(), Vec::new());
        Ok(Self { now, claims, versions, numbers, allowances, keys, known, books, accepted, posted })
    }

    fn decide(&mut self, order: &'o Order) -> Outcome {
        if let Some(claim) = &order.claim {
            match self.claims.standing(claim) {
                EntryStatus::New => {}
                EntryStatus::Answered(answer) => return Outcome::Again(answer),
                EntryStatus::KeyReused => return Outcome::Refused(Refused::KeyReused),
                EntryStatus::NonceReplayed => return Outcome::Refused(Refused::NonceReplayed),
            }
        }
        match self.check(order) {
            Ok(posted) => {
                self.accept(order, posted);
                Outcome::Posted
            }
            Err(refused) => Outcome::Refused(refused),
        }
    }

    /// The transfers it makes; nothing is changed when it is refused.
    fn check(&mut self, order: &'o Order) -> Result<Vec<Posted>, Refused> {
        if order.versions.iter().any(|(object, version)| self.versions.get(object) != Some(version)) {
            return Err(Refused::Moved);
        }
        if order.seen.is_some_and(|(account, standing)| self.books.standing(account) != standing) {
            return Err(Refused::Moved);
        }
        if let Some(number) = &order.merchant_reference
            && let Some(payment) = self.numbers.get(&(order.partner, number.to_string()))
        {
            return Err(Refused::MerchantReferenceTaken(*payment));
        }
        for allowance in &order.allowances {
            let used = self.allowances.get(&(allowance.subject.clone(), allowance.day)).copied().unwrap_or(0);
            let left = allowance.most.saturating_sub(used);
            if allowance.takes > left {
                return Err(Refused::Allowance { allowance: allowance.clone(), left: left.max(0) });
            }
        }
        self.books.post(&order.transfers, order.now).map_err(Refused::Transfers)
    }

    fn accept(&mut self, order: &'o Order, posted: Vec<Posted>) {
        if let Some(claim) = &order.claim {
            self.claims.accept(claim.clone());
        }
        for allowance in &order.allowances {
            *self.allowances.entry((allowance.subject.clone(), allowance.day)).or_default() += allowance.takes;
        }
        for record in &order.records {
            record.count(|object, version| self.versions.insert(object, version));
            if let Some((number, payment)) = record.number() {
                self.numbers.insert((order.partner, number.to_string()), payment);
            }
        }
        self.posted.extend(posted.into_iter().map(|posted| (order.partner, order.now, order.object.as_str(), posted)));
        self.accepted.push(order);
    }

    async fn write(&self, tx: &mut Tx, clock: &Clock) -> Result<(), Fault> {
        payments::service::write(tx, self.accepted.iter().flat_map(|order| &order.records)).await?;
        if !self.posted.is_empty() {
            let touched: BTreeSet<AccountId> = self
                .posted
                .iter()
                .flat_map(|(.., posted)| [posted.transfer.debit.id(), posted.transfer.credit.id()])
                .collect();
            let accounts = self.keys.iter().filter(|(id, _)| touched.contains(id));
            let accounts = accounts.map(|(id, key)| (key, self.books.standing(*id)));
            let (known, new): (Vec<_>, Vec<_>) = accounts.partition(|(key, _)| self.known.contains(&key.id()));
            // Before the transfers: of two processes that make one account, the second learns it here.
            store::add_accounts(tx, &new, self.now).await?;
            store::add_transfers(tx, &self.posted).await?;
            store::put_accounts(tx, &known).await?;
        }
        let mut taken: BTreeMap<(String, i64), i64> = BTreeMap::new();
        for allowance in self.accepted.iter().flat_map(|order| &order.allowances) {
            *taken.entry((allowance.subject.clone(), allowance.day)).or_default() += allowance.takes;
        }
        if !taken.is_empty() {
            let used = store::use_allowances(tx, &taken).await?;
            // Limits are not held while orders are decided. Where another process used some meanwhile, it is decided anew.
            if used.iter().any(|(place, used)| self.allowances.get(place) != Some(used)) {
                return Err(Fault::Retry);
            }
        }
        payments::service::write_tips(
            tx,
            self.accepted.iter().filter_map(|order| order.tip.as_ref().map(|tip| (order.partner, tip))),
        )
        .await?;
        self.write_jobs(tx, clock).await?;
        self.claims.write(tx, self.now).await?;
        for fact in self.accepted.iter().flat_map(|order| &order.facts) {
            tx.note(fact.clone());
        }
        Ok(())
    }

    async fn write_jobs(&self, tx: &mut Tx, clock: &Clock) -> Result<(), Fault> {
        let mut cancelled: BTreeMap<(PartnerId, JobKind), Vec<&String>> = BTreeMap::new();
        for order in &self.accepted {
            for (kind, object) in &order.cancelled {
                cancelled.entry((order.partner, *kind)).or_default().push(object);
            }
        }
        for ((partner, kind), objects) in cancelled {
            jobs::service::cancel_all(tx, partner, kind, objects).await?;
        }
        let jobs: Vec<Job> = self.accepted.iter().flat_map(|order| order.jobs.iter().cloned()).collect();
        if jobs.is_empty() { Ok(()) } else { jobs::service::enqueue_all(tx, clock, &jobs).await }
    }
}
