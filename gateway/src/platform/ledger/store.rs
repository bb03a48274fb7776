//! All SQL of accounts, transfers, reservations and allowances.

use std::collections::{BTreeMap, BTreeSet};

use quanzi_openapi::id::{AccountId, PartnerId, TransferId};
use quanzi_openapi::ledger::{AccountKind, TransferCode, TransferPhase};
use quanzi_openapi::{Currency, Limit, Time};
use serde::Serialize;
use sqlx::FromRow;

use super::model::{AccountKey, AccountState, NewTransfer, Phase, Posted, Reservation};
use super::order::LedgerOrder;
use crate::platform::db::{As, Fault, List, Reader, Sql, Tx, as_micros, enum_columns};
use crate::sql;

enum_columns!(AccountKind Currency TransferCode TransferPhase);

// In the order of their ids: of two batches that share accounts the second waits, instead of both dying.
const LOCK_ACCOUNTS: Sql = sql!(
    "select id, balance, reserved, incoming, entries from account \
     where id in (select value ->> 0 from json_each($1)) order by id",
    [" for no key update"]
);
const ADD_ACCOUNTS: Sql = sql!(
    "insert into account (id, owner, kind, currency, partner_id, balance, reserved, incoming, entries, created_at) \
     select value ->> 'id', value ->> 'owner', value ->> 'kind', value ->> 'currency', value ->> 'partner_id', \
     cast(value ->> 'balance' as bigint), cast(value ->> 'reserved' as bigint), cast(value ->> 'incoming' as bigint), \
     cast(value ->> 'entries' as bigint), cast(value ->> 'created_at' as bigint) \
     from json_each($1) where true order by value ->> 'id' on conflict do nothing"
);
const PUT_ACCOUNTS: Sql = sql!(
    "update account set balance = new.balance, reserved = new.reserved, incoming = new.incoming, entries = new.entries \
     from (select value ->> 'id' as id, cast(value ->> 'balance' as bigint) as balance, \
     cast(value ->> 'reserved' as bigint) as reserved, cast(value ->> 'incoming' as bigint) as incoming, \
     cast(value ->> 'entries' as bigint) as entries from json_each($1)) as new \
     where account.id = new.id"
);
const RESERVATIONS: Sql = sql!(
    "select id, debit_id, credit_id, amount, expires_at from reservation where id in (select value ->> 0 from json_each($1)) order by id",
    [" for update"]
);
const ADD_RESERVATIONS: Sql = sql!(
    "insert into reservation (id, debit_id, credit_id, amount, currency, expires_at) \
     select value ->> 'id', value ->> 'debit_id', value ->> 'credit_id', cast(value ->> 'amount' as bigint), \
     value ->> 'currency', cast(value ->> 'expires_at' as bigint) from json_each($1) where true"
);
const DROP_RESERVATIONS: Sql = sql!("delete from reservation where id in (select value ->> 0 from json_each($1))");
const ADD_TRANSFERS: Sql = sql!(
    "insert into transfer (id, partner_id, debit_id, debit_kind, credit_id, credit_kind, amount, currency, code, object, \
     phase, pending_id, debit_entry, debit_after, credit_entry, credit_after, created_at) \
     select value ->> 'id', value ->> 'partner_id', value ->> 'debit_id', value ->> 'debit_kind', value ->> 'credit_id', \
     value ->> 'credit_kind', cast(value ->> 'amount' as bigint), value ->> 'currency', value ->> 'code', value ->> 'object', \
     value ->> 'phase', value ->> 'pending_id', cast(value ->> 'debit_entry' as bigint), \
     cast(value ->> 'debit_after' as bigint), cast(value ->> 'credit_entry' as bigint), \
     cast(value ->> 'credit_after' as bigint), cast(value ->> 'created_at' as bigint) from json_each($1) where true"
);
const ALLOWANCES: Sql = sql!(
    "select a.subject, a.day, a.used from allowance a \
     join (select value ->> 'subject' as subject, cast(value ->> 'day' as bigint) as day from json_each($1)) as wanted \
     on a.subject = wanted.subject and a.day = wanted.day"
);
const USE_ALLOWANCES: Sql = sql!(
    "insert into allowance (subject, day, used) \
     select value ->> 'subject', cast(value ->> 'day' as bigint), cast(value ->> 'used' as bigint) \
     from json_each($1) where true order by value ->> 'subject', cast(value ->> 'day' as bigint) \
     on conflict (subject, day) do update set used = allowance.used + excluded.used returning subject, day, used"
);
const SWEEP_ALLOWANCES: Sql = sql!(
    "delete from allowance where (subject, day) in (select subject, day from allowance where day < $1 order by day limit $2)"
);

