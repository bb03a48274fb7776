//! The accounts that payments move money between, and what a caller is told when they cannot.

use quanzi_openapi::id::{CircleId, PartnerId, PersonId};
use quanzi_openapi::ledger::AccountKind;
use quanzi_openapi::{Currency, ErrorCode, Money};

use crate::platform::fault::Fault;
use crate::platform::ledger::model::{AccountKey, TransferRefusal};

/// A person's wallet, the same at every partner.
pub fn wallet(person: PersonId, currency: Currency) -> AccountKey {
    AccountKey::new(person, None, AccountKind::FanWallet, currency)
}

/// What a circle earned.
pub fn earnings(partner: PartnerId, circle: CircleId, currency: Currency) -> AccountKey {
    AccountKey::new(circle, Some(partner), AccountKind::CircleEarnings, currency)
}

/// Fees from a partner's payments: one account per partner, so that partners do not wait for each other.
pub fn fees(partner: PartnerId, currency: Currency) -> AccountKey {
    AccountKey::new(partner, Some(partner), AccountKind::PlatformFees, currency)
}

/// The way in and out.
pub fn channel(currency: Currency) -> AccountKey {
    AccountKey::new("platform", None, AccountKind::ChannelClearing, currency)
}

/// What the partner reads of refused transfers. How much is in a wallet is the fan's secret.
pub fn explain(refusal: TransferRefusal) -> Fault {
    match refusal {
        TransferRefusal::Insufficient { account, available } => match account.kind() {
            AccountKind::FanWallet => wallet_insufficient(),
            AccountKind::CircleEarnings => {
                let available = Money::new(available.max(0), account.currency());
                let detail = format!("The circle's account has {available} available for refunds.");
                Fault::new(ErrorCode::BalanceInsufficient).detail(detail)
            }
            _ => ErrorCode::BalanceInsufficient.into(),
        },
        TransferRefusal::Amount => Fault::field("/amount/amount", "expected an amount that the accounts can hold"),
        TransferRefusal::NotReserved => {
            Fault::new(ErrorCode::Overloaded).detail("The payment is being changed by another request; try again.")
        }
    }
}

/// The fan has too little money.
pub fn wallet_insufficient() -> Fault {
    Fault::new(ErrorCode::BalanceInsufficient).detail("The fan's wallet balance is too low; the fan can top it up.")
}
