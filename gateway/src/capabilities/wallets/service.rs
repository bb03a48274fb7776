//! Top-ups of a wallet in a sandbox: an order for the ledger's poster.

use quanzi_openapi::Money;
use quanzi_openapi::id::FanId;
use quanzi_openapi::ledger::TransferCode;
use quanzi_openapi::wallets::Wallet;

use crate::capabilities::fans;
use crate::capabilities::payments::accounts;
use crate::platform::Context;
use crate::platform::db::Reader;
use crate::platform::fault::Fault;
use crate::platform::ledger::model::{NewTransfer, Phase};
use crate::platform::ledger::{self, LedgerCommand, LedgerOrder};

/// Most of one top-up, in minor units: any sum of them stays far from the end of the numbers.
const TOP_UP_MAX: i64 = 1_000_000_000_000;

/// Puts money into an invented person's wallet.
pub async fn top_up(
    tx: &mut Reader,
    context: Context<'_>,
    fan: FanId,
    amount: Money,
) -> Result<LedgerCommand<Wallet>, Fault> {
    if !(1..=TOP_UP_MAX).contains(&amount.amount) {
        let detail = format!("expected 1 to {TOP_UP_MAX}, in minor units");
        return Err(Fault::field("/amount/amount", detail));
    }
    let Context { platform, partner, now } = context;
    let person = fans::service::person(tx, partner, fan).await?;
    let wallet = accounts::wallet(person.id, amount.currency);
    let before = ledger::service::account_state(tx, &wallet).await?;
    let mut order = LedgerOrder::new(partner, now, fan);
    order.seen = Some((wallet.id(), before));
    order.transfers.push(NewTransfer {
        id: platform.clock.id(),
        debit: accounts::channel(amount.currency),
        credit: wallet,
        amount: amount.amount,
        code: TransferCode::TopUp,
        phase: Phase::Single,
    });
    let money = |before: i64| Money::new(before.saturating_add(amount.amount), amount.currency);
    Ok(LedgerCommand {
        order,
        reply: Wallet { fan, balance: money(before.balance), available: money(before.available()) },
        explain: accounts::explain,
    })
}
