//! What a sandbox does in place of a bank and a person: extract, one order, reply.

use quanzi_openapi::Money;
use quanzi_openapi::ledger::TransferCode;
use quanzi_openapi::payments::Payment;
use quanzi_openapi::wallets::{ApproveSandboxPayment, DeclineSandboxPayment, TopUpWallet, Wallet};

use crate::fault::Fault;
use crate::http::{Call, Posting, Routes};
use crate::ledger::Order;
use crate::ledger::model::{AccountKey, NewTransfer, Phase};
use crate::payments::service::{self as payments, Context};
use crate::{fans, ledger};

/// Most of one top-up, in minor units: any sum of them stays far from the end of the numbers.
const TOP_UP_MAX: i64 = 1_000_000_000_000;

/// The routes of wallets; mounted in sandbox mode only.
pub fn routes(routes: Routes) -> Routes {
    routes
        .mount_posted::<TopUpWallet>(top_up)
        .mount_posted::<ApproveSandboxPayment>(approve)
        .mount_posted::<DeclineSandboxPayment>(decline)
}

async fn top_up(call: &mut Call<TopUpWallet>) -> Result<Posting<Wallet>, Fault> {
    let amount = call.body.amount;
    if !(1..=TOP_UP_MAX).contains(&amount.amount) {
        let detail = format!("expected 1 to {TOP_UP_MAX}, in minor units");
        return Err(Fault::field("/amount/amount", detail));
    }
    let (partner, fan) = (call.caller.partner, call.params.fan);
    let person = fans::service::person(&mut call.tx, partner, fan).await?;
    let wallet = AccountKey::wallet(person.id, amount.currency);
    let before = ledger::service::standing(&mut call.tx, &wallet).await?;
    let mut order = Order::new(partner, call.now, fan);
    order.transfers.push(NewTransfer {
        id: call.app.clock.id(),
        debit: AccountKey::channel(amount.currency),
        credit: wallet,
        amount: amount.amount,
        code: TransferCode::TopUp,
        phase: Phase::Single,
    });
    let money = |before: i64| Money::new(before.saturating_add(amount.amount), amount.currency);
    Ok(Posting { order, reply: Wallet { fan, balance: money(before.balance), available: money(before.available()) } })
}

async fn approve(call: &mut Call<ApproveSandboxPayment>) -> Result<Posting<Payment>, Fault> {
    let context = Context { app: &call.app, partner: call.caller.partner, now: call.now };
    let before = payments::find(&mut call.tx, call.caller.partner, call.params.payment).await?;
    let posting = payments::approve(&mut call.tx, context, before).await?;
    payments::report_twice(&call.app, &posting).await?;
    Ok(posting)
}

async fn decline(call: &mut Call<DeclineSandboxPayment>) -> Result<Posting<Payment>, Fault> {
    let before = payments::find(&mut call.tx, call.caller.partner, call.params.payment).await?;
    payments::decline(Context { app: &call.app, partner: call.caller.partner, now: call.now }, &before)
}
