//! What a sandbox does in place of a bank and a person: extract, one order, reply.

use quanzi_openapi::payments::Payment;
use quanzi_openapi::wallets::{ApproveSandboxPayment, DeclineSandboxPayment, TopUpWallet, Wallet};

use super::service;
use crate::capabilities::payments::service::{self as payments, Context};
use crate::edge::{Call, LedgerCommand, Routes};
use crate::platform::fault::Fault;

/// The routes of wallets; mounted in sandbox mode only.
pub fn routes(routes: Routes) -> Routes {
    routes
        .mount_posted::<TopUpWallet>(top_up)
        .mount_posted::<ApproveSandboxPayment>(approve)
        .mount_posted::<DeclineSandboxPayment>(decline)
}

async fn top_up(call: &mut Call<TopUpWallet>) -> Result<LedgerCommand<Wallet>, Fault> {
    let context = Context { app: &call.app, partner: call.caller.partner, now: call.now };
    service::top_up(&mut call.tx, context, call.params.fan, call.body.amount).await
}

async fn approve(call: &mut Call<ApproveSandboxPayment>) -> Result<LedgerCommand<Payment>, Fault> {
    let context = Context { app: &call.app, partner: call.caller.partner, now: call.now };
    let before = payments::find(&mut call.tx, call.caller.partner, call.params.payment).await?;
    let command = payments::approve(context, before).await?;
    payments::report_twice(&call.app, &command).await?;
    Ok(command)
}

async fn decline(call: &mut Call<DeclineSandboxPayment>) -> Result<LedgerCommand<Payment>, Fault> {
    let before = payments::find(&mut call.tx, call.caller.partner, call.params.payment).await?;
    payments::decline(Context { app: &call.app, partner: call.caller.partner, now: call.now }, &before)
}
