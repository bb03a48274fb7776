//! All SQL of webhook endpoints as partners see them; that of their delivery is in `queue`.

use quanzi_openapi::deliveries::{Delivery, DeliveryError, DeliveryOutcome};
use quanzi_openapi::events::EventType;
use quanzi_openapi::id::{DeliveryId, EventId, PartnerId, WebhookEndpointId};
use quanzi_openapi::webhooks::{
    DisabledReason, WebhookDescription, WebhookEndpoint, WebhookEndpointStatus, WebhookUrl,
};
use quanzi_openapi::{Limit, Open, Time};
use serde::Deserialize as _;
use sqlx::FromRow;

use crate::platform::db::{As, Fault, Json, List, Reader, Sql, Tx, enum_columns, id_or_upper_bound};
use crate::sql;

enum_columns!(DeliveryError DeliveryOutcome DisabledReason WebhookEndpointStatus);

macro_rules! columns {
    () => {
        "select id, url, description, types, status, disabled_reason, failing_since, secret, previous_secret, \
         previous_until, version, created_at, updated_at from webhook_endpoint where partner_id = $1 and deleted_at is null and "
    };
}

const FIND: Sql = sql!(columns!(), "id = $2");
// The cursor first, as the writer of deliveries does, so that the two wait for each other instead of dying.
const LOCK_CURSOR: Sql =
    sql!("select delivered_seq from webhook_cursor where partner_id = $1 and endpoint_id = $2", [" for no key update"]);
const LOCK: Sql = sql!(columns!(), "id = $2", [" for no key update"]);
const PAGE: Sql = sql!(columns!(), "id < $2 order by id desc limit $3");
const COUNT: Sql = sql!("select count(*) from webhook_endpoint where partner_id = $1 and deleted_at is null");
const INSERT: Sql = sql!(
    "insert into webhook_endpoint (partner_id, id, url, description, types, status, secret, version, created_at, updated_at) \
     values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)"
);
const UPDATE: Sql = sql!(
    "update webhook_endpoint set url = $3, description = $4, types = $5, status = $6, disabled_reason = $7, \
     failing_since = $8, secret = $9, previous_secret = $10, previous_until = $11, version = $12, updated_at = $13 \
     where partner_id = $1 and id = $2"
);
const DELETE: Sql = sql!("update webhook_endpoint set deleted_at = $3 where partner_id = $1 and id = $2");
const DELIVERIES: Sql = sql!(
    "select id, event_id, seq, type, attempt, outcome, error, detail, status, response, latency_ms, attempted_at, \
     next_attempt_at from delivery where partner_id = $1 and endpoint_id = $2 and id < $3 order by id desc limit $4"
);
const DELIVERIES_FAILED: Sql = sql!(
    "select id, event_id, seq, type, attempt, outcome, error, detail, status, response, latency_ms, attempted_at, \
     next_attempt_at from delivery where partner_id = $1 and endpoint_id = $2 and outcome = 'failed' and id < $3 \
     order by id desc limit $4"
);
const DELIVERIES_SUCCEEDED: Sql = sql!(
    "select id, event_id, seq, type, attempt, outcome, error, detail, status, response, latency_ms, attempted_at, \
     next_attempt_at from delivery where partner_id = $1 and endpoint_id = $2 and outcome = 'succeeded' and id < $3 \
     order by id desc limit $4"
);
const INSERT_DELIVERIES: Sql = sql!(
    "insert into delivery (partner_id, endpoint_id, id, event_id, seq, type, attempt, outcome, error, detail, status, \
     response, latency_ms, attempted_at, next_attempt_at) \
     select $1, value ->> 0, value ->> 1, value ->> 2, cast(value ->> 3 as bigint), value ->> 4, \
     cast(value ->> 5 as bigint), value ->> 6, value ->> 7, value ->> 8, cast(value ->> 9 as bigint), value ->> 10, \
     cast(value ->> 11 as bigint), cast(value ->> 12 as bigint), cast(value ->> 13 as bigint) from json_each($2) where true"
);
// Ids sort by time, so the primary key is all that is needed to find the old ones.
const SWEEP: Sql = sql!(
    "delete from delivery where (partner_id, endpoint_id, id) in (select d.partner_id, d.endpoint_id, d.id \
     from webhook_endpoint e join delivery d on d.partner_id = e.partner_id and d.endpoint_id = e.id and d.id < $1 limit $2)"
);

