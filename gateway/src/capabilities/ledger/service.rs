//! What a partner sees of the ledger.

use std::collections::BTreeMap;

use quanzi_openapi::id::{AccountId, PartnerId, TransferId};
use quanzi_openapi::ledger::{
    Account, AccountKind, Balance, CurrencyBalance, LedgerCheck, LedgerQuery, Side, Transfer,
};
use quanzi_openapi::{Cursor, ErrorCode, Money, Page};

use crate::capabilities::payments;
use crate::platform::db::Reader;
use crate::platform::fault::Fault;
use crate::platform::ledger::{AccountRow, CheckReport, TransferRow, service as ledger};

/// The partner's money, currency by currency.
pub async fn balance(tx: &mut Reader, partner: PartnerId) -> Result<Balance, Fault> {
    let mut sums: BTreeMap<&'static str, CurrencyBalance> = BTreeMap::new();
    for row in ledger::all_accounts(tx, partner).await? {
        let zero = Money::new(0, row.currency);
        let sum = sums.entry(row.currency.code()).or_insert(CurrencyBalance {
            currency: row.currency,
            balance: zero,
            available: zero,
            reserved: zero,
            pending: zero,
            fees: zero,
        });
        if row.kind == AccountKind::PlatformFees {
            sum.fees.amount += row.balance;
            continue;
        }
        sum.balance.amount += row.balance;
        sum.available.amount += row.balance - row.reserved;
        sum.reserved.amount += row.reserved;
        sum.pending.amount += row.incoming;
    }
    Ok(Balance { data: sums.into_values().collect() })
}

/// A page of the partner's accounts.
pub async fn accounts(tx: &mut Reader, partner: PartnerId, query: &LedgerQuery) -> Result<Page<Account>, Fault> {
    let after: Option<AccountId> = query.cursor.as_ref().map(Cursor::position).transpose()?;
    let limit = query.limit.unwrap_or_default();
    let rows = ledger::accounts(tx, partner, after, limit).await?;
    Ok(Page::cut(rows, limit, |row| row.id).map(account))
}

/// The account.
pub async fn find_account(tx: &mut Reader, partner: PartnerId, id: AccountId) -> Result<Account, Fault> {
    let row = ledger::find_account(tx, partner, id).await?.ok_or(ErrorCode::AccountNotFound)?;
    Ok(account(row))
}

/// A page of an account's entries, newest first.
pub async fn transfers(
    tx: &mut Reader,
    partner: PartnerId,
    account: AccountId,
    query: &LedgerQuery,
) -> Result<Page<Transfer>, Fault> {
    let row = ledger::find_account(tx, partner, account).await?.ok_or(ErrorCode::AccountNotFound)?;
    let below: Option<i64> = query.cursor.as_ref().map(Cursor::position).transpose()?;
    let limit = query.limit.unwrap_or_default();
    // A forged cursor can point anywhere; entries are numbered from 1.
    let below = below.unwrap_or(i64::MAX).clamp(0, row.entries + 1);
    let rows = ledger::entries(tx, account, below, limit).await?;
    let page = Page::cut(rows, limit, |row| row.entry_of(account).unwrap_or_default());
    let mut own = OwnAccounts::default();
    let mut data = Vec::with_capacity(page.data.len());
    for row in page.data {
        data.push(own.transfer(tx, partner, row).await?);
    }
    Ok(Page { data, has_more: page.has_more, next_cursor: page.next_cursor })
}

/// The transfer, when it touches an account of the partner.
pub async fn find_transfer(tx: &mut Reader, partner: PartnerId, id: TransferId) -> Result<Transfer, Fault> {
    let row = ledger::find_transfer(tx, id).await?.ok_or(ErrorCode::TransferNotFound)?;
    let transfer = OwnAccounts::default().transfer(tx, partner, row).await?;
    if transfer.debit.account.is_none() && transfer.credit.account.is_none() {
        return Err(ErrorCode::TransferNotFound.into());
    }
    Ok(transfer)
}

/// What a check found, as it is reported.
pub fn report(report: CheckReport) -> LedgerCheck {
    LedgerCheck {
        clean: report.differences.is_empty(),
        accounts: report.accounts,
        payments: report.counted(payments::COUNTED),
        differences: report.differences,
    }
}

/// Which accounts are the partner's, looked up once each.
#[derive(Default)]
struct OwnAccounts(BTreeMap<AccountId, bool>);

impl OwnAccounts {
    async fn is_own(&mut self, tx: &mut Reader, partner: PartnerId, id: AccountId) -> Result<bool, Fault> {
        if let Some(known) = self.0.get(&id) {
            return Ok(*known);
        }
        let found = ledger::find_account(tx, partner, id).await?.is_some();
        self.0.insert(id, found);
        Ok(found)
    }

    /// As the partner reads it: of an account that is not theirs, only its kind. A wallet's id is the same at every partner.
    async fn transfer(&mut self, tx: &mut Reader, partner: PartnerId, row: TransferRow) -> Result<Transfer, Fault> {
        let money = |amount| Money::new(amount, row.currency);
        let side = |own: bool, id, kind: AccountKind, entry: Option<i64>, after: Option<i64>| Side {
            kind: kind.into(),
            account: own.then_some(id),
            entry: entry.filter(|_| own),
            balance_after: after.filter(|_| own).map(money),
        };
        // Wallets are never a partner's: they need no look.
        let debit_own = row.debit_kind != AccountKind::FanWallet && self.is_own(tx, partner, row.debit_id).await?;
        let credit_own = row.credit_kind != AccountKind::FanWallet && self.is_own(tx, partner, row.credit_id).await?;
        Ok(Transfer {
            id: row.id,
            amount: money(row.amount),
            debit: side(debit_own, row.debit_id, row.debit_kind, row.debit_entry, row.debit_after),
            credit: side(credit_own, row.credit_id, row.credit_kind, row.credit_entry, row.credit_after),
            code: row.code.into(),
            object: row.object,
            phase: row.phase.into(),
            pending: row.pending_id,
            created_at: row.created_at,
        })
    }
}

fn account(row: AccountRow) -> Account {
    let money = |amount| Money::new(amount, row.currency);
    Account {
        id: row.id,
        kind: row.kind.into(),
        circle: row.owner.parse().ok(),
        balance: money(row.balance),
        available: money(row.balance - row.reserved),
        reserved: money(row.reserved),
        pending: money(row.incoming),
        entries: row.entries,
        created_at: row.created_at,
    }
}