macro_rules! account {
    () => {
        "select id, owner, kind, currency, balance, reserved, incoming, entries, created_at from account "
    };
}
const FIND_ACCOUNT: Sql = sql!(account!(), "where partner_id = $1 and id = $2");
const FIND_BY_ID: Sql = sql!(account!(), "where id = $1");
const ACCOUNTS: Sql = sql!(account!(), "where partner_id = $1 and id > $2 order by id limit $3");
const ALL_ACCOUNTS: Sql = sql!(account!(), "where partner_id = $1");

macro_rules! transfer {
    () => {
        "select id, debit_id, debit_kind, credit_id, credit_kind, amount, currency, code, object, phase, pending_id, \
         debit_entry, debit_after, credit_entry, credit_after, created_at from transfer "
    };
}
const FIND_TRANSFER: Sql = sql!(transfer!(), "where id = $1");
const ENTRIES: Sql = sql!(
    transfer!(),
    "where id in (select id from (select id, debit_entry as entry from transfer \
     where debit_id = $1 and debit_entry < $2 and debit_entry >= $3 \
     union all select id, credit_entry as entry from transfer \
     where credit_id = $1 and credit_entry < $2 and credit_entry >= $3) as entries)"
);

#[derive(FromRow)]
struct StateRow {
    #[sqlx(try_from = "As<AccountId>")]
    id: AccountId,
    balance: i64,
    reserved: i64,
    incoming: i64,
    entries: i64,
}

/// Locks accounts until the end of the transaction; one that was never used is not there.
pub async fn lock_accounts(
    tx: &mut Tx,
    ids: impl Iterator<Item = &AccountId>,
) -> Result<BTreeMap<AccountId, AccountState>, Fault> {
    let rows: Vec<StateRow> = tx.query(LOCK_ACCOUNTS).bind(List::of(ids)).all().await?;
    let state = |row: &StateRow| AccountState {
        balance: row.balance,
        reserved: row.reserved,
        incoming: row.incoming,
        entries: row.entries,
    };
    Ok(rows.iter().map(|row| (row.id, state(row))).collect())
}

/// An account's numbers as they are written.
#[derive(Serialize)]
struct AccountUpdate {
    id: AccountId,
    balance: i64,
    reserved: i64,
    incoming: i64,
    entries: i64,
}

impl AccountUpdate {
    const fn new(key: &AccountKey, state: AccountState) -> Self {
        let AccountState { balance, reserved, incoming, entries } = state;
        Self { id: key.id(), balance, reserved, incoming, entries }
    }
}

/// Writes the numbers of accounts that were locked.
pub async fn put_accounts(tx: &mut Tx, accounts: &[(&AccountKey, AccountState)]) -> Result<(), Fault> {
    if accounts.is_empty() {
        return Ok(());
    }
    let rows = accounts.iter().map(|(key, state)| AccountUpdate::new(key, *state));
    tx.query(PUT_ACCOUNTS).bind(List::rows(rows)).run().await?;
    Ok(())
}

/// An account that is new.
#[derive(Serialize)]
struct AccountInsert<'a> {
    #[serde(flatten)]
    numbers: AccountUpdate,
    owner: &'a str,
    kind: AccountKind,
    currency: Currency,
    partner_id: Option<PartnerId>,
    #[serde(serialize_with = "as_micros")]
    created_at: Time,
}

impl<'a> AccountInsert<'a> {
    fn new(key: &'a AccountKey, state: AccountState, now: Time) -> Self {
        Self {
            numbers: AccountUpdate::new(key, state),
            owner: key.owner(),
            kind: key.kind(),
            currency: key.currency(),
            partner_id: key.partner(),
            created_at: now,
        }
    }
}