/// An endpoint as it is kept.
#[derive(Debug, Clone, FromRow)]
pub struct EndpointRow {
    #[sqlx(try_from = "As<WebhookEndpointId>")]
    pub id: WebhookEndpointId,
    #[sqlx(try_from = "As<WebhookUrl>")]
    pub url: WebhookUrl,
    #[sqlx(try_from = "As<Option<WebhookDescription>>")]
    pub description: Option<WebhookDescription>,
    pub types: Json<Vec<String>>,
    #[sqlx(try_from = "As<WebhookEndpointStatus>")]
    pub status: WebhookEndpointStatus,
    #[sqlx(try_from = "As<Option<DisabledReason>>")]
    pub disabled_reason: Option<DisabledReason>,
    #[sqlx(try_from = "As<Option<Time>>")]
    pub failing_since: Option<Time>,
    pub secret: Vec<u8>,
    pub previous_secret: Option<Vec<u8>>,
    #[sqlx(try_from = "As<Option<Time>>")]
    pub previous_until: Option<Time>,
    pub version: i64,
    #[sqlx(try_from = "As<Time>")]
    pub created_at: Time,
    #[sqlx(try_from = "As<Time>")]
    pub updated_at: Time,
}

impl EndpointRow {
    /// As the partner sees it.
    pub fn endpoint(&self, public_key: &str) -> WebhookEndpoint {
        WebhookEndpoint {
            id: self.id,
            url: self.url.clone(),
            description: self.description.clone(),
            types: self.types.iter().map(|name| event_type(name)).collect(),
            status: self.status.into(),
            disabled_reason: self.disabled_reason.map(Open::from),
            failing_since: self.failing_since,
            public_key: public_key.to_owned(),
            previous_secret_until: self.previous_until,
            version: self.version,
            created_at: self.created_at,
            updated_at: self.updated_at,
        }
    }
}

/// A type by its name; one that this binary does not know survives.
pub fn event_type(name: &str) -> Open<EventType> {
    let value = serde_json::Value::from(name);
    EventType::deserialize(&value).map_or(Open::Unknown(value), Open::Known)
}

#[derive(FromRow)]
struct DeliveryRow {
    #[sqlx(try_from = "As<DeliveryId>")]
    id: DeliveryId,
    #[sqlx(try_from = "As<EventId>")]
    event_id: EventId,
    seq: i64,
    #[sqlx(rename = "type")]
    kind: String,
    attempt: i64,
    #[sqlx(try_from = "As<DeliveryOutcome>")]
    outcome: DeliveryOutcome,
    #[sqlx(try_from = "As<Option<DeliveryError>>")]
    error: Option<DeliveryError>,
    detail: Option<String>,
    status: Option<i64>,
    response: Option<String>,
    latency_ms: i64,
    #[sqlx(try_from = "As<Time>")]
    attempted_at: Time,
    #[sqlx(try_from = "As<Option<Time>>")]
    next_attempt_at: Option<Time>,
}

impl DeliveryRow {
    fn delivery(self, endpoint: WebhookEndpointId) -> Delivery {
        Delivery {
            id: self.id,
            endpoint,
            event: self.event_id,
            seq: self.seq,
            r#type: event_type(&self.kind),
            attempt: self.attempt,
            outcome: self.outcome.into(),
            error: self.error.map(Open::from),
            detail: self.detail,
            status: self.status.and_then(|status| u16::try_from(status).ok()),
            response: self.response,
            latency_ms: self.latency_ms,
            attempted_at: self.attempted_at,
            next_attempt_at: self.next_attempt_at,
        }
    }
}

pub async fn find(
    tx: &mut Reader,
    partner: PartnerId,
    endpoint: WebhookEndpointId,
) -> Result<Option<EndpointRow>, Fault> {
    tx.query(FIND).bind(partner).bind(endpoint).optional().await
}

pub async fn lock(tx: &mut Tx, partner: PartnerId, endpoint: WebhookEndpointId) -> Result<Option<EndpointRow>, Fault> {
    let _: Option<(i64,)> = tx.query(LOCK_CURSOR).bind(partner).bind(endpoint).optional().await?;
    tx.query(LOCK).bind(partner).bind(endpoint).optional().await
}

