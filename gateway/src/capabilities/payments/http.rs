//! The endpoints of payments and refunds: extract, one use-case, reply.

use std::sync::Arc;

use quanzi_openapi::Page;
use quanzi_openapi::payments::{CancelPayment, CreatePayment, GetPayment, ListPayments, Payment};
use quanzi_openapi::refunds::{CreateRefund, GetRefund, ListRefunds, Refund};

use super::lookups::PaymentLookups;
use super::service;
use crate::edge::{Call, PostedCall, Routes};
use crate::platform::Context;
use crate::platform::fault::Fault;
use crate::platform::ledger::LedgerCommand;

/// The routes of payments and refunds.
pub fn routes(routes: Routes, lookups: &Arc<PaymentLookups>) -> Routes {
    let lookups = Arc::clone(lookups);
    let create = async move |call: &mut PostedCall<CreatePayment>| create(call, &lookups).await;
    routes
        .mount_posted::<CreatePayment, _>(create)
        .mount::<ListPayments, _>(list)
        .mount::<GetPayment, _>(get)
        .mount_posted::<CancelPayment, _>(cancel)
        .mount_posted::<CreateRefund, _>(refund)
        .mount::<ListRefunds, _>(refunds)
        .mount::<GetRefund, _>(get_refund)
}

async fn create(
    call: &mut PostedCall<CreatePayment>,
    lookups: &PaymentLookups,
) -> Result<LedgerCommand<Payment>, Fault> {
    let context = Context { platform: &call.edge, partner: call.caller.partner, now: call.now };
    service::create(context, lookups, &call.body).await
}

async fn list(call: &mut Call<ListPayments>) -> Result<Page<Payment>, Fault> {
    let context = Context { platform: &call.edge, partner: call.caller.partner, now: call.now };
    service::page(&mut call.tx, context, &call.query).await
}

async fn get(call: &mut Call<GetPayment>) -> Result<Payment, Fault> {
    let row = service::find(&mut call.tx, call.caller.partner, call.params.payment).await?;
    Ok(row.payment(&call.edge.config.public_url))
}

async fn cancel(call: &mut PostedCall<CancelPayment>) -> Result<LedgerCommand<Payment>, Fault> {
    let before = service::find(&mut call.tx, call.caller.partner, call.params.payment).await?;
    service::cancel(Context { platform: &call.edge, partner: call.caller.partner, now: call.now }, &before)
}

async fn refund(call: &mut PostedCall<CreateRefund>) -> Result<LedgerCommand<Refund>, Fault> {
    let before = service::find(&mut call.tx, call.caller.partner, call.params.payment).await?;
    service::refund(Context { platform: &call.edge, partner: call.caller.partner, now: call.now }, &before, &call.body)
}

async fn refunds(call: &mut Call<ListRefunds>) -> Result<Page<Refund>, Fault> {
    service::refunds(&mut call.tx, call.caller.partner, call.params.payment, &call.query).await
}

async fn get_refund(call: &mut Call<GetRefund>) -> Result<Refund, Fault> {
    service::find_refund(&mut call.tx, call.caller.partner, call.params.refund).await
}