/// Makes accounts that were not there. When another process made one meanwhile, the batch has to be decided anew.
pub async fn add_accounts(tx: &mut Tx, accounts: &[(&AccountKey, AccountState)], now: Time) -> Result<(), Fault> {
    if accounts.is_empty() {
        return Ok(());
    }
    let rows = accounts.iter().map(|(key, state)| AccountInsert::new(key, *state, now));
    let made = tx.query(ADD_ACCOUNTS).bind(List::rows(rows)).run().await?;
    if usize::try_from(made).is_ok_and(|made| made == accounts.len()) { Ok(()) } else { Err(Fault::Retry) }
}

#[derive(FromRow)]
struct ReservationRow {
    #[sqlx(try_from = "As<TransferId>")]
    id: TransferId,
    #[sqlx(try_from = "As<AccountId>")]
    debit_id: AccountId,
    #[sqlx(try_from = "As<AccountId>")]
    credit_id: AccountId,
    amount: i64,
    #[sqlx(try_from = "As<Time>")]
    expires_at: Time,
}

/// Locks reservations until the end of the transaction; settled ones are not returned.
pub async fn lock_reservations(
    tx: &mut Tx,
    ids: &BTreeSet<TransferId>,
) -> Result<Vec<(TransferId, Reservation)>, Fault> {
    let rows: Vec<ReservationRow> = tx.query(RESERVATIONS).bind(List::of(ids)).all().await?;
    let reservation = |row: ReservationRow| Reservation {
        debit: row.debit_id,
        credit: row.credit_id,
        amount: row.amount,
        until: row.expires_at,
    };
    Ok(rows.into_iter().map(|row| (row.id, reservation(row))).collect())
}

/// A transfer of an order that was accepted.
pub struct PostedOf<'o> {
    pub order: &'o LedgerOrder,
    pub posted: Posted,
}

/// A transfer as it is written.
#[derive(Serialize)]
struct TransferInsert<'a> {
    id: TransferId,
    partner_id: PartnerId,
    debit_id: AccountId,
    debit_kind: AccountKind,
    credit_id: AccountId,
    credit_kind: AccountKind,
    amount: i64,
    currency: Currency,
    code: TransferCode,
    object: &'a str,
    phase: TransferPhase,
    pending_id: Option<TransferId>,
    debit_entry: Option<i64>,
    debit_after: Option<i64>,
    credit_entry: Option<i64>,
    credit_after: Option<i64>,
    #[serde(serialize_with = "as_micros")]
    created_at: Time,
}

impl<'a> TransferInsert<'a> {
    fn new(PostedOf { order, posted }: &'a PostedOf<'_>) -> Self {
        let transfer = &posted.transfer;
        Self {
            id: transfer.id,
            partner_id: order.partner,
            debit_id: transfer.debit.id(),
            debit_kind: transfer.debit.kind(),
            credit_id: transfer.credit.id(),
            credit_kind: transfer.credit.kind(),
            amount: transfer.amount,
            currency: transfer.debit.currency(),
            code: transfer.code,
            object: &order.object,
            phase: transfer.phase.enum_text(),
            pending_id: transfer.phase.reservation(),
            debit_entry: posted.debit.map(|(entry, _)| entry),
            debit_after: posted.debit.map(|(_, after)| after),
            credit_entry: posted.credit.map(|(entry, _)| entry),
            credit_after: posted.credit.map(|(_, after)| after),
            created_at: order.now,
        }
    }
}

/// A reservation as it is written.
#[derive(Serialize)]
struct ReservationInsert {
    id: TransferId,
    debit_id: AccountId,
    credit_id: AccountId,
    amount: i64,
    currency: Currency,
    #[serde(serialize_with = "as_micros")]
    expires_at: Time,
}

impl ReservationInsert {
    /// What the transfer reserves, when it does.
    fn of(transfer: &NewTransfer) -> Option<Self> {
        let Phase::Pending(expires_at) = transfer.phase else { return None };
        Some(Self {
            id: transfer.id,
            debit_id: transfer.debit.id(),
            credit_id: transfer.credit.id(),
            amount: transfer.amount,
            currency: transfer.debit.currency(),
            expires_at,
        })
    }
}

