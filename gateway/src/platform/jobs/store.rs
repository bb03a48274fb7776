//! All SQL of jobs.

use quanzi_openapi::Time;
use quanzi_openapi::id::PartnerId;
use serde_json::Value;
use sqlx::FromRow;
use uuid::Uuid;

use super::handlers::Handlers;
use super::model::{Claimed, Job, JobId, JobKind};
use crate::platform::db::{As, Fault, Json, List, Reader, Sql, Tx};
use crate::sql;

/// The tenant of the platform's own jobs, which are no partner's: the table is distributed by partner, and each row has one.
const PLATFORM: PartnerId = PartnerId::from_uuid(Uuid::nil());
/// Partners of one look for who has work; those that come later are found by the next.
const PARTNERS_MAX: i64 = 1_000;

const ENQUEUE: Sql = sql!(
    "insert into job (partner_id, id, kind, object, due_at, body, attempts, created_at) \
     select $1, value ->> 0, value ->> 1, value ->> 2, cast(value ->> 3 as bigint), ",
    { postgres: "cast(value ->> 4 as jsonb)", sqlite: "value ->> 4" },
    ", 0, cast(value ->> 5 as bigint) from json_each($2) where true order by value ->> 1, value ->> 2 \
     on conflict (partner_id, kind, object) do update set id = excluded.id, due_at = excluded.due_at, body = excluded.body, \
     attempts = 0, claim = null, taken_until = null, last_error = null, created_at = excluded.created_at"
);
const CANCEL: Sql =
    sql!("delete from job where partner_id = $1 and kind = $2 and object in (select value ->> 0 from json_each($3))");
// Whoever has waited longest first. Nothing is locked: it only says within whom to claim.
const DUE_PARTNERS: Sql = sql!(
    "select partner_id from job where due_at <= $1 and (taken_until is null or taken_until <= $1) \
     and kind in (select value ->> 0 from json_each($2)) group by partner_id order by min(due_at), partner_id limit $3"
);
// Only kinds this binary can do: while a new version is rolled out, the old one leaves the rest to it.
const CLAIM: Sql = sql!(
    "with due as ",
    ["materialized "],
    "(select id from job where partner_id = $6 and due_at <= $1 and (taken_until is null or taken_until <= $1) \
     and kind in (select value ->> 0 from json_each($2)) order by due_at, id limit $3",
    [" for update skip locked"],
    ") update job set claim = $4, taken_until = $5, attempts = attempts + 1 \
     where partner_id = $6 and id in (select id from due) returning id, kind, object, due_at, body, attempts"
);
// A job that is taken was due when it was; it comes back when its lease ends.
const NEXT: Sql = sql!(
    "select min(due) from (select min(due_at) as due from job where taken_until is null \
     and kind in (select value ->> 0 from json_each($2)) union all select min(taken_until) from job where due_at <= $1 \
     and taken_until is not null and kind in (select value ->> 0 from json_each($2))) as next"
);
const TAKEN: Sql = sql!("select count(*) from job where due_at <= $1 and taken_until > $1");
const DELETE: Sql = sql!("delete from job where partner_id = $1 and id = $2 and claim = $3");
const RESCHEDULE: Sql = sql!(
    "update job set due_at = $4, attempts = 0, claim = null, taken_until = null, last_error = null \
     where partner_id = $1 and id = $2 and claim = $3"
);
const FAIL: Sql = sql!(
    "update job set due_at = $4, last_error = $5, claim = null, taken_until = null \
     where partner_id = $1 and id = $2 and claim = $3"
);

/// Whose rows the jobs of this partner are, or the platform's own.
fn tenant(partner: Option<PartnerId>) -> PartnerId {
    partner.unwrap_or(PLATFORM)
}

#[derive(FromRow)]
struct JobRow {
    #[sqlx(try_from = "As<JobId>")]
    id: JobId,
    kind: String,
    object: String,
    #[sqlx(try_from = "As<Time>")]
    due_at: Time,
    body: Json<Value>,
    attempts: i64,
}

/// Of two for the same thing the last counts, and only it is given here. All are of this partner.
pub async fn enqueue(tx: &mut Tx, partner: Option<PartnerId>, jobs: &[(JobId, &Job)], now: Time) -> Result<(), Fault> {
    let rows = jobs.iter().map(|(id, job)| {
        let body = job.body.to_string();
        (*id, job.kind.as_str(), job.object.as_str(), job.due_at.micros(), body, now.micros())
    });
    tx.query(ENQUEUE).bind(tenant(partner)).bind(List::rows(rows)).run().await?;
    Ok(())
}

pub async fn cancel(tx: &mut Tx, partner: PartnerId, kind: JobKind, objects: List) -> Result<(), Fault> {
    tx.query(CANCEL).bind(partner).bind(kind.as_str()).bind(objects).run().await?;
    Ok(())
}

/// The partners with due work, the longest waiting first.
pub async fn due_partners(tx: &mut Reader, handlers: &Handlers, now: Time) -> Result<Vec<PartnerId>, Fault> {
    let rows: Vec<(As<PartnerId>,)> =
        tx.query(DUE_PARTNERS).bind(now).bind(handlers.list()).bind(PARTNERS_MAX).all().await?;
    Ok(rows.into_iter().map(|(As(partner),)| partner).collect())
}

/// A claim to be made: at this time, until then, by this random text.
#[derive(Debug)]
pub struct NewClaim {
    pub text: String,
    pub now: Time,
    pub until: Time,
}

/// Takes what is due of one partner (or of the platform, which is one here), in order, at most so many.
pub async fn claim(
    tx: &mut Tx,
    handlers: &Handlers,
    partner: PartnerId,
    claim: &NewClaim,
    most: i64,
) -> Result<Vec<Claimed>, Fault> {
    let query = tx.query(CLAIM).bind(claim.now).bind(handlers.list()).bind(most).bind(claim.text.as_str());
    let rows: Vec<JobRow> = query.bind(claim.until).bind(partner).all().await?;
    let claimed = |row: JobRow| {
        Some(Claimed {
            kind: handlers.find(&row.kind)?,
            id: row.id,
            partner: Some(partner).filter(|partner| *partner != PLATFORM),
            object: row.object,
            due_at: row.due_at,
            body: row.body.0,
            attempts: row.attempts,
            now: claim.now,
            claim: claim.text.clone(),
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
    Ok(tx.query(DELETE).bind(tenant(job.partner)).bind(job.id).bind(job.claim.as_str()).run().await? == 1)
}

pub async fn reschedule(tx: &mut Tx, job: &Claimed, due_at: Time) -> Result<bool, Fault> {
    let update = tx.query(RESCHEDULE).bind(tenant(job.partner)).bind(job.id).bind(job.claim.as_str());
    Ok(update.bind(due_at).run().await? == 1)
}

pub async fn fail(tx: &mut Tx, job: &Claimed, due_at: Time, error: &str) -> Result<bool, Fault> {
    let update = tx.query(FAIL).bind(tenant(job.partner)).bind(job.id).bind(job.claim.as_str());
    Ok(update.bind(due_at).bind(error).run().await? == 1)
}
