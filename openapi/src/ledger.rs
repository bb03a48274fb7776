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
    /// A fan's money. The balance is visible only to the fan.
    FanWallet,
    /// Earnings of a circle.
    CircleEarnings,
    /// The partner's money outside its circles.
    PartnerBalance,
    /// Fees the platform charged on the partner's payments.
    PlatformFees,
    /// Money on hold, for example during a dispute.
    HeldFunds,
    /// The way in and out of the platform: a bank or wallet.
    ChannelClearing,
}

/// Why money moved.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum TransferCode {
    /// A fan topped up the wallet.
    TopUp,
    /// The circle's share of a tip.
    Tip,
    /// The platform's share of a payment.
    Fee,
    /// The circle's share of a refund.
    Refund,
    /// The platform's share of a refund.
    FeeRefund,
}

/// Effect of a transfer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum TransferPhase {
    /// Moves money immediately.
    Single,
    /// Reserves money.
    Pending,
    /// Moves what was reserved, in full or in part, and releases the rest.
    Post,
    /// Releases what was reserved.
    Void,
    /// Releases what was reserved, because no decision came in time.
    Expire,
}

/// An account of the partner.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[cfg_attr(not(feature = "server"), non_exhaustive)]
pub struct Account {
    /// The account's id.
    pub id: AccountId,
    /// What it is for.
    #[schema(value_type = AccountKind)]
    pub kind: Open<AccountKind>,
    /// The circle, if this is a circle's account.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub circle: Option<CircleId>,
    /// Credits minus debits of all posted transfers.
    pub balance: Money,
    /// The amount that can be spent: the balance minus what is reserved.
    pub available: Money,
    /// Reserved for pending transfers.
    pub reserved: Money,
    /// What would come in if all pending transfers were posted.
    pub pending: Money,
    /// Number of entries: the balance is the sum of entries 1 to this number.
    pub entries: i64,
    /// When the account was first used.
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
    /// The account's id, if the account is yours.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<AccountId>,
    /// Number of the entry in that account, from 1; if the account is yours and money moved.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub entry: Option<i64>,
    /// The account's balance right after the entry; if the account is yours and money moved.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub balance_after: Option<Money>,
}

/// Money that moved from one account to another. A transfer never changes; a mistake is corrected by another transfer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[cfg_attr(not(feature = "server"), non_exhaustive)]
pub struct Transfer {
    /// The account's id.
    pub id: TransferId,
    /// Amount; always more than zero, except that releasing a reservation moves nothing.
    pub amount: Money,
    /// The account that was debited.
    pub debit: Side,
    /// The account that was credited.
    pub credit: Side,
    /// Why the money moved.
    #[schema(value_type = TransferCode)]
    pub code: Open<TransferCode>,
    /// Id of the payment or refund.
    pub object: String,
    /// Effect of the transfer.
    #[schema(value_type = TransferPhase)]
    pub phase: Open<TransferPhase>,
    /// The pending transfer that this one posts or releases.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pending: Option<TransferId>,
    /// When the transfer was made.
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

/// Your money in one currency: the accounts of your circles and your own together.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[cfg_attr(not(feature = "server"), non_exhaustive)]
pub struct CurrencyBalance {
    /// ISO 4217.
    pub currency: Currency,
    /// Credits minus debits.
    pub balance: Money,
    /// The amount that can be spent: the balance minus what is reserved.
    pub available: Money,
    /// Reserved for pending transfers.
    pub reserved: Money,
    /// What would come in if all pending transfers were posted.
    pub pending: Money,
    /// Fees the platform charged and did not refund.
    pub fees: Money,
}

/// Your money in each currency.
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

/// Path of an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AccountPath {
    /// The account's id.
    pub account: AccountId,
}
impl Fields for AccountPath {}

/// Path of a transfer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TransferPath {
    /// The transfer's id.
    pub transfer: TransferId,
}
impl Fields for TransferPath {}

/// Paging of a list of the ledger.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct LedgerQuery {
    /// Maximum number of entries per page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<Limit>,
    /// `next_cursor` of the previous page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<Cursor>,
}
impl Fields for LedgerQuery {}

/// Get your balance
///
/// In each currency: the sum of your circles' accounts and your own. `GET /v1/accounts` shows what each account contains,
/// and each account's transfers show why.
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
/// The accounts of your circles, your own account, and the platform's fees from your payments. An account exists from its
/// first transfer on.
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

/// Get an account
///
/// The balance is the sum of the account's entries; `GET /v1/accounts/{account}/transfers` lists them.
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

/// List the transfers of an account
///
/// The entries of the account, newest first, each with the balance right after it: together they add up to the balance.
/// Reservations do not change the balance and are not entries; get them by id.
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

/// Get a transfer
///
/// A transfer that involves one of your accounts; of the other account you see only its kind.
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

/// Result of a ledger check.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[cfg_attr(not(feature = "server"), non_exhaustive)]
pub struct LedgerCheck {
    /// Whether everything adds up.
    pub clean: bool,
    /// Number of accounts that were recomputed from their transfers.
    pub accounts: i64,
    /// Number of payments that were reconciled with their transfers.
    pub payments: i64,
    /// Differences found, at most 100 sentences.
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

/// Check the ledger
///
/// Recomputes the balance of every account from its transfers, and reconciles the status of every payment with the transfers
/// made for it; the same as `quanzi ledger check`. Sandbox only, for the whole sandbox; this can take a while on a large
/// one.
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
