//! All SQL of the sandbox clock. Invariant: it never goes back, and only one call moves it at a time.

use quanzi_openapi::Time;

use crate::platform::db::{Fault, Reader, Sql, Tx};
use crate::sql;

const AHEAD: Sql = sql!("select ahead_micros from sandbox_clock where id = 1");
// Locked until the end of the transaction, so that a call that starts to move the clock waits for it.
const MOVED_UNTIL: Sql = sql!("select advancing_until from sandbox_clock where id = 1", [" for share"]);
const MAKE: Sql = sql!("insert into sandbox_clock (id, ahead_micros) values (1, 0) on conflict (id) do nothing");
const TAKE: Sql = sql!(
    "update sandbox_clock set advancing_by = $1, advancing_until = $3 where id = 1 \
     and (advancing_until is null or advancing_until <= $2)"
);
const MOVE: Sql = sql!(
    "update sandbox_clock set ahead_micros = case when ahead_micros < $2 then $2 else ahead_micros end, \
     advancing_until = $3 where id = 1 and advancing_by = $1"
);
const RELEASE: Sql =
    sql!("update sandbox_clock set advancing_by = null, advancing_until = null where id = 1 and advancing_by = $1");

/// How far the sandbox is ahead.
pub async fn ahead_micros(tx: &mut Reader) -> Result<i64, Fault> {
    let row: Option<(i64,)> = tx.query(AHEAD).optional().await?;
    Ok(row.map_or(0, |(micros,)| micros))
}

/// The row, if it is not there yet: without it there is nothing to hold.
pub async fn make(tx: &mut Tx) -> Result<(), Fault> {
    tx.query(MAKE).run().await?;
    Ok(())
}

/// Whether somebody moves the clock at this time of the machine; if nobody does, nobody begins before this transaction ends.
pub async fn is_moving(tx: &mut Tx, machine: Time) -> Result<bool, Fault> {
    let row: Option<(Option<i64>,)> = tx.query(MOVED_UNTIL).optional().await?;
    Ok(row.and_then(|(until,)| until).is_some_and(|until| until > machine.micros()))
}

/// False when somebody else moves the clock.
pub async fn take(tx: &mut Tx, by: &str, machine: Time, until: Time) -> Result<bool, Fault> {
    Ok(tx.query(TAKE).bind(by).bind(machine).bind(until).run().await? == 1)
}

/// False when somebody else has taken over.
pub async fn move_to(tx: &mut Tx, by: &str, ahead_micros: i64, until: Time) -> Result<bool, Fault> {
    Ok(tx.query(MOVE).bind(by).bind(ahead_micros).bind(until).run().await? == 1)
}

pub async fn release(tx: &mut Tx, by: &str) -> Result<(), Fault> {
    tx.query(RELEASE).bind(by).run().await?;
    Ok(())
}
