//! The endpoints of the ledger: extract, one use-case, reply.

use quanzi_openapi::Page;
use quanzi_openapi::ledger::{
    Account, Balance, CheckLedger, GetAccount, GetBalance, GetTransfer, LedgerCheck, ListAccounts, ListTransfers,
    Transfer,
};

use super::service;
use crate::edge::{Call, Routes};
use crate::platform::fault::Fault;
use crate::platform::ledger::LedgerChecks;

/// The routes of the ledger.
pub fn routes(routes: Routes) -> Routes {
    routes
        .mount::<GetBalance, _>(balance)
        .mount::<ListAccounts, _>(accounts)
        .mount::<GetAccount, _>(account)
        .mount::<ListTransfers, _>(transfers)
        .mount::<GetTransfer, _>(transfer)
}

/// Routes of a sandbox.
pub fn sandbox_routes(routes: Routes, checks: LedgerChecks) -> Routes {
    routes.mount::<CheckLedger, _>(async move |call: &mut Call<CheckLedger>| check(call, checks).await)
}

async fn balance(call: &mut Call<GetBalance>) -> Result<Balance, Fault> {
    service::balance(&mut call.tx, call.caller.partner).await
}

async fn accounts(call: &mut Call<ListAccounts>) -> Result<Page<Account>, Fault> {
    service::accounts(&mut call.tx, call.caller.partner, &call.query).await
}

async fn account(call: &mut Call<GetAccount>) -> Result<Account, Fault> {
    service::find_account(&mut call.tx, call.caller.partner, call.params.account).await
}

async fn transfers(call: &mut Call<ListTransfers>) -> Result<Page<Transfer>, Fault> {
    service::transfers(&mut call.tx, call.caller.partner, call.params.account, &call.query).await
}

async fn transfer(call: &mut Call<GetTransfer>) -> Result<Transfer, Fault> {
    service::find_transfer(&mut call.tx, call.caller.partner, call.params.transfer).await
}

async fn check(call: &mut Call<CheckLedger>, checks: LedgerChecks) -> Result<LedgerCheck, Fault> {
    Ok(service::report(checks.run(&call.edge.db).await?))
}
