//! The rules of the ledger. Pure: from balances and transfers to the next balances.
//!
//! Invariants: a transfer debits one account by exactly what it credits to another; no account with a floor goes below it,
//! reservations included; a reservation is settled once; a chain is posted completely or not at all.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use quanzi_openapi::id::{AccountId, PartnerId, TransferId};
use quanzi_openapi::ledger::{AccountKind, TransferCode, TransferPhase};
use quanzi_openapi::{Currency, Money, Time};
use sha2::{Digest as _, Sha256};
use uuid::Builder;

use crate::platform::db::enum_text;

/// Names an account: there is one for each owner, kind and currency.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct AccountKey {
    owner: Arc<str>,
    partner: Option<PartnerId>,
    kind: AccountKind,
    currency: Currency,
    id: AccountId,
}

impl AccountKey {
    /// The account of an owner (an id; which accounts there are, capabilities say), in the books of this partner; in nobody's,
    /// when the owner is the same at every partner.
    pub fn new(owner: impl fmt::Display, partner: Option<PartnerId>, kind: AccountKind, currency: Currency) -> Self {
        let owner: Arc<str> = owner.to_string().into();
        // The id follows from the name, so nobody has to look it up, and two processes make the same account.
        let digest = Sha256::digest(format!("{owner}/{}/{}", enum_text(&kind), currency.code()));
        let mut bytes = [0; 16];
        bytes.copy_from_slice(digest.get(..16).unwrap_or(&[0; 16]));
        Self { owner, partner, kind, currency, id: AccountId::from_uuid(Builder::from_custom_bytes(bytes).into_uuid()) }
    }

    /// The account's id.
    pub const fn id(&self) -> AccountId {
        self.id
    }

    /// Whose.
    pub fn owner(&self) -> &str {
        &self.owner
    }

    /// Whose books show it.
    pub const fn partner(&self) -> Option<PartnerId> {
        self.partner
    }

    /// What for.
    pub const fn kind(&self) -> AccountKind {
        self.kind
    }

    /// In which currency.
    pub const fn currency(&self) -> Currency {
        self.currency
    }

    /// Only the way in from outside may be overdrawn.
    const fn has_floor(&self) -> bool {
        !matches!(self.kind, AccountKind::ChannelClearing)
    }
}

/// What a transfer is to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// Move the amount.
    Single,
    /// Reserve it until then.
    Pending(Time),
    /// Move so much of what was reserved, and free the rest.
    Post(TransferId),
    /// Free it.
    Void(TransferId),
    /// Free it, because its time is over.
    Expire(TransferId),
}

impl Phase {
    /// The word on the wire.
    pub const fn enum_text(self) -> TransferPhase {
        match self {
            Self::Single => TransferPhase::Single,
            Self::Pending(_) => TransferPhase::Pending,
            Self::Post(_) => TransferPhase::Post,
            Self::Void(_) => TransferPhase::Void,
            Self::Expire(_) => TransferPhase::Expire,
        }
    }

    /// The reservation it decides about.
    pub const fn reservation(self) -> Option<TransferId> {
        match self {
            Self::Single | Self::Pending(_) => None,
            Self::Post(id) | Self::Void(id) | Self::Expire(id) => Some(id),
        }
    }
}

/// A transfer to make. Its id is the caller's; each attempt brings new ones.
#[derive(Debug, Clone, PartialEq)]
pub struct NewTransfer {
    pub id: TransferId,
    pub debit: AccountKey,
    pub credit: AccountKey,
    pub amount: i64,
    pub code: TransferCode,
    pub phase: Phase,
}

/// An account's numbers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct AccountState {
    pub balance: i64,
    pub reserved: i64,
    pub incoming: i64,
    pub entries: i64,
}

impl AccountState {
    /// What can be spent.
    pub const fn available(&self) -> i64 {
        self.balance - self.reserved
    }
}

/// What is reserved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reservation {
    pub debit: AccountId,
    pub credit: AccountId,
    pub amount: i64,
    /// From then on it can only be freed.
    pub until: Time,
}

/// Why transfers were not made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TransferRefusal {
    /// The account would go below its floor.
    Insufficient {
        /// Which.
        account: AccountKey,
        /// What can be spent.
        available: i64,
    },
    /// A number would leave its range, or is no amount.
    Amount,
    /// What was reserved is decided already, or never was.
    NotReserved,
}

/// A transfer that was made: what its row says.
#[derive(Debug, Clone, PartialEq)]
pub struct Posted {
    pub transfer: NewTransfer,
    /// Number and balance after, when money moved.
    pub debit: Option<(i64, i64)>,
    pub credit: Option<(i64, i64)>,
}

/// How the accounts of a batch stand while it is decided.
#[derive(Debug, Default)]
#[cfg_attr(test, derive(Clone))]
pub struct Books {
    accounts: HashMap<AccountId, AccountState>,
    reservations: HashMap<TransferId, Reservation>,
}

impl Books {
    /// These accounts and reservations.
    pub fn new(
        accounts: impl IntoIterator<Item = (AccountId, AccountState)>,
        reservations: impl IntoIterator<Item = (TransferId, Reservation)>,
    ) -> Self {
        Self { accounts: accounts.into_iter().collect(), reservations: reservations.into_iter().collect() }
    }

