//! A batch: many orders in one transaction.
//!
//! Everything they touch is read and locked first, always in the same order (records kind by kind, reservations, accounts), so
//! that two batches wait for each other instead of deadlocking. Then each order is decided, in the order of arrival, without IO.
//! Then the accepted orders are written, one statement per table. A refused order leaves no trace and does not affect the others.
//!
//! Records of executed calls are read when everything is locked: whatever another process did to the data of an order is
//! committed by then, and its record with it. If they were read earlier, a request that was executed elsewhere could be refused
//! here, for lack of the very money it had moved.

use std::collections::{BTreeMap, BTreeSet};

use quanzi_openapi::Time;
use quanzi_openapi::id::{AccountId, PartnerId};

use super::model::{AccountKey, Books, Posted};
use super::order::{LedgerOrder, LedgerOutcome, LedgerRefusal};
use super::record::{Stage, Verdict};
use super::records::Records;
use super::store::{self, PostedOf};
use crate::platform::Platform;
use crate::platform::clock::Clock;
use crate::platform::db::{Fault, Tx};
use crate::platform::jobs;
use crate::platform::jobs::{Job, JobKind};
use crate::platform::outbox;

/// Runs a batch in a transaction of its own: what became of each order, in their order. An error means that nothing was kept, or
/// ([`Fault::Unknown`]) that nobody knows.
pub async fn run(platform: &Platform, orders: &[&LedgerOrder]) -> Result<Vec<LedgerOutcome>, Fault> {
    let mut tx = platform.db.begin_steady().await?;
    let mut batch = Batch::load(&mut tx, orders, platform.clock.now()).await?;
    let outcomes: Vec<LedgerOutcome> = orders.iter().map(|order| batch.decide(order)).collect();
    if batch.accepted.is_empty() {
        // Nothing to keep.
        tx.rollback().await?;
        return Ok(outcomes);
    }
    batch.write(&mut tx, &platform.clock).await?;
    #[cfg(test)]
    super::order::Trap::spring(orders, super::order::Trap::Written);
    outbox::service::commit(platform, tx).await?;
    #[cfg(test)]
    super::order::Trap::spring(orders, super::order::Trap::Committed);
    Ok(outcomes)
}

/// What a batch knows while it decides, and what it has decided.
struct Batch<'o> {
    now: Time,
    records: Records<'o>,
    keys: BTreeMap<AccountId, &'o AccountKey>,
    /// The accounts that are there; the others are made when something is posted to them.
    known: BTreeSet<AccountId>,
    books: Books,
    accepted: Vec<&'o LedgerOrder>,
    posted: Vec<PostedOf<'o>>,
}

impl<'o> Batch<'o> {
    async fn load(tx: &mut Tx, orders: &[&'o LedgerOrder], now: Time) -> Result<Self, Fault> {
        let mut records = Records::gather(orders);
        records.load(tx, Stage::BeforeAccounts).await?;
        let transfers = || orders.iter().flat_map(|order| &order.transfers);
        let reservations: BTreeSet<_> = transfers().filter_map(|transfer| transfer.phase.reservation()).collect();
        let reservations =
            if reservations.is_empty() { Vec::new() } else { store::lock_reservations(tx, &reservations).await? };
        let keys: BTreeMap<AccountId, &'o AccountKey> =
            transfers().flat_map(|transfer| [&transfer.debit, &transfer.credit]).map(|key| (key.id(), key)).collect();
        let accounts = if keys.is_empty() { BTreeMap::new() } else { store::lock_accounts(tx, keys.keys()).await? };
        records.load(tx, Stage::AfterAccounts).await?;
        let known = accounts.keys().copied().collect();
        let books = Books::new(accounts, reservations);
        Ok(Self { now, records, keys, known, books, accepted: Vec::new(), posted: Vec::new() })
    }

    /// Nothing is changed when the order is refused.
    fn decide(&mut self, order: &'o LedgerOrder) -> LedgerOutcome {
        match self.records.check(order) {
            Verdict::Holds => {}
            Verdict::Moved => return LedgerOutcome::Refused(LedgerRefusal::Moved),
            Verdict::Refused(fault) => return LedgerOutcome::Refused(LedgerRefusal::Record(fault)),
            Verdict::Replayed(replay) => return LedgerOutcome::Replayed(replay),
        }
        if order.seen.is_some_and(|(account, state)| self.books.state(account) != state) {
            return LedgerOutcome::Refused(LedgerRefusal::Moved);
        }
        match self.books.post(&order.transfers, order.now) {
            Err(refusal) => LedgerOutcome::Refused(LedgerRefusal::Transfers(refusal)),
            Ok(posted) => {
                self.accept(order, posted);
                LedgerOutcome::Posted
            }
        }
    }

    fn accept(&mut self, order: &'o LedgerOrder, posted: Vec<Posted>) {
        self.records.accept(order);
        self.posted.extend(posted.into_iter().map(|posted| PostedOf { order, posted }));
        self.accepted.push(order);
    }

    async fn write(&mut self, tx: &mut Tx, clock: &Clock) -> Result<(), Fault> {
        if !self.posted.is_empty() {
            let touched: BTreeSet<AccountId> = self
                .posted
                .iter()
                .flat_map(|PostedOf { posted, .. }| [posted.transfer.debit.id(), posted.transfer.credit.id()])
                .collect();
            let accounts = self.keys.iter().filter(|(id, _)| touched.contains(id));
            let accounts = accounts.map(|(id, key)| (*key, self.books.state(*id)));
            let (known, new): (Vec<_>, Vec<_>) = accounts.partition(|(key, _)| self.known.contains(&key.id()));
            // Before the transfers: of two processes that make one account, the second learns it here.
            store::add_accounts(tx, &new, self.now).await?;
            store::add_transfers(tx, &self.posted).await?;
            store::put_accounts(tx, &known).await?;
        }
        self.records.write(tx, self.now).await?;
        write_jobs(tx, clock, &self.accepted).await?;
        for fact in self.accepted.iter().flat_map(|order| &order.facts) {
            tx.note(fact.clone());
        }
        Ok(())
    }
}

async fn write_jobs(tx: &mut Tx, clock: &Clock, accepted: &[&LedgerOrder]) -> Result<(), Fault> {
    let mut cancelled: BTreeMap<(PartnerId, JobKind), Vec<&String>> = BTreeMap::new();
    for order in accepted {
        for (kind, object) in &order.cancelled {
            cancelled.entry((order.partner, *kind)).or_default().push(object);
        }
    }
    for ((partner, kind), objects) in cancelled {
        jobs::service::cancel_all(tx, partner, kind, objects).await?;
    }
    let jobs: Vec<Job> = accepted.iter().flat_map(|order| order.jobs.iter().cloned()).collect();
    if jobs.is_empty() { Ok(()) } else { jobs::service::enqueue_all(tx, clock, &jobs).await }
}
