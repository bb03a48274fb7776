//! Reads of the ledger. What a partner may see of them, capabilities say.

use quanzi_openapi::id::{AccountId, PartnerId, TransferId};
use quanzi_openapi::{Limit, Time};

use super::allowance::day_of;
use super::model::{AccountKey, AccountState};
use super::store::{self, AccountRow, TransferRow};
use crate::platform::db::{Fault, Reader, Tx};

/// How long used-up parts of daily limits are kept, in days.
const ALLOWANCE_DAYS_KEPT: i64 = 40;

/// All accounts in the partner's books.
pub async fn all_accounts(tx: &mut Reader, partner: PartnerId) -> Result<Vec<AccountRow>, Fault> {
    store::all_accounts(tx, partner).await
}

/// A page of the accounts in the partner's books, and one more.
pub async fn accounts(
    tx: &mut Reader,
    partner: PartnerId,
    after: Option<AccountId>,
    limit: Limit,
) -> Result<Vec<AccountRow>, Fault> {
    store::accounts(tx, partner, after, limit).await
}

/// An account in the partner's books.
pub async fn find_account(
    tx: &mut Reader,
    partner: PartnerId,
    account: AccountId,
) -> Result<Option<AccountRow>, Fault> {
    store::find_account(tx, partner, account).await
}

/// An account's numbers, of any partner; zero when it was never used.
pub async fn account_state(tx: &mut Reader, key: &AccountKey) -> Result<AccountState, Fault> {
    Ok(store::find_by_key(tx, key).await?.map_or_else(AccountState::default, |row| row.state()))
}

/// The entries of an account below a number, newest first, and one more.
pub async fn entries(tx: &mut Reader, account: AccountId, below: i64, limit: Limit) -> Result<Vec<TransferRow>, Fault> {
    store::entries(tx, account, below, limit).await
}

/// A transfer, of any partner.
pub async fn find_transfer(tx: &mut Reader, transfer: TransferId) -> Result<Option<TransferRow>, Fault> {
    store::find_transfer(tx, transfer).await
}

/// Deletes what was used of limits on days long past.
pub async fn sweep(tx: &mut Tx, now: Time, rows_max: i64) -> Result<u64, Fault> {
    store::sweep_allowances(tx, day_of(now) - ALLOWANCE_DAYS_KEPT, rows_max).await
}
