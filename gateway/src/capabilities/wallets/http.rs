//! The sandbox's replacement for a bank and a person: extract, one order, reply.

use std::sync::Arc;

use quanzi_openapi::payments::Payment;
use quanzi_openapi::wallets::{ApproveSandboxPayment, DeclineSandboxPayment, TopUpWallet, Wallet};

use super::service;
use crate::capabilities::payments::PaymentLookups;
use crate::capabilities::payments::service as payments;
use crate::edge::{PostedCall, Routes};
use crate::platform::Context;
use crate::platform::fault::Fault;
use crate::platform::ledger::LedgerCommand;

/// The routes of wallets; mounted in sandbox mode only.
pub fn routes(routes: Routes, lookups: &Arc<PaymentLookups>) -> Routes {
    let lookups = Arc::clone(lookups);
    let approve = async move |call: &mut PostedCall<ApproveSandboxPayment>| approve(call, &lookups).await;
    routes
        .mount_posted::<TopUpWallet, _>(top_up)
        .mount_posted::<ApproveSandboxPayment, _>(approve)
        .mount_posted::<DeclineSandboxPayment, _>(decline)
}

async fn top_up(call: &mut PostedCall<TopUpWallet>) -> Result<LedgerCommand<Wallet>, Fault> {
    let context = Context { platform: &call.edge, partner: call.caller.partner, now: call.now };
    service::top_up(&mut call.tx, context, call.params.fan, call.body.amount).await
}

async fn approve(
    call: &mut PostedCall<ApproveSandboxPayment>,
    lookups: &PaymentLookups,
) -> Result<LedgerCommand<Payment>, Fault> {
    let context = Context { platform: &call.edge, partner: call.caller.partner, now: call.now };
    let before = payments::find(&mut call.tx, call.caller.partner, call.params.payment).await?;
    let command = payments::approve(context, lookups, before).await?;
    payments::simulate_second_report(&call.edge, &command).await?;
    Ok(command)
}

async fn decline(call: &mut PostedCall<DeclineSandboxPayment>) -> Result<LedgerCommand<Payment>, Fault> {
    let before = payments::find(&mut call.tx, call.caller.partner, call.params.payment).await?;
    payments::decline(Context { platform: &call.edge, partner: call.caller.partner, now: call.now }, &before)
}
