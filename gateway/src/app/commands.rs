//! What the program does besides serving: each command opens the database, does one thing, says so.

use std::io;

use quanzi_openapi::id::PartnerId;
use quanzi_openapi::ledger::LedgerCheck;

use super::command::KeysAction;
use super::database::{open, open_existing};
use super::error::StartError;
use super::print::print;
use super::registry::LEDGER_CHECKS;
use crate::capabilities::{ledger, partners};
use crate::platform::clock::Clock;
use crate::platform::config::Config;
use crate::platform::db;
use crate::platform::keyring::{self, KeysFault};
use crate::sandbox;

/// Brings the database up to date.
pub async fn migrate(config: &Config) -> Result<(), StartError> {
    let db = open(config).await?;
    db.migrate().await?;
    db.close().await;
    print(io::stdout(), &format!("The database is at migration {}.\n", db::latest_version()));
    Ok(())
}

/// Prints what does not add up. The gateway may be at work meanwhile.
pub async fn check_ledger(config: &Config) -> Result<(), StartError> {
    let db = open_existing(config).await?;
    db.migrate().await?;
    let report = LEDGER_CHECKS.run(&db).await.map_err(|fault| StartError::App { fault: fault.into() })?;
    db.close().await;
    let LedgerCheck { clean, accounts, payments, differences } = ledger::report(report);
    let sum = if clean { "; no differences were found" } else { "" };
    let mut text = format!("{accounts} accounts and {payments} payments were checked{sum}.\n");
    for difference in &differences {
        text = format!("{text}{difference}\n");
    }
    print(io::stdout(), &text);
    if clean { Ok(()) } else { Err(StartError::Books(differences.len())) }
}

/// Shows the gateway's keys, or changes them.
pub async fn keys(config: &Config, what: &KeysAction) -> Result<(), StartError> {
    let db = open_existing(config).await?;
    db.migrate().await?;
    let (clock, is_live) = (Clock::system(), !config.mode.is_sandbox());
    if !is_live {
        sandbox::clock::begin(&db, &clock).await.map_err(|fault| StartError::App { fault })?;
    }
    let text = match what {
        KeysAction::Show => keyring::describe(&db, &clock).await.map_err(KeysFault::from)?,
        KeysAction::Rotate => {
            let rotated = keyring::rotate(&db, &clock, config.sealing(), is_live).await?;
            let lines = rotated
                .map(|key| format!("The next {} key is {}, used from {}.\n", key.purpose, key.kid, key.signs_from));
            format!("{}Running gateways publish them within a minute.\n", lines.concat())
        }
        KeysAction::Retire(kid) => {
            keyring::retire(&db, &clock, kid).await?;
            format!("{kid} is retired. Running gateways stop using and accepting it within a minute.\n")
        }
    };
    db.close().await;
    print(io::stdout(), &text);
    Ok(())
}

/// Sets a partner's fee, or takes it away.
pub async fn set_fee(config: &Config, partner: PartnerId, fee_bps: Option<u16>) -> Result<(), StartError> {
    let db = open_existing(config).await?;
    db.migrate().await?;
    let fault = |fault| StartError::App { fault };
    let mut tx = db.begin().await.map_err(|error| fault(error.into()))?;
    partners::service::set_fee(&mut tx, partner, fee_bps).await.map_err(fault)?;
    tx.commit().await.map_err(|error| fault(error.into()))?;
    db.close().await;
    let what = fee_bps.map_or_else(|| format!("the platform's, {}", config.platform_fee_bps), |bps| bps.to_string());
    print(io::stdout(), &format!("The fee of {partner} is {what} basis points for future payments.\n"));
    Ok(())
}
