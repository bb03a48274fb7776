//! All SQL of accounts, transfers, reservations and allowances.

use std::collections::{BTreeMap, BTreeSet};

use quanzi_openapi::id::{AccountId, PartnerId, TransferId};
use quanzi_openapi::ledger::{AccountKind, TransferCode, TransferPhase};
use quanzi_openapi::{Currency, Limit, Time};
use sqlx::FromRow;

use super::model::{AccountKey, Phase, Posted, Reservation, Standing};
use crate::platform::db::{As, Fault, List, Reader, Sql, Tx, enum_columns, enum_text};
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
     select value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4, cast(value ->> 5 as bigint), \
     cast(value ->> 6 as bigint), cast(value ->> 7 as bigint), cast(value ->> 8 as bigint), cast(value ->> 9 as bigint) \
     from json_each($1) where true order by value ->> 0 on conflict do nothing"
);
const PUT_ACCOUNTS: Sql = sql!(
    "update account set balance = new.balance, reserved = new.reserved, incoming = new.incoming, entries = new.entries \
     from (select value ->> 0 as id, cast(value ->> 1 as bigint) as balance, cast(value ->> 2 as bigint) as reserved, \
     cast(value ->> 3 as bigint) as incoming, cast(value ->> 4 as bigint) as entries from json_each($1)) as new \
     where account.id = new.id"
);
const RESERVATIONS: Sql = sql!(
    "select id, debit_id, credit_id, amount, expires_at from reservation where id in (select value ->> 0 from json_each($1)) order by id",
    [" for update"]
);
const ADD_RESERVATIONS: Sql = sql!(
    "insert into reservation (id, debit_id, credit_id, amount, currency, expires_at) \
     select value ->> 0, value ->> 1, value ->> 2, cast(value ->> 3 as bigint), value ->> 4, cast(value ->> 5 as bigint) \
     from json_each($1) where true"
);
const DROP_RESERVATIONS: Sql = sql!("delete from reservation where id in (select value ->> 0 from json_each($1))");
const ADD_TRANSFERS: Sql = sql!(
    "insert into transfer (id, partner_id, debit_id, debit_kind, credit_id, credit_kind, amount, currency, code, object, \
     phase, pending_id, debit_entry, debit_after, credit_entry, credit_after, created_at) \
     select value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4, value ->> 5, cast(value ->> 6 as bigint), \
     value ->> 7, value ->> 8, value ->> 9, value ->> 10, value ->> 11, cast(value ->> 12 as bigint), \
     cast(value ->> 13 as bigint), cast(value ->> 14 as bigint), cast(value ->> 15 as bigint), cast(value ->> 16 as bigint) \
     from json_each($1) where true"
);
const ALLOWANCES: Sql = sql!(
    "select a.subject, a.day, a.used from allowance a join (select value ->> 0 as subject, cast(value ->> 1 as bigint) as day \
     from json_each($1)) as asked on a.subject = asked.subject and a.day = asked.day"
);
const USE_ALLOWANCES: Sql = sql!(
    "insert into allowance (subject, day, used) select value ->> 0, cast(value ->> 1 as bigint), cast(value ->> 2 as bigint) \
     from json_each($1) where true order by value ->> 0, value ->> 1 \
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
const FIND_WALLET: Sql = sql!(account!(), "where id = $1");
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
struct StandingRow {
    #[sqlx(try_from = "As<AccountId>")]
    id: AccountId,
    balance: i64,
    reserved: i64,
    incoming: i64,
    entries: i64,
}

/// Holds accounts until the end of the transaction; one that was never used is not there.
pub async fn lock_accounts(
    tx: &mut Tx,
    ids: impl Iterator<Item = &AccountId>,
) -> Result<BTreeMap<AccountId, Standing>, Fault> {
    let rows: Vec<StandingRow> = tx.query(LOCK_ACCOUNTS).bind(List::of(ids)).all().await?;
    let standing = |row: &StandingRow| Standing {
        balance: row.balance,
        reserved: row.reserved,
        incoming: row.incoming,
        entries: row.entries,
    };
    Ok(rows.iter().map(|row| (row.id, standing(row))).collect())
}

/// Writes how accounts stand that were held.
pub async fn put_accounts(tx: &mut Tx, accounts: &[(&AccountKey, Standing)]) -> Result<(), Fault> {
    if accounts.is_empty() {
        return Ok(());
    }
    let row = |(key, at): &(&AccountKey, Standing)| (key.id(), at.balance, at.reserved, at.incoming, at.entries);
    tx.query(PUT_ACCOUNTS).bind(List::rows(accounts.iter().map(row))).run().await?;
    Ok(())
}

/// Makes accounts that were not there. When another process made one meanwhile, the batch has to be decided anew.
pub async fn add_accounts(tx: &mut Tx, accounts: &[(&AccountKey, Standing)], now: Time) -> Result<(), Fault> {
    if accounts.is_empty() {
        return Ok(());
    }
    let row = |(key, at): &(&AccountKey, Standing)| {
        let (owner, kind, currency) = (key.owner(), enum_text(&key.kind()), key.currency().code());
        let (balance, reserved, incoming, entries) = (at.balance, at.reserved, at.incoming, at.entries);
        let (id, name, partner) = (key.id(), owner.to_string(), owner.partner());
        (id, name, kind, currency, partner, balance, reserved, incoming, entries, now.micros())
    };
    let made = tx.query(ADD_ACCOUNTS).bind(List::rows(accounts.iter().map(row))).run().await?;
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

/// Writes what was posted: the transfers, and what they reserved or decided.
pub async fn add_transfers(tx: &mut Tx, posted: &[(PartnerId, Time, &str, Posted)]) -> Result<(), Fault> {
    let rows = posted.iter().map(|(partner, now, object, posted)| {
        let transfer = &posted.transfer;
        let (debit, credit) = (&transfer.debit, &transfer.credit);
        // More columns than tuples of serde have.
        vec![
            serde_json::json!(transfer.id),
            serde_json::json!(partner),
            serde_json::json!(debit.id()),
            serde_json::json!(debit.kind()),
            serde_json::json!(credit.id()),
            serde_json::json!(credit.kind()),
            serde_json::json!(transfer.amount),
            serde_json::json!(debit.currency().code()),
            serde_json::json!(transfer.code),
            serde_json::json!(object),
            serde_json::json!(transfer.phase.enum_text()),
            serde_json::json!(transfer.phase.reservation()),
            serde_json::json!(posted.debit.map(|(entry, _)| entry)),
            serde_json::json!(posted.debit.map(|(_, after)| after)),
            serde_json::json!(posted.credit.map(|(entry, _)| entry)),
            serde_json::json!(posted.credit.map(|(_, after)| after)),
            serde_json::json!(now.micros()),
        ]
    });
    tx.query(ADD_TRANSFERS).bind(List::rows(rows)).run().await?;
    let reserved: Vec<_> = posted
        .iter()
        .filter_map(|(_, _, _, posted)| match posted.transfer.phase {
            Phase::Pending(until) => Some((&posted.transfer, until)),
            _ => None,
        })
        .map(|(transfer, until)| {
            let (debit, credit) = (transfer.debit, transfer.credit);
            (transfer.id, debit.id(), credit.id(), transfer.amount, debit.currency().code(), until.micros())
        })
        .collect();
    if !reserved.is_empty() {
        tx.query(ADD_RESERVATIONS).bind(List::rows(reserved)).run().await?;
    }
    let decided: Vec<TransferId> =
        posted.iter().filter_map(|(_, _, _, posted)| posted.transfer.phase.reservation()).collect();
    if !decided.is_empty() {
        tx.query(DROP_RESERVATIONS).bind(List::of(decided)).run().await?;
    }
    Ok(())
}

/// How much of each limit is used so far.
pub async fn allowances(
    tx: &mut Reader,
    subjects: &BTreeSet<(String, i64)>,
) -> Result<BTreeMap<(String, i64), i64>, Fault> {
    let rows: Vec<(String, i64, i64)> = tx.query(ALLOWANCES).bind(List::rows(subjects)).all().await?;
    Ok(rows.into_iter().map(|(subject, day, used)| ((subject, day), used)).collect())
}

/// Uses so much of each limit; how much of it is used then. From here on nobody else uses any of it.
pub async fn use_allowances(
    tx: &mut Tx,
    taken: &BTreeMap<(String, i64), i64>,
) -> Result<BTreeMap<(String, i64), i64>, Fault> {
    let rows = taken.iter().map(|((subject, day), taken)| (subject, day, taken));
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

pub async fn find_account(
    tx: &mut Reader,
    partner: PartnerId,
    account: AccountId,
) -> Result<Option<AccountRow>, Fault> {
    tx.query(FIND_ACCOUNT).bind(partner).bind(account).optional().await
}

/// Any account, by what it is: for those that are in nobody's books.
pub async fn find_by_key(tx: &mut Reader, key: &AccountKey) -> Result<Option<AccountRow>, Fault> {
    tx.query(FIND_WALLET).bind(key.id()).optional().await
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

/// All accounts of a partner: a few for each circle.
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
