//! All SQL of delivery: the position of each endpoint, rows to be retried, replays, and which process delivers.
//!
//! Every write of a pump is fenced: it names the process that must still own the cursor.

use std::collections::BTreeSet;

use quanzi_openapi::Time;
use quanzi_openapi::id::{PartnerId, WebhookEndpointId};
use sqlx::FromRow;

use super::order::RetriedEvent;
use crate::platform::db::{As, Fault, Json, List, Reader, Sql, Tx};
use crate::platform::outbox;
use crate::sql;

const INSERT_CURSOR: Sql = sql!(
    "insert into webhook_cursor (partner_id, endpoint_id, delivered_seq, held_until, taken_at, claims) \
     values ($1, $2, $3, 0, $4, 0)"
);
const DELETE_CURSOR: Sql = sql!("delete from webhook_cursor where partner_id = $1 and endpoint_id = $2");
const DELETE_RETRIES: Sql = sql!("delete from webhook_retry where partner_id = $1 and endpoint_id = $2");
const DELETE_REPLAYS: Sql = sql!("delete from webhook_replay where partner_id = $1 and endpoint_id = $2");

// The work of all endpoints, claimed or not; the claim decides. That it looks into the log of events itself is the one exception here:
// asked for by partner, the ends of all logs would have to be fetched four times a second to be compared with all cursors.
macro_rules! work {
    () => {
        "select c.partner_id, c.endpoint_id, c.holder, c.claims from webhook_endpoint e \
         join webhook_cursor c on c.partner_id = e.partner_id and c.endpoint_id = e.id \
         left join event_log l on l.partner_id = e.partner_id \
         where e.status = 'enabled' and e.deleted_at is null and c.held_until <= $1 and (c.delivered_seq < l.last_seq \
         or exists (select 1 from webhook_retry r where r.partner_id = e.partner_id and r.endpoint_id = e.id and r.due_at <= $1) \
         or exists (select 1 from webhook_replay p where p.partner_id = e.partner_id and p.endpoint_id = e.id))"
    };
}
const WORK: Sql = sql!(work!());
const WORK_OF: Sql = sql!(work!(), " and e.partner_id in (select value ->> 0 from json_each($2))");

const CLAIM: Sql = sql!(
    "update webhook_cursor set holder = $3, claims = claims + 1 \
     where partner_id = $1 and endpoint_id = $2 and claims = $4 returning delivered_seq, taken_at"
);
const RELEASE: Sql = sql!("update webhook_cursor set holder = null where holder = $1");
const BEAT: Sql = sql!(
    "insert into webhook_worker (id, beat) values ($1, 1) \
     on conflict (id) do update set beat = webhook_worker.beat + 1"
);
const WORKERS: Sql = sql!("select id, beat from webhook_worker order by id");
const FORGET_WORKER: Sql = sql!("delete from webhook_worker where id = $1 and beat = $2");
const LEAVE: Sql = sql!("delete from webhook_worker where id = $1");
const RETRIES: Sql = sql!(
    "select seq, object, first_refused_at from webhook_retry where partner_id = $1 and endpoint_id = $2 order by seq"
);
// Of each object the first only: the others wait behind it.
const DUE: Sql = sql!(
    "select r.seq, r.attempts, r.first_refused_at from webhook_retry r \
     where r.partner_id = $1 and r.endpoint_id = $2 and r.due_at <= $3 and not exists (select 1 from webhook_retry b \
     where b.partner_id = r.partner_id and b.endpoint_id = r.endpoint_id and b.object = r.object and b.seq < r.seq) \
     order by r.due_at, r.seq limit $4"
);
const NEXT_DUE: Sql = sql!(
    "select min(r.due_at) from webhook_retry r join webhook_endpoint e on e.partner_id = r.partner_id and e.id = r.endpoint_id \
     where e.status = 'enabled' and e.deleted_at is null and r.due_at > $1"
);
const REPLAY: Sql = sql!(
    "select number, next_seq, to_seq, types from webhook_replay where partner_id = $1 and endpoint_id = $2 \
     order by number limit 1"
);
const REPLAY_COUNT: Sql =
    sql!("select count(*), coalesce(max(number), 0) from webhook_replay where partner_id = $1 and endpoint_id = $2");
