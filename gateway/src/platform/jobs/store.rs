//! All SQL of jobs.

use quanzi_openapi::Time;
use quanzi_openapi::id::PartnerId;
use serde_json::Value;
use sqlx::FromRow;

use super::handlers::Handlers;
use super::model::{Claimed, Job, JobId, JobKind};
use crate::platform::db::{As, Fault, Json, List, Reader, Sql, Tx};
use crate::sql;

const ENQUEUE: Sql = sql!(
    "insert into job (id, kind, partner_id, object, due_at, body, attempts, created_at) \
     select value ->> 0, value ->> 1, value ->> 2, value ->> 3, cast(value ->> 4 as bigint), ",
    { postgres: "cast(value ->> 5 as jsonb)", sqlite: "value ->> 5" },
    ", 0, cast(value ->> 6 as bigint) from json_each($1) where true order by value ->> 1, value ->> 3 on conflict (kind, object) do update set id = excluded.id, \
     partner_id = excluded.partner_id, due_at = excluded.due_at, body = excluded.body, attempts = 0, claim = null, \
     taken_until = null, last_error = null, created_at = excluded.created_at"
);
const CANCEL: Sql = sql!("delete from job where kind = $1 and object in (select value ->> 0 from json_each($2))");
// Only kinds this binary can do: while a new version is rolled out, the old one leaves the rest to it.
const CLAIM: Sql = sql!(
    "with due as ",
    ["materialized "],
    "(select id from job where due_at <= $1 and (taken_until is null or taken_until <= $1) \
     and kind in (select value ->> 0 from json_each($2)) order by due_at, id limit $3",
    [" for update skip locked"],
    ") update job set claim = $4, taken_until = $5, attempts = attempts + 1 where id in (select id from due) \
     returning id, kind, partner_id, object, due_at, body, attempts"
);
// A job that is taken was due when it was; it comes back when its lease ends.
const NEXT: Sql = sql!(
    "select min(due) from (select min(due_at) as due from job where taken_until is null \
     and kind in (select value ->> 0 from json_each($2)) union all select min(taken_until) from job where due_at <= $1 \
     and taken_until is not null and kind in (select value ->> 0 from json_each($2))) as next"
);
const TAKEN: Sql = sql!("select count(*) from job where due_at <= $1 and taken_until > $1");
const DELETE: Sql = sql!("delete from job where id = $1 and claim = $2");
const RESCHEDULE: Sql = sql!(
    "update job set due_at = $3, attempts = 0, claim = null, taken_until = null, last_error = null \
     where id = $1 and claim = $2"
);
const FAIL: Sql =
    sql!("update job set due_at = $3, last_error = $4, claim = null, taken_until = null where id = $1 and claim = $2");

#[derive(FromRow)]
struct JobRow {
    #[sqlx(try_from = "As<JobId>")]
    id: JobId,
    kind: String,
    #[sqlx(try_from = "As<Option<PartnerId>>")]
    partner_id: Option<PartnerId>,
    object: String,
    #[sqlx(try_from = "As<Time>")]
    due_at: Time,
    body: Json<Value>,
    attempts: i64,
}

/// Of two for the same thing the last counts, and only it is given here.
pub async fn enqueue(tx: &mut Tx, jobs: &[(JobId, &Job)], now: Time) -> Result<(), Fault> {
    let rows = jobs.iter().map(|(id, job)| {
        let body = job.body.to_string();
        (*id, job.kind.as_str(), job.partner, job.object.as_str(), job.due_at.micros(), body, now.micros())
    });
    tx.query(ENQUEUE).bind(List::rows(rows)).run().await?;
    Ok(())
}

pub async fn cancel(tx: &mut Tx, kind: JobKind, objects: List) -> Result<(), Fault> {
    tx.query(CANCEL).bind(kind.as_str()).bind(objects).run().await?;
    Ok(())
}

/// Takes what is due, in order, at most so many.
pub async fn claim(
    tx: &mut Tx,
    handlers: &Handlers,
    claim: &str,
    now: Time,
    until: Time,
    most: i64,
) -> Result<Vec<Claimed>, Fault> {
    let rows: Vec<JobRow> =
        tx.query(CLAIM).bind(now).bind(handlers.list()).bind(most).bind(claim).bind(until).all().await?;
    let claimed = |row: JobRow| {
        Some(Claimed {
            kind: handlers.find(&row.kind)?,
            id: row.id,
            partner: row.partner_id,
            object: row.object,
            due_at: row.due_at,
            body: row.body.0,
            attempts: row.attempts,
            now,
            claim: claim.to_owned(),
        })
    };
    let mut claimed: Vec<Claimed> = rows.into_iter().filter_map(claimed).collect();
    claimed.sort_unstable_by_key(|job| (job.due_at, job.id));
    Ok(claimed)
}

/// When the next job can be claimed; in the past when one can be now.
pub async fn next(tx: &mut Reader, handlers: &Handlers, now: Time) -> Result<Option<Time>, Fault> {
    let (due,): (Option<i64>,) = tx.query(NEXT).bind(now).bind(handlers.list()).one().await?;
    Ok(due.map(Time::from_micros))
}

/// How many jobs somebody works on.
pub async fn taken(tx: &mut Reader, now: Time) -> Result<i64, Fault> {
    let (count,): (i64,) = tx.query(TAKEN).bind(now).one().await?;
    Ok(count)
}

/// False when the claim is no longer valid; likewise for the next two.
pub async fn delete(tx: &mut Tx, job: &Claimed) -> Result<bool, Fault> {
    Ok(tx.query(DELETE).bind(job.id).bind(job.claim.as_str()).run().await? == 1)
}

pub async fn reschedule(tx: &mut Tx, job: &Claimed, due_at: Time) -> Result<bool, Fault> {
    let update = tx.query(RESCHEDULE).bind(job.id).bind(job.claim.as_str());
    Ok(update.bind(due_at).run().await? == 1)
}

pub async fn fail(tx: &mut Tx, job: &Claimed, due_at: Time, error: &str) -> Result<bool, Fault> {
    let update = tx.query(FAIL).bind(job.id).bind(job.claim.as_str());
    Ok(update.bind(due_at).bind(error).run().await? == 1)
}
