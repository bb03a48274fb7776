//! The ledger: what you have, and why.

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
    /// Your money, and what moved it.
    pub fn ledger(&self) -> LedgerCalls {
        LedgerCalls(self.clone())
    }
}

impl LedgerCalls {
    /// Reads your balance, currency by currency.
    pub fn balance(&self) -> Call<GetBalance> {
        self.0.call(Nothing {}, Nothing {}, Nothing {})
    }

    /// Lists your accounts.
    pub fn accounts(&self, query: LedgerQuery) -> Call<ListAccounts> {
        self.0.call(Nothing {}, query, Nothing {})
    }

    /// Reads an account.
    pub fn account(&self, account: AccountId) -> Call<GetAccount> {
        self.0.call(AccountPath { account }, Nothing {}, Nothing {})
    }

    /// Lists what moved an account, newest first.
    pub fn transfers(&self, account: AccountId, query: LedgerQuery) -> Call<ListTransfers> {
        self.0.call(AccountPath { account }, query, Nothing {})
    }

    /// Reads a transfer.
    pub fn transfer(&self, transfer: TransferId) -> Call<GetTransfer> {
        self.0.call(TransferPath { transfer }, Nothing {}, Nothing {})
    }
}
