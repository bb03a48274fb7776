//! The sandbox's clock: one for all processes on a database, over restarts too. Invariants: it never goes back, one moves it at a
//! time, and live mode neither reads nor moves it.

use std::sync::Arc;
use std::time::Duration;

use super::store;
use crate::app::App;
use crate::clock::Clock;
use crate::db::{Db, Tx};
use crate::fault::Fault;

/// How often each process looks whether another has moved the clock.
const PERIOD: Duration = Duration::from_secs(1);

/// The clock of a sandbox that starts: where it was.
pub async fn begin(db: &Db, clock: &Clock) -> Result<(), Fault> {
    let mut tx = db.begin().await?;
    store::make(&mut tx).await?;
    tx.commit().await?;
    catch_up(db, clock).await
}

/// Puts this process's clock where the others' are.
pub async fn catch_up(db: &Db, clock: &Clock) -> Result<(), Fault> {
    let mut tx = db.reading_newest().await?;
    clock.put_ahead(store::ahead_micros(&mut tx).await?);
    Ok(())
}

/// Catches up every second, for as long as the process lives.
pub async fn run(app: Arc<App>) {
    loop {
        tokio::time::sleep(PERIOD).await;
        if let Err(fault) = catch_up(&app.db, &app.clock).await {
            tracing::warn!(code = %fault.code(), cause = ?fault.cause(), "the sandbox's clock could not be read");
        }
    }
}

/// Whether somebody moves the clock just now; then jobs are left to it. If nobody does, nobody begins before `tx` ends.
pub async fn is_moving(tx: &mut Tx, clock: &Clock) -> Result<bool, Fault> {
    Ok(store::is_moving(tx, clock.machine()).await?)
}