/// How far the endpoint has got; held like the endpoint itself.
pub async fn delivered_seq(tx: &mut Tx, partner: PartnerId, endpoint: WebhookEndpointId) -> Result<i64, Fault> {
    let (seq,): (i64,) = tx.query(LOCK_CURSOR).bind(partner).bind(endpoint).one().await?;
    Ok(seq)
}

pub async fn page(
    tx: &mut Reader,
    partner: PartnerId,
    before: Option<WebhookEndpointId>,
    limit: Limit,
) -> Result<Vec<EndpointRow>, Fault> {
    tx.query(PAGE).bind(partner).bind(id_or_upper_bound(before)).bind(limit.rows_and_one()).all().await
}

/// How many there are.
pub async fn count(tx: &mut Tx, partner: PartnerId) -> Result<i64, Fault> {
    let (count,): (i64,) = tx.query(COUNT).bind(partner).one().await?;
    Ok(count)
}

pub async fn insert(tx: &mut Tx, partner: PartnerId, row: &EndpointRow) -> Result<(), Fault> {
    let insert = tx.query(INSERT).bind(partner).bind(row.id).bind(&row.url).bind(&row.description);
    let insert = insert.bind(Json(&row.types.0)).bind(row.status).bind(&row.secret).bind(row.version);
    insert.bind(row.created_at).bind(row.updated_at).run().await?;
    Ok(())
}

pub async fn update(tx: &mut Tx, partner: PartnerId, row: &EndpointRow) -> Result<(), Fault> {
    let update = tx.query(UPDATE).bind(partner).bind(row.id).bind(&row.url).bind(&row.description);
    let update = update.bind(Json(&row.types.0)).bind(row.status).bind(row.disabled_reason).bind(row.failing_since);
    let update = update.bind(&row.secret).bind(&row.previous_secret).bind(row.previous_until);
    update.bind(row.version).bind(row.updated_at).run().await?;
    Ok(())
}

pub async fn delete(tx: &mut Tx, partner: PartnerId, endpoint: WebhookEndpointId, now: Time) -> Result<(), Fault> {
    tx.query(DELETE).bind(partner).bind(endpoint).bind(now).run().await?;
    Ok(())
}

pub async fn deliveries(
    tx: &mut Reader,
    partner: PartnerId,
    endpoint: WebhookEndpointId,
    outcome: Option<DeliveryOutcome>,
    before: Option<DeliveryId>,
    limit: Limit,
) -> Result<Vec<Delivery>, Fault> {
    let statement = match outcome {
        None => DELIVERIES,
        Some(DeliveryOutcome::Failed) => DELIVERIES_FAILED,
        Some(_) => DELIVERIES_SUCCEEDED,
    };
    let page =
        tx.query(statement).bind(partner).bind(endpoint).bind(id_or_upper_bound(before)).bind(limit.rows_and_one());
    let rows: Vec<DeliveryRow> = page.all().await?;
    Ok(rows.into_iter().map(|row| row.delivery(endpoint)).collect())
}

/// Writes attempts, of several endpoints at once.
pub async fn insert_deliveries(tx: &mut Tx, partner: PartnerId, deliveries: &[&Delivery]) -> Result<(), Fault> {
    let rows = deliveries.iter().map(|of| {
        let Delivery { id, endpoint, event, seq, attempt, status, latency_ms, detail, response, .. } = of;
        let (kind, outcome) = (of.r#type.to_string(), of.outcome.to_string());
        let error = of.error.as_ref().map(ToString::to_string);
        let (at, next) = (of.attempted_at.micros(), of.next_attempt_at.map(Time::micros));
        // In the order of the columns.
        (endpoint, id, event, seq, kind, attempt, outcome, error, detail, status, response, latency_ms, at, next)
    });
    tx.query(INSERT_DELIVERIES).bind(partner).bind(List::rows(rows)).run().await?;
    Ok(())
}

/// Deletes deliveries older than this id, at most so many.
pub async fn sweep(tx: &mut Tx, before: DeliveryId, rows_max: i64) -> Result<u64, Fault> {
    tx.query(SWEEP).bind(before).bind(rows_max).run().await
}