    /// An account's numbers now.
    pub fn state(&self, account: AccountId) -> AccountState {
        self.accounts.get(&account).copied().unwrap_or_default()
    }

    /// Makes a chain of transfers at this time: all of them, or none.
    pub fn post(&mut self, chain: &[NewTransfer], now: Time) -> Result<Vec<Posted>, TransferRefusal> {
        let mut draft = Draft { now, books: self, accounts: HashMap::new(), reservations: HashMap::new() };
        let posted = chain.iter().map(|transfer| draft.post(transfer)).collect::<Result<Vec<_>, _>>()?;
        let Draft { accounts, reservations, .. } = draft;
        self.accounts.extend(accounts);
        for (id, reservation) in reservations {
            match reservation {
                Some(reservation) => self.reservations.insert(id, reservation),
                None => self.reservations.remove(&id),
            };
        }
        Ok(posted)
    }
}

/// A chain on its way: what it changed so far.
struct Draft<'b> {
    now: Time,
    books: &'b Books,
    accounts: HashMap<AccountId, AccountState>,
    reservations: HashMap<TransferId, Option<Reservation>>,
}

impl Draft<'_> {
    fn state(&self, account: AccountId) -> AccountState {
        self.accounts.get(&account).copied().unwrap_or_else(|| self.books.state(account))
    }

    fn post(&mut self, transfer: &NewTransfer) -> Result<Posted, TransferRefusal> {
        let NewTransfer { debit, credit, amount, phase, .. } = transfer;
        let (mut from, mut to) = (self.state(debit.id), self.state(credit.id));
        if *amount <= 0 || debit.id == credit.id || debit.currency != credit.currency {
            return Err(TransferRefusal::Amount);
        }
        if let Some(id) = phase.reservation() {
            let reserved = self.take_reservation(id, transfer)?;
            from.reserved = from.reserved.checked_sub(reserved).ok_or(TransferRefusal::NotReserved)?;
            to.incoming = to.incoming.checked_sub(reserved).ok_or(TransferRefusal::NotReserved)?;
        }
        let moves = matches!(phase, Phase::Single | Phase::Post(_));
        if moves {
            from.balance = from.balance.checked_sub(*amount).ok_or(TransferRefusal::Amount)?;
            to.balance = to.balance.checked_add(*amount).ok_or(TransferRefusal::Amount)?;
            from.entries += 1;
            to.entries += 1;
        }
        if let Phase::Pending(until) = phase {
            from.reserved = from.reserved.checked_add(*amount).ok_or(TransferRefusal::Amount)?;
            to.incoming = to.incoming.checked_add(*amount).ok_or(TransferRefusal::Amount)?;
            let reservation = Reservation { debit: debit.id, credit: credit.id, amount: *amount, until: *until };
            self.reservations.insert(transfer.id, Some(reservation));
        }
        if debit.has_floor() && from.available() < 0 {
            let available = self.books.state(debit.id).available();
            return Err(TransferRefusal::Insufficient { account: debit.clone(), available });
        }
        self.accounts.insert(debit.id, from);
        self.accounts.insert(credit.id, to);
        Ok(Posted {
            transfer: transfer.clone(),
            debit: moves.then_some((from.entries, from.balance)),
            credit: moves.then_some((to.entries, to.balance)),
        })
    }

    /// The reserved amount, which is now decided.
    fn take_reservation(&mut self, id: TransferId, transfer: &NewTransfer) -> Result<i64, TransferRefusal> {
        let found = self.reservations.get(&id).copied().unwrap_or_else(|| self.books.reservations.get(&id).copied());
        let fits = |reservation: &Reservation| {
            reservation.debit == transfer.debit.id
                && reservation.credit == transfer.credit.id
                && transfer.amount <= reservation.amount
                && (reservation.until > self.now || !matches!(transfer.phase, Phase::Post(_)))
        };
        let reservation = found.filter(fits).ok_or(TransferRefusal::NotReserved)?;
        self.reservations.insert(id, None);
        Ok(reservation.amount)
    }
}

/// The platform's part of an amount: basis points, rounded half to even, never more than the amount.
pub fn fee(amount: Money, fee_bps: u16) -> Money {
    const WHOLE: i128 = 10_000;
    let product = i128::from(amount.amount) * i128::from(fee_bps.min(10_000));
    Money::new(half_even(product, WHOLE), amount.currency)
}

/// The part of a fee that belongs to what has been given back so far, of the amount it was taken from. Asked with all of the
/// amount it is all of the fee, so several partial returns give back exactly what was taken.
pub fn fee_share(fee: i64, given_back: i64, amount: i64) -> i64 {
    half_even(i128::from(fee) * i128::from(given_back), i128::from(amount))
}

/// A quotient of numbers that are not negative, rounded to the nearest, halves to even.
fn half_even(number: i128, by: i128) -> i64 {
    let (quotient, rest) = (number / by, number % by);
    let up = rest * 2 > by || (rest * 2 == by && quotient % 2 == 1);
    // At most the amount, which was an i64.
    i64::try_from(quotient + i128::from(up)).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests;