const INSERT_REPLAY: Sql = sql!(
    "insert into webhook_replay (partner_id, endpoint_id, number, next_seq, to_seq, types, created_at) \
     values ($1, $2, $3, $4, $5, $6, $7)"
);
const RETRY_NOW: Sql = sql!("update webhook_retry set due_at = 0 where partner_id = $1 and endpoint_id = $2");
const RETRY_ANEW: Sql = sql!(
    "update webhook_retry set due_at = 0, attempts = 0, first_refused_at = null where partner_id = $1 and endpoint_id = $2"
);
const RESUME: Sql = sql!("update webhook_cursor set held_until = 0 where partner_id = $1 and endpoint_id = $2");
// The fence: only who holds the cursor moves it, and hears which ones those are.
const ADVANCE: Sql = sql!(
    "with moved as ",
    ["materialized "],
    "(select value ->> 0 as endpoint_id, cast(value ->> 1 as bigint) as seq, cast(value ->> 2 as bigint) as held_until, \
     cast(value ->> 3 as bigint) as taken_at from json_each($3) where true) update webhook_cursor set delivered_seq = moved.seq, held_until = moved.held_until, \
     taken_at = moved.taken_at from moved \
     where webhook_cursor.partner_id = $1 and webhook_cursor.endpoint_id = moved.endpoint_id \
     and webhook_cursor.holder = $2 returning webhook_cursor.endpoint_id as endpoint_id"
);
const DELETE_DONE: Sql = sql!(
    "delete from webhook_retry where partner_id = $1 and (endpoint_id, seq) in \
     (select value ->> 0, cast(value ->> 1 as bigint) from json_each($2))"
);
const PUT_RETRIES: Sql = sql!(
    "insert into webhook_retry (partner_id, endpoint_id, seq, object, attempts, first_refused_at, due_at) \
     select $1, value ->> 0, cast(value ->> 1 as bigint), value ->> 2, cast(value ->> 3 as bigint), \
     cast(value ->> 4 as bigint), cast(value ->> 5 as bigint) from json_each($2) where true \
     on conflict (partner_id, endpoint_id, seq) do update set attempts = excluded.attempts, \
     first_refused_at = excluded.first_refused_at, due_at = excluded.due_at"
);
const ADVANCE_REPLAYS: Sql = sql!(
    "with moved as ",
    ["materialized "],
    "(select value ->> 0 as endpoint_id, cast(value ->> 1 as bigint) as number, cast(value ->> 2 as bigint) as seq \
     from json_each($2) where true) \
     update webhook_replay set next_seq = moved.seq from moved where webhook_replay.partner_id = $1 \
     and webhook_replay.endpoint_id = moved.endpoint_id and webhook_replay.number = moved.number"
);
const END_REPLAYS: Sql = sql!(
    "delete from webhook_replay where partner_id = $1 and next_seq > to_seq \
     and endpoint_id in (select value ->> 0 from json_each($2))"
);
const STATES: Sql = sql!(
    "select id, version, failing_since from webhook_endpoint where partner_id = $1 and status = 'enabled' and deleted_at is null \
     and id in (select value ->> 0 from json_each($2))"
);
const STILL_FAILING: Sql = sql!(
    "select count(*) from (select 1 as one from webhook_retry where partner_id = $1 and endpoint_id = $2 and attempts >= $3 limit 1) f"
);
/// An endpoint with something to do.
#[derive(Debug, Clone, FromRow)]
pub struct PendingEndpoint {
    #[sqlx(try_from = "As<PartnerId>")]
    pub partner_id: PartnerId,
    #[sqlx(try_from = "As<WebhookEndpointId>")]
    pub endpoint_id: WebhookEndpointId,
    pub holder: Option<String>,
    pub claims: i64,
}

impl PendingEndpoint {
    /// Whose, and which endpoint.
    pub fn key(&self) -> EndpointKey {
        (self.partner_id, self.endpoint_id)
    }
}

/// How far an endpoint has got.
#[derive(Debug, FromRow)]
pub struct Cursor {
    pub delivered_seq: i64,
    #[sqlx(try_from = "As<Time>")]
    pub taken_at: Time,
}

/// Where a cursor is moved to.
#[derive(Debug, Clone, Copy)]
pub struct Move {
    pub delivered_seq: i64,
    pub held_until: Time,
    pub taken_at: Time,
}

/// An event that is due again, how often it was tried and since when.
#[derive(Debug, FromRow)]
pub struct Due {
    pub seq: i64,
    pub attempts: i64,
    #[sqlx(try_from = "As<Option<Time>>")]
    pub first_refused_at: Option<Time>,
}

/// A replay under way.
#[derive(Debug, Clone, FromRow)]
pub struct ReplayRow {
    pub number: i64,
    pub next_seq: i64,
    pub to_seq: i64,
    pub types: Json<Vec<String>>,
}

