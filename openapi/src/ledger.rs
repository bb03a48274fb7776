//! The ledger: accounts and immutable transfers between two of them. Every balance is the sum of its entries.

use serde::{Deserialize, Serialize};

use crate::endpoint::{Access, Endpoint, Example, Fields, Nothing, Reply, Tag, verb};
use crate::error_code::ErrorCode;
use crate::id::{AccountId, CircleId, TransferId};
use crate::money::{Currency, Money};
use crate::open::Open;
use crate::page::{Cursor, Limit, Page};
use crate::schema::ToSchema;
use crate::scope::Scope;
use crate::time::Time;

/// What an account is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum AccountKind {
    /// A fan's money. Its balance is the fan's secret.
    FanWallet,
    /// What a circle earned.
    CircleEarnings,
    /// The partner's own money, outside its circles.
    PartnerBalance,
    /// Fees the platform took from the partner's payments.
    PlatformFees,
    /// Money held back, for example during a dispute.
    HeldFunds,
    /// The way in and out of the platform: a bank or wallet.
    ChannelClearing,
}

/// Why money moved.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum TransferCode {
    /// A fan put money into the wallet.
    TopUp,
    /// The circle's part of a tip.
    Tip,
    /// The platform's part of a payment.
    Fee,
    /// The circle's part of a refund.
    Refund,
    /// The platform's part of a refund.
    FeeRefund,
}

/// What a transfer does to money.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum TransferPhase {
    /// Moves it at once.
    Single,
    /// Reserves it.
    Pending,
    /// Moves what was reserved, in full or in part; the rest is free again.
    Post,
    /// Frees what was reserved.
    Void,
    /// Frees what was reserved, because nobody decided in time.
    Expire,
}

/// An account of yours.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[cfg_attr(not(feature = "server"), non_exhaustive)]
pub struct Account {
    /// Its id.
    pub id: AccountId,
    /// What it is for.
    #[schema(value_type = AccountKind)]
    pub kind: Open<AccountKind>,
    /// Whose earnings, when it is a circle's account.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub circle: Option<CircleId>,
    /// Credits minus debits, of everything that was moved.
    pub balance: Money,
    /// What can be spent: the balance without what is reserved.
    pub available: Money,
    /// Reserved for transfers that are not decided yet.
    pub reserved: Money,
    /// What would come in, if all that is not decided yet were posted.
    pub pending: Money,
    /// How many entries it has: the balance is the sum of entries 1 to this number.
    pub entries: i64,
    /// When it was first used.
    pub created_at: Time,
}

impl Example for Account {
    fn example() -> Self {
        let money = |amount| Money::new(amount, Currency::CNY);
        Self {
            id: AccountId::example(),
            kind: AccountKind::CircleEarnings.into(),
            circle: Some(CircleId::example()),
            balance: money(970),
            available: money(970),
            reserved: money(0),
            pending: money(0),
            entries: 1,
            created_at: Time::example(),
        }
    }
}

impl Reply for Account {
    fn example_value() -> serde_json::Value {
        crate::example_of::<Self>()
    }
}

/// One side of a transfer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[cfg_attr(not(feature = "server"), non_exhaustive)]
pub struct Side {
    /// What the account is for.
    #[schema(value_type = AccountKind)]
    pub kind: Open<AccountKind>,
    /// Its id, when it is one of yours.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<AccountId>,
    /// Which of that account's entries this is, from 1; when it is yours, and money moved.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub entry: Option<i64>,
    /// The account's balance right after; when it is yours, and money moved.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub balance_after: Option<Money>,
}

/// Money that moved from one account to another. It never changes; a mistake is put right by another transfer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[cfg_attr(not(feature = "server"), non_exhaustive)]
pub struct Transfer {
    /// Its id.
    pub id: TransferId,
    /// How much; always more than zero, except that freeing what was reserved moves nothing.
    pub amount: Money,
    /// The account it left.
    pub debit: Side,
    /// The account it went to.
    pub credit: Side,
    /// Why.
    #[schema(value_type = TransferCode)]
    pub code: Open<TransferCode>,
    /// What for: the id of a payment or refund.
    pub object: String,
    /// What it does.
    #[schema(value_type = TransferPhase)]
    pub phase: Open<TransferPhase>,
    /// The transfer that reserved what this one posts or frees.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pending: Option<TransferId>,
    /// When.
    pub created_at: Time,
}

impl Example for Transfer {
    fn example() -> Self {
        let money = |amount| Money::new(amount, Currency::CNY);
        Self {
            id: TransferId::example(),
            amount: money(970),
            debit: Side { kind: AccountKind::FanWallet.into(), account: None, entry: None, balance_after: None },
            credit: Side {
                kind: AccountKind::CircleEarnings.into(),
                account: Some(AccountId::example()),
                entry: Some(1),
                balance_after: Some(money(970)),
            },
            code: TransferCode::Tip.into(),
            object: crate::id::PaymentId::example().to_string(),
            phase: TransferPhase::Single.into(),
            pending: None,
            created_at: Time::example(),
        }
    }
}

impl Reply for Transfer {
    fn example_value() -> serde_json::Value {
        crate::example_of::<Self>()
    }
}

/// Your money in one currency: your circles' accounts and your own together.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[cfg_attr(not(feature = "server"), non_exhaustive)]
pub struct CurrencyBalance {
    /// ISO 4217.
    pub currency: Currency,
    /// Credits minus debits.
    pub balance: Money,
    /// What can be spent: the balance without what is reserved.
    pub available: Money,
    /// Reserved for transfers that are not decided yet.
    pub reserved: Money,
    /// What would come in, if all that is not decided yet were posted.
    pub pending: Money,
    /// Fees the platform took, and did not give back.
    pub fees: Money,
}

