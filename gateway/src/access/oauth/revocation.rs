//! How a revocation reaches every process: rows that all processes read every second, and the process that wrote them
//! immediately.
//!
//! Invariants: a row is written in the transaction of the revocation; each read overlaps the previous one, because on
//! PostgreSQL a row may become visible later than a row with a later time; applying a row twice does no harm.

use std::sync::Arc;
use std::time::Duration;

use quanzi_openapi::Time;
use quanzi_openapi::id::{AppId, GrantId};

use crate::access::Access;
use crate::platform::clock::Clock;
use crate::platform::db::Tx;
use crate::platform::fault::Fault;

use super::revocation_window::{FIRST_WINDOW_SECONDS, KEPT_SECONDS, begins};
use super::store::{self, Revocation};

/// How often the rows are read.
const PERIOD: Duration = Duration::from_secs(1);
/// Rows per statement.
const ROWS_MAX: i64 = 1_000;

const TOKEN: &str = "jti:";
const FAMILY: &str = "family:";
const GRANT: &str = "grant:";
const APP: &str = "app:";

/// Announces that this token is revoked.
pub async fn announce_token(tx: &mut Tx, clock: &Clock, jti: &str, exp: i64) -> Result<(), Fault> {
    Ok(store::insert_revocation(
        tx,
        &clock.random_text(),
        &format!("{TOKEN}{jti}"),
        Time::from_seconds(exp),
        clock.now(),
    )
    .await?)
}

/// Announces that all tokens of this family, everything issued for one code, are revoked.
pub async fn announce_family(tx: &mut Tx, clock: &Clock, family: &str) -> Result<(), Fault> {
    announce_many(tx, clock, format!("{FAMILY}{family}")).await
}

/// Announces that all tokens of this grant are revoked.
pub async fn announce_grant(tx: &mut Tx, clock: &Clock, grant: GrantId) -> Result<(), Fault> {
    announce_many(tx, clock, format!("{GRANT}{grant}")).await
}

/// For as long as a token that is being issued this very moment may live.
async fn announce_many(tx: &mut Tx, clock: &Clock, subject: String) -> Result<(), Fault> {
    let now = clock.now();
    let until = now.plus_seconds(FIRST_WINDOW_SECONDS);
    Ok(store::insert_revocation(tx, &clock.random_text(), &subject, until, now).await?)
}

/// Announces that something about this app has changed.
pub async fn announce_app(tx: &mut Tx, clock: &Clock, app: AppId) -> Result<(), Fault> {
    // Not the time of the call: its body may have taken longer to arrive than readers look back.
    let now = clock.now();
    let until = now.plus_seconds(KEPT_SECONDS);
    Ok(store::insert_revocation(tx, &clock.random_text(), &format!("{APP}{app}"), until, now).await?)
}

/// Applies what was announced since the last reading.
pub async fn catch_up(access: &Access) -> Result<(), Fault> {
    let now = access.clock.now();
    let from = begins(access.tokens.seen.lock().until, now);
    let mut tx = access.db.reading_newest().await?;
    let mut after = (from, String::new());
    loop {
        let rows = store::revocations(&mut tx, after.0, &after.1, ROWS_MAX).await?;
        for row in &rows {
            apply(access, row);
        }
        match rows.last() {
            Some(last) if rows.len() >= usize::try_from(ROWS_MAX).unwrap_or(usize::MAX) => {
                after = (last.created_at, last.id.clone());
            }
            _ => break,
        }
    }
    let mut seen = access.tokens.seen.lock();
    seen.rows.retain(|_, at| *at >= from);
    seen.until = Some(now);
    drop(seen);
    access.tokens.forget_expired(now);
    Ok(())
}

fn apply(access: &Access, row: &Revocation) {
    if access.tokens.seen.lock().rows.insert(row.id.clone(), row.created_at).is_some() {
        return;
    }
    if let Some(name) = [TOKEN, FAMILY, GRANT].iter().find_map(|kind| row.subject.strip_prefix(kind)) {
        access.tokens.revoke(name, row.expires_at);
    } else if let Some(id) = row.subject.strip_prefix(APP).and_then(|id| id.parse().ok()) {
        access.directory.forget(id);
    }
}

/// Catches up every second, for as long as the process lives.
pub async fn run(access: Arc<Access>) {
    loop {
        if let Err(fault) = catch_up(&access).await {
            tracing::warn!(code = %fault.code(), cause = ?fault.cause(), "revocations could not be read");
        }
        tokio::time::sleep(PERIOD).await;
    }
}