/// Writes what was posted: the transfers, and what they reserved or decided.
pub async fn add_transfers(tx: &mut Tx, posted: &[PostedOf<'_>]) -> Result<(), Fault> {
    tx.query(ADD_TRANSFERS).bind(List::rows(posted.iter().map(TransferInsert::new))).run().await?;
    let transfers = || posted.iter().map(|PostedOf { posted, .. }| &posted.transfer);
    let reserved: Vec<ReservationInsert> = transfers().filter_map(ReservationInsert::of).collect();
    if !reserved.is_empty() {
        tx.query(ADD_RESERVATIONS).bind(List::rows(reserved)).run().await?;
    }
    let decided: Vec<TransferId> = transfers().filter_map(|transfer| transfer.phase.reservation()).collect();
    if !decided.is_empty() {
        tx.query(DROP_RESERVATIONS).bind(List::of(decided)).run().await?;
    }
    Ok(())
}

/// A limit's subject and day, with what is taken of it.
#[derive(Serialize)]
struct AllowanceUse<'a> {
    subject: &'a str,
    day: i64,
    used: i64,
}

/// How much of each limit is used so far.
pub async fn allowances(
    tx: &mut Reader,
    subjects: &BTreeSet<(String, i64)>,
) -> Result<BTreeMap<(String, i64), i64>, Fault> {
    let rows: Vec<(String, i64, i64)> = {
        let rows = subjects.iter().map(|(subject, day)| AllowanceUse { subject, day: *day, used: 0 });
        tx.query(ALLOWANCES).bind(List::rows(rows)).all().await?
    };
    Ok(rows.into_iter().map(|(subject, day, used)| ((subject, day), used)).collect())
}

/// Uses so much of each limit; how much of it is used then. From here on nobody else uses any of it.
pub async fn use_allowances(
    tx: &mut Tx,
    taken: &BTreeMap<(String, i64), i64>,
) -> Result<BTreeMap<(String, i64), i64>, Fault> {
    let rows = taken.iter().map(|((subject, day), taken)| AllowanceUse { subject, day: *day, used: *taken });
    let rows: Vec<(String, i64, i64)> = tx.query(USE_ALLOWANCES).bind(List::rows(rows)).all().await?;
    Ok(rows.into_iter().map(|(subject, day, used)| ((subject, day), used)).collect())
}

/// Deletes what was used on days before this one, at most so many.
pub async fn sweep_allowances(tx: &mut Tx, day: i64, rows_max: i64) -> Result<u64, Fault> {
    tx.query(SWEEP_ALLOWANCES).bind(day).bind(rows_max).run().await
}

/// An account as it is kept.
#[derive(Debug, Clone, FromRow)]
pub struct AccountRow {
    #[sqlx(try_from = "As<AccountId>")]
    pub id: AccountId,
    pub owner: String,
    #[sqlx(try_from = "As<AccountKind>")]
    pub kind: AccountKind,
    #[sqlx(try_from = "As<Currency>")]
    pub currency: Currency,
    pub balance: i64,
    pub reserved: i64,
    pub incoming: i64,
    pub entries: i64,
    #[sqlx(try_from = "As<Time>")]
    pub created_at: Time,
}

impl AccountRow {
    /// Its numbers.
    pub const fn state(&self) -> AccountState {
        AccountState { balance: self.balance, reserved: self.reserved, incoming: self.incoming, entries: self.entries }
    }
}

pub async fn find_account(
    tx: &mut Reader,
    partner: PartnerId,
    account: AccountId,
) -> Result<Option<AccountRow>, Fault> {
    tx.query(FIND_ACCOUNT).bind(partner).bind(account).optional().await
}

/// Any account, by what it is: for those that are in nobody's books.
pub async fn find_by_key(tx: &mut Reader, key: &AccountKey) -> Result<Option<AccountRow>, Fault> {
    tx.query(FIND_BY_ID).bind(key.id()).optional().await
}

