//! The ledger: your balances, and the transfers behind them.

use quanzi_openapi::Nothing;
use quanzi_openapi::id::{AccountId, TransferId};
pub use quanzi_openapi::ledger::{
    Account, AccountKind, AccountPath, Balance, CheckLedger, CurrencyBalance, GetAccount, GetBalance, GetTransfer,
    LedgerCheck, LedgerQuery, ListAccounts, ListTransfers, Side, Transfer, TransferCode, TransferPath, TransferPhase,
};

use crate::{Call, Client};

/// Calls about the ledger; from [`Client::ledger`].
#[derive(Debug, Clone)]
pub struct LedgerCalls(Client);

impl Client {
    /// Calls about your money and the transfers behind it.
    pub fn ledger(&self) -> LedgerCalls {
        LedgerCalls(self.clone())
    }
}

impl LedgerCalls {
    /// Gets your balance in each currency.
    pub fn balance(&self) -> Call<GetBalance> {
        self.0.call(Nothing {}, Nothing {}, Nothing {})
    }

    /// Lists your accounts.
    pub fn accounts(&self, query: LedgerQuery) -> Call<ListAccounts> {
        self.0.call(Nothing {}, query, Nothing {})
    }

    /// Gets an account.
    pub fn account(&self, account: AccountId) -> Call<GetAccount> {
        self.0.call(AccountPath { account }, Nothing {}, Nothing {})
    }

    /// Lists the transfers of an account, newest first.
    pub fn transfers(&self, account: AccountId, query: LedgerQuery) -> Call<ListTransfers> {
        self.0.call(AccountPath { account }, query, Nothing {})
    }

    /// Gets a transfer.
    pub fn transfer(&self, transfer: TransferId) -> Call<GetTransfer> {
        self.0.call(TransferPath { transfer }, Nothing {}, Nothing {})
    }
}