/// How an endpoint stands while its results are written.
#[derive(Debug, FromRow)]
pub struct EndpointState {
    #[sqlx(try_from = "As<WebhookEndpointId>")]
    pub id: WebhookEndpointId,
    pub version: i64,
    #[sqlx(try_from = "As<Option<Time>>")]
    pub failing_since: Option<Time>,
}

/// Whose, and which endpoint.
pub type EndpointKey = (PartnerId, WebhookEndpointId);

/// A cursor at the end of the log: a new endpoint gets what comes after it.
pub async fn begin(tx: &mut Tx, (partner, endpoint): EndpointKey, now: Time) -> Result<(), Fault> {
    let last_seq = outbox::service::last_seq(tx, partner).await?;
    tx.query(INSERT_CURSOR).bind(partner).bind(endpoint).bind(last_seq).bind(now).run().await?;
    Ok(())
}

/// Forgets all of an endpoint's delivery.
pub async fn forget(tx: &mut Tx, (partner, endpoint): EndpointKey) -> Result<(), Fault> {
    for statement in [DELETE_RETRIES, DELETE_REPLAYS, DELETE_CURSOR] {
        tx.query(statement).bind(partner).bind(endpoint).run().await?;
    }
    Ok(())
}

/// Everything that waits is due now; with `anew` its attempts and its time count from the beginning.
pub async fn retry_now(tx: &mut Tx, (partner, endpoint): EndpointKey, anew: bool) -> Result<(), Fault> {
    let statement = if anew { RETRY_ANEW } else { RETRY_NOW };
    tx.query(statement).bind(partner).bind(endpoint).run().await?;
    tx.query(RESUME).bind(partner).bind(endpoint).run().await?;
    Ok(())
}

/// Endpoints with something to do, in no order.
pub async fn work(tx: &mut Reader, now: Time) -> Result<Vec<PendingEndpoint>, Fault> {
    tx.query(WORK).bind(now).all().await
}

/// Those of these partners.
pub async fn work_of(
    tx: &mut Reader,
    now: Time,
    partners: &BTreeSet<PartnerId>,
) -> Result<Vec<PendingEndpoint>, Fault> {
    tx.query(WORK_OF).bind(now).bind(List::of(partners)).all().await
}

/// Takes an endpoint, unless somebody did since it was looked at. Gives the cursor and when an event was last taken.
pub async fn claim(tx: &mut Tx, work: &PendingEndpoint, holder: &str) -> Result<Option<Cursor>, Fault> {
    let claim = tx.query(CLAIM).bind(work.partner_id).bind(work.endpoint_id).bind(holder).bind(work.claims);
    claim.optional().await
}

/// Gives back everything this process holds.
pub async fn release(tx: &mut Tx, holder: &str) -> Result<(), Fault> {
    tx.query(RELEASE).bind(holder).run().await?;
    Ok(())
}

/// Says that this process is alive.
pub async fn heartbeat(tx: &mut Tx, holder: &str) -> Result<(), Fault> {
    tx.query(BEAT).bind(holder).run().await?;
    Ok(())
}

/// Every process and its beat.
pub async fn workers(tx: &mut Reader) -> Result<Vec<(String, i64)>, Fault> {
    tx.query(WORKERS).all().await
}

/// Forgets a process that stands still.
pub async fn forget_worker(tx: &mut Tx, id: &str, beat: i64) -> Result<(), Fault> {
    tx.query(FORGET_WORKER).bind(id).bind(beat).run().await?;
    Ok(())
}

/// Forgets this process, which goes.
pub async fn delete_worker(tx: &mut Tx, id: &str) -> Result<(), Fault> {
    tx.query(LEAVE).bind(id).run().await?;
    Ok(())
}

/// What has to be tried again, due or not. `taken_at`: when the endpoint last took an event.
pub async fn retries(
    tx: &mut Reader,
    (partner, endpoint): EndpointKey,
    taken_at: Time,
) -> Result<Vec<RetriedEvent>, Fault> {
    let rows: Vec<(i64, String, Option<i64>)> = tx.query(RETRIES).bind(partner).bind(endpoint).all().await?;
    let row = |(seq, object, refused): (i64, String, Option<i64>)| RetriedEvent {
        seq,
        object,
        in_vain: refused.is_some_and(|micros| micros > taken_at.micros()),
    };
    Ok(rows.into_iter().map(row).collect())
}

/// What is due, of each object the first.
pub async fn due(
    tx: &mut Reader,
    (partner, endpoint): EndpointKey,
    now: Time,
    rows_max: i64,
) -> Result<Vec<Due>, Fault> {
    tx.query(DUE).bind(partner).bind(endpoint).bind(now).bind(rows_max).all().await
}