pub async fn accounts(
    tx: &mut Reader,
    partner: PartnerId,
    after: Option<AccountId>,
    limit: Limit,
) -> Result<Vec<AccountRow>, Fault> {
    let after = after.map(|id| id.to_string()).unwrap_or_default();
    tx.query(ACCOUNTS).bind(partner).bind(after).bind(limit.rows_and_one()).all().await
}

/// All accounts of a partner.
pub async fn all_accounts(tx: &mut Reader, partner: PartnerId) -> Result<Vec<AccountRow>, Fault> {
    tx.query(ALL_ACCOUNTS).bind(partner).all().await
}

/// A transfer as it is kept.
#[derive(Debug, Clone, FromRow)]
pub struct TransferRow {
    #[sqlx(try_from = "As<TransferId>")]
    pub id: TransferId,
    #[sqlx(try_from = "As<AccountId>")]
    pub debit_id: AccountId,
    #[sqlx(try_from = "As<AccountKind>")]
    pub debit_kind: AccountKind,
    #[sqlx(try_from = "As<AccountId>")]
    pub credit_id: AccountId,
    #[sqlx(try_from = "As<AccountKind>")]
    pub credit_kind: AccountKind,
    pub amount: i64,
    #[sqlx(try_from = "As<Currency>")]
    pub currency: Currency,
    #[sqlx(try_from = "As<TransferCode>")]
    pub code: TransferCode,
    pub object: String,
    #[sqlx(try_from = "As<TransferPhase>")]
    pub phase: TransferPhase,
    #[sqlx(try_from = "As<Option<TransferId>>")]
    pub pending_id: Option<TransferId>,
    pub debit_entry: Option<i64>,
    pub debit_after: Option<i64>,
    pub credit_entry: Option<i64>,
    pub credit_after: Option<i64>,
    #[sqlx(try_from = "As<Time>")]
    pub created_at: Time,
}

pub async fn find_transfer(tx: &mut Reader, transfer: TransferId) -> Result<Option<TransferRow>, Fault> {
    tx.query(FIND_TRANSFER).bind(transfer).optional().await
}

/// The entries of an account below a number, newest first.
pub async fn entries(tx: &mut Reader, account: AccountId, below: i64, limit: Limit) -> Result<Vec<TransferRow>, Fault> {
    let from = below - limit.rows_and_one();
    let mut rows: Vec<TransferRow> = tx.query(ENTRIES).bind(account).bind(below).bind(from).all().await?;
    rows.sort_unstable_by_key(|row| std::cmp::Reverse(row.entry_of(account)));
    Ok(rows)
}

impl TransferRow {
    /// Which entry of this account it is.
    pub fn entry_of(&self, account: AccountId) -> Option<i64> {
        if self.debit_id == account { self.debit_entry } else { self.credit_entry }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::platform::db::named::test::assert_bound_by_name;

    #[test]
    fn every_number_is_written_to_the_column_of_its_name() {
        let clock = crate::platform::clock::Clock::system();
        let (now, partner) = (clock.now(), clock.id());
        let key = |owner: &str| AccountKey::new(owner, Some(partner), AccountKind::PlatformFees, Currency::CNY);
        let transfer = NewTransfer {
            id: clock.id(),
            debit: key("one"),
            credit: key("two"),
            amount: 1,
            code: TransferCode::Fee,
            phase: Phase::Pending(now),
        };
        let order = LedgerOrder::new(partner, now, "object");
        let reserved = ReservationInsert::of(&transfer).unwrap();
        let posted = PostedOf { order: &order, posted: Posted { transfer, debit: None, credit: None } };

        assert_bound_by_name(ADD_ACCOUNTS, &AccountInsert::new(&key("one"), AccountState::default(), now));
        assert_bound_by_name(PUT_ACCOUNTS, &AccountUpdate::new(&key("one"), AccountState::default()));
        assert_bound_by_name(ADD_TRANSFERS, &TransferInsert::new(&posted));
        assert_bound_by_name(ADD_RESERVATIONS, &reserved);
        assert_bound_by_name(USE_ALLOWANCES, &AllowanceUse { subject: "one", day: 1, used: 1 });
    }
}