/// Your money, currency by currency.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[cfg_attr(not(feature = "server"), non_exhaustive)]
pub struct Balance {
    /// One entry for each currency you have an account in.
    pub data: Vec<CurrencyBalance>,
}

impl Example for Balance {
    fn example() -> Self {
        let money = |amount| Money::new(amount, Currency::CNY);
        Self {
            data: vec![CurrencyBalance {
                currency: Currency::CNY,
                balance: money(970),
                available: money(970),
                reserved: money(0),
                pending: money(0),
                fees: money(30),
            }],
        }
    }
}

impl Reply for Balance {
    fn example_value() -> serde_json::Value {
        crate::example_of::<Self>()
    }
}

/// Which account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AccountPath {
    /// The account.
    pub account: AccountId,
}
impl Fields for AccountPath {}

/// Which transfer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TransferPath {
    /// The transfer.
    pub transfer: TransferId,
}
impl Fields for TransferPath {}

/// Which page.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct LedgerQuery {
    /// Entries per page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<Limit>,
    /// `next_cursor` of the page before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<Cursor>,
}
impl Fields for LedgerQuery {}

/// Read your balance
///
/// In each currency: the sum of your circles' accounts and your own. `GET /v1/accounts` says which account holds what, and
/// each account's transfers say why.
#[derive(ToSchema)]
pub struct GetBalance;
impl Endpoint for GetBalance {
    type Verb = verb::Get;
    const PATH: &'static str = "/v1/balance";
    const TAG: Tag = Tag::Ledger;
    const ACCESS: Access = Access::Partner(Some(Scope::LedgerRead));
    type Params = Nothing;
    type Query = Nothing;
    type Body = Nothing;
    type Reply = Balance;
}

/// List your accounts
///
/// Those of your circles, your own, and the platform's fees from your payments. An account exists from its first transfer on.
#[derive(ToSchema)]
pub struct ListAccounts;
impl Endpoint for ListAccounts {
    type Verb = verb::Get;
    const PATH: &'static str = "/v1/accounts";
    const TAG: Tag = Tag::Ledger;
    const ACCESS: Access = Access::Partner(Some(Scope::LedgerRead));
    type Params = Nothing;
    type Query = LedgerQuery;
    type Body = Nothing;
    type Reply = Page<Account>;
}

/// Read an account
///
/// Its balance is the sum of its entries; `GET /v1/accounts/{account}/transfers` lists them.
#[derive(ToSchema)]
pub struct GetAccount;
impl Endpoint for GetAccount {
    type Verb = verb::Get;
    const PATH: &'static str = "/v1/accounts/{account}";
    const TAG: Tag = Tag::Ledger;
    const ACCESS: Access = Access::Partner(Some(Scope::LedgerRead));
    const FAILS: &'static [ErrorCode] = &[ErrorCode::AccountNotFound];
    type Params = AccountPath;
    type Query = Nothing;
    type Body = Nothing;
    type Reply = Account;
}

/// List what moved an account
///
/// The entries of the account, newest first, each with the balance right after it: entry by entry they add up to the balance.
/// Reservations move nothing and are no entries; read them by their id.
#[derive(ToSchema)]
pub struct ListTransfers;
impl Endpoint for ListTransfers {
    type Verb = verb::Get;
    const PATH: &'static str = "/v1/accounts/{account}/transfers";
    const TAG: Tag = Tag::Ledger;
    const ACCESS: Access = Access::Partner(Some(Scope::LedgerRead));
    const FAILS: &'static [ErrorCode] = &[ErrorCode::AccountNotFound];
    type Params = AccountPath;
    type Query = LedgerQuery;
    type Body = Nothing;
    type Reply = Page<Transfer>;
}

/// Read a transfer
///
/// One that touches an account of yours; of the other side you see what kind of account it is.
#[derive(ToSchema)]
pub struct GetTransfer;
impl Endpoint for GetTransfer {
    type Verb = verb::Get;
    const PATH: &'static str = "/v1/transfers/{transfer}";
    const TAG: Tag = Tag::Ledger;
    const ACCESS: Access = Access::Partner(Some(Scope::LedgerRead));
    const FAILS: &'static [ErrorCode] = &[ErrorCode::TransferNotFound];
    type Params = TransferPath;
    type Query = Nothing;
    type Body = Nothing;
    type Reply = Transfer;
}

/// What the books say about themselves.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[cfg_attr(not(feature = "server"), non_exhaustive)]
pub struct LedgerCheck {
    /// Whether everything adds up.
    pub clean: bool,
    /// Accounts that were recomputed from their transfers.
    pub accounts: i64,
    /// Payments that were held against their transfers.
    pub payments: i64,
    /// What does not add up, at most 100 sentences.
    pub differences: Vec<String>,
}

impl Example for LedgerCheck {
    fn example() -> Self {
        Self { clean: true, accounts: 5, payments: 2, differences: Vec::new() }
    }
}

impl Reply for LedgerCheck {
    fn example_value() -> serde_json::Value {
        crate::example_of::<Self>()
    }
}

/// Check the books
///
/// Recomputes the balance of every account from its transfers, and the state of every payment from what moved for it; the same
/// as `quanzi ledger check`. Sandbox only, for the whole sandbox; on a large one it takes a while.
#[derive(ToSchema)]
pub struct CheckLedger;
impl Endpoint for CheckLedger {
    type Verb = verb::Get;
    const PATH: &'static str = "/sandbox/v1/ledger/check";
    const TAG: Tag = Tag::Sandbox;
    const ACCESS: Access = Access::Partner(Some(Scope::Sandbox));
    type Params = Nothing;
    type Query = Nothing;
    type Body = Nothing;
    type Reply = LedgerCheck;
}