/// When the next attempt after this time is due.
pub async fn next_due(tx: &mut Reader, after: Time) -> Result<Option<Time>, Fault> {
    let (micros,): (Option<i64>,) = tx.query(NEXT_DUE).bind(after).one().await?;
    Ok(micros.map(Time::from_micros))
}

/// The oldest replay under way.
pub async fn replay(tx: &mut Reader, (partner, endpoint): EndpointKey) -> Result<Option<ReplayRow>, Fault> {
    tx.query(REPLAY).bind(partner).bind(endpoint).optional().await
}

/// How many replays are under way, and the highest number.
pub async fn replays(tx: &mut Reader, (partner, endpoint): EndpointKey) -> Result<(i64, i64), Fault> {
    tx.query(REPLAY_COUNT).bind(partner).bind(endpoint).one().await
}

pub async fn insert_replay(
    tx: &mut Tx,
    (partner, endpoint): EndpointKey,
    row: &ReplayRow,
    now: Time,
) -> Result<(), Fault> {
    let insert = tx.query(INSERT_REPLAY).bind(partner).bind(endpoint).bind(row.number).bind(row.next_seq);
    insert.bind(row.to_seq).bind(Json(&row.types.0)).bind(now).run().await?;
    Ok(())
}

/// Moves cursors of this partner's endpoints that this process holds; gives back which those are.
pub async fn advance(
    tx: &mut Tx,
    partner: PartnerId,
    holder: &str,
    cursors: impl IntoIterator<Item = (WebhookEndpointId, Move)>,
) -> Result<Vec<WebhookEndpointId>, Fault> {
    let rows = cursors
        .into_iter()
        .map(|(endpoint, to)| (endpoint, to.delivered_seq, to.held_until.micros(), to.taken_at.micros()));
    let moved: Vec<(String,)> = tx.query(ADVANCE).bind(partner).bind(holder).bind(List::rows(rows)).all().await?;
    Ok(moved.into_iter().filter_map(|(endpoint,)| endpoint.parse().ok()).collect())
}

pub async fn delete_done(tx: &mut Tx, partner: PartnerId, rows: &[(WebhookEndpointId, i64)]) -> Result<(), Fault> {
    tx.query(DELETE_DONE).bind(partner).bind(List::rows(rows)).run().await?;
    Ok(())
}

/// An event that is to be tried again.
#[derive(Debug, Clone)]
pub struct Retry {
    pub seq: i64,
    pub object: String,
    /// Attempts so far; 0 when it only waits behind another.
    pub attempts: i64,
    pub first_refused_at: Option<Time>,
    pub due_at: Time,
}

pub async fn put_retries(tx: &mut Tx, partner: PartnerId, rows: &[(WebhookEndpointId, &Retry)]) -> Result<(), Fault> {
    let rows = rows.iter().map(|(endpoint, of)| {
        let first_refused_at = of.first_refused_at.map(Time::micros);
        (endpoint, of.seq, &of.object, of.attempts, first_refused_at, of.due_at.micros())
    });
    tx.query(PUT_RETRIES).bind(partner).bind(List::rows(rows)).run().await?;
    Ok(())
}

/// Moves replays, by their numbers, and ends those that are through.
pub async fn advance_replays(
    tx: &mut Tx,
    partner: PartnerId,
    rows: &[(WebhookEndpointId, i64, i64)],
) -> Result<(), Fault> {
    tx.query(ADVANCE_REPLAYS).bind(partner).bind(List::rows(rows)).run().await?;
    let endpoints = rows.iter().map(|(endpoint, ..)| endpoint);
    tx.query(END_REPLAYS).bind(partner).bind(List::of(endpoints)).run().await?;
    Ok(())
}

/// The status of these endpoints; disabled and deleted ones are left out.
pub async fn states(
    tx: &mut Reader,
    partner: PartnerId,
    endpoints: impl IntoIterator<Item = WebhookEndpointId>,
) -> Result<Vec<EndpointState>, Fault> {
    tx.query(STATES).bind(partner).bind(List::of(endpoints)).all().await
}

/// Whether any event of the endpoint has failed this often.
pub async fn still_failing(tx: &mut Reader, (partner, endpoint): EndpointKey, attempts: i64) -> Result<bool, Fault> {
    let (rows,): (i64,) = tx.query(STILL_FAILING).bind(partner).bind(endpoint).bind(attempts).one().await?;
    Ok(rows > 0)
}
