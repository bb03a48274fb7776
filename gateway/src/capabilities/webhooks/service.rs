//! Use-cases of webhook endpoints.

use quanzi_openapi::deliveries::{DELIVERIES_KEPT_SECONDS, DeliveriesQuery, Delivery, NewReplay, REPLAYS_MAX, Replay};
use quanzi_openapi::events::{EventType, Subject as _};
use quanzi_openapi::id::{DeliveryId, PartnerId, WebhookEndpointId};
use quanzi_openapi::webhooks::{
    DisabledReason, NewWebhookEndpoint, SECRET_OVERLAP_SECONDS, WEBHOOK_ENDPOINTS_MAX, WEBHOOK_TYPES_MAX,
    WebhookEndpoint, WebhookEndpointChange, WebhookEndpointStatus, WebhookEndpointWithSecret, WebhookEndpointsQuery,
};
use quanzi_openapi::{Cursor, ErrorCode, Page, Time};

use super::address::Reach;
use super::delivery::delivery;
use super::queue::{self, ReplayRow};
use super::send::{Attempt, Target};
use super::sign::Secrets;
use super::state::Webhooks;
use super::store::{self, EndpointRow};
use super::{secret, sign};
use crate::platform::Platform;
use crate::platform::db::{self, Json, Reader, Tx};
use crate::platform::fault::Fault;
use crate::platform::outbox::{self, Stored};

/// Makes an endpoint; it gets what happens from now on.
pub async fn create(
    tx: &mut Tx,
    platform: &Platform,
    partner: PartnerId,
    now: Time,
    new: &NewWebhookEndpoint,
) -> Result<WebhookEndpointWithSecret, Fault> {
    Reach::of(&platform.config).check_url(&new.url)?;
    let types = type_names(&new.types)?;
    // Nobody makes another one meanwhile.
    outbox::service::lock(tx, partner).await?;
    if store::count(tx, partner).await? >= as_count(WEBHOOK_ENDPOINTS_MAX) {
        let detail = format!("A partner can have {WEBHOOK_ENDPOINTS_MAX} endpoints.");
        return Err(Fault::new(ErrorCode::WebhookEndpointLimitReached).detail(detail));
    }
    let id: WebhookEndpointId = platform.clock.id();
    let (stored, secret) = secret::make(platform, id)?;
    let row = EndpointRow {
        id,
        url: new.url.clone(),
        description: new.description.clone(),
        types: Json(types),
        status: WebhookEndpointStatus::Enabled,
        disabled_reason: None,
        failing_since: None,
        secret: stored,
        previous_secret: None,
        previous_until: None,
        version: 1,
        created_at: now,
        updated_at: now,
    };
    store::insert(tx, partner, &row).await?;
    queue::begin(tx, (partner, id), now).await?;
    let endpoint = record(tx, platform, partner, now, EventType::WebhookEndpointCreated, &row)?;
    Ok(WebhookEndpointWithSecret { endpoint, secret })
}

/// A page of the partner's endpoints, newest first.
pub async fn page(
    tx: &mut Reader,
    platform: &Platform,
    partner: PartnerId,
    query: &WebhookEndpointsQuery,
) -> Result<Page<WebhookEndpoint>, Fault> {
    let before: Option<WebhookEndpointId> = query.cursor.as_ref().map(Cursor::position).transpose()?;
    let limit = query.limit.unwrap_or_default();
    let rows = store::page(tx, partner, before, limit).await?;
    let public_key = secret::public_key(platform);
    Ok(Page::cut(rows, limit, |row| row.id).map(|row| row.endpoint(&public_key)))
}

/// The endpoint.
pub async fn find(
    tx: &mut Reader,
    platform: &Platform,
    partner: PartnerId,
    endpoint: WebhookEndpointId,
) -> Result<WebhookEndpoint, Fault> {
    Ok(find_row(tx, partner, endpoint).await?.endpoint(&secret::public_key(platform)))
}

/// The endpoint, held until the end of the transaction.
pub async fn lock(tx: &mut Tx, partner: PartnerId, endpoint: WebhookEndpointId) -> Result<EndpointRow, Fault> {
    store::lock(tx, partner, endpoint).await?.ok_or_else(missing)
}

/// Changes an endpoint that is held.
pub async fn change(
    tx: &mut Tx,
    platform: &Platform,
    partner: PartnerId,
    now: Time,
    before: EndpointRow,
    change: &WebhookEndpointChange,
) -> Result<WebhookEndpoint, Fault> {
    let mut after = before.clone();
    if let Some(url) = &change.url {
        Reach::of(&platform.config).check_url(url)?;
        after.url = url.clone();
    }
    if let Some(types) = &change.types {
        after.types = Json(type_names(types)?);
    }
    after.description = change.description.clone().apply(after.description);
    let is_same =
        (&after.url, &after.types.0, &after.description) == (&before.url, &before.types.0, &before.description);
    if is_same {
        return Ok(before.endpoint(&secret::public_key(platform)));
    }
    save(tx, platform, partner, now, EventType::WebhookEndpointChanged, after).await
}

/// Deletes an endpoint, and what waits for it. Its deliveries stay until they are swept.
pub async fn delete(
    tx: &mut Tx,
    platform: &Platform,
    partner: PartnerId,
    now: Time,
    endpoint: WebhookEndpointId,
) -> Result<(), Fault> {
    let mut row = lock(tx, partner, endpoint).await?;
    row.version += 1;
    row.updated_at = now;
    record(tx, platform, partner, now, EventType::WebhookEndpointDeleted, &row)?;
    store::delete(tx, partner, endpoint, now).await?;
    Ok(queue::forget(tx, (partner, endpoint)).await?)
}

/// Enables an endpoint: it goes on where it stopped, and what waits is due now.
pub async fn enable(
    tx: &mut Tx,
    platform: &Platform,
    partner: PartnerId,
    now: Time,
    endpoint: WebhookEndpointId,
) -> Result<WebhookEndpoint, Fault> {
    let before = lock(tx, partner, endpoint).await?;
    enable_row(tx, platform, partner, now, before).await
}

async fn enable_row(
    tx: &mut Tx,
    platform: &Platform,
    partner: PartnerId,
    now: Time,
    before: EndpointRow,
) -> Result<WebhookEndpoint, Fault> {
    if before.status == WebhookEndpointStatus::Enabled {
        return Ok(before.endpoint(&secret::public_key(platform)));
    }
    queue::retry_now(tx, (partner, before.id), true).await?;
    let after =
        EndpointRow { status: WebhookEndpointStatus::Enabled, disabled_reason: None, failing_since: None, ..before };
    save(tx, platform, partner, now, EventType::WebhookEndpointEnabled, after).await
}

/// Disables an endpoint at the partner's request.
pub async fn disable(
    tx: &mut Tx,
    platform: &Platform,
    partner: PartnerId,
    now: Time,
    endpoint: WebhookEndpointId,
) -> Result<WebhookEndpoint, Fault> {
    let before = lock(tx, partner, endpoint).await?;
    if before.status == WebhookEndpointStatus::Disabled {
        return Ok(before.endpoint(&secret::public_key(platform)));
    }
    let (status, disabled_reason) = (WebhookEndpointStatus::Disabled, Some(DisabledReason::Partner));
    save(
        tx,
        platform,
        partner,
        now,
        EventType::WebhookEndpointDisabled,
        EndpointRow { status, disabled_reason, ..before },
    )
    .await
}

/// Gives an endpoint a new secret; the one before signs as well for a day.
pub async fn rotate(
    tx: &mut Tx,
    platform: &Platform,
    partner: PartnerId,
    now: Time,
    endpoint: WebhookEndpointId,
) -> Result<WebhookEndpointWithSecret, Fault> {
    let mut row = lock(tx, partner, endpoint).await?;
    let (stored, secret) = secret::make(platform, endpoint)?;
    row.previous_secret = Some(std::mem::replace(&mut row.secret, stored));
    row.previous_until = Some(now.plus_seconds(SECRET_OVERLAP_SECONDS));
    let endpoint = save(tx, platform, partner, now, EventType::WebhookEndpointChanged, row).await?;
    Ok(WebhookEndpointWithSecret { endpoint, secret })
}

/// Sends a sign of life and says what came of it. The transaction ends before the request, so that nobody waits for the receiver.
pub async fn ping(
    tx: &mut Tx,
    webhooks: &Webhooks,
    partner: PartnerId,
    now: Time,
    endpoint: WebhookEndpointId,
) -> Result<Delivery, Fault> {
    let row = find_row(tx, partner, endpoint).await?;
    let target = target(webhooks, &row)?;
    tx.end().await?;
    let _permit = webhooks.pings.try_acquire().map_err(|_| Fault::new(ErrorCode::Overloaded))?;
    let shape = row.endpoint(&secret::public_key(webhooks));
    let event = Stored {
        seq: 0,
        id: webhooks.clock.id(),
        kind: EventType::WebhookEndpointPing.as_str().to_owned(),
        object: shape.object(),
        object_version: shape.object_version(),
        created_at: now,
        data: serde_json::to_string(&shape).map_err(Fault::internal)?,
    };
    let body = sign::body(&event);
    let attempt: Attempt = webhooks.sender.post(webhooks, &target, &event.id.to_string(), body).await?;
    let delivery = delivery(webhooks, endpoint, &event, 1, now, attempt, None);
    let mut tx = webhooks.db.begin().await?;
    store::insert_deliveries(&mut tx, partner, &[&delivery]).await?;
    tx.commit().await?;
    Ok(delivery)
}

/// A page of the attempts, newest first.
pub async fn deliveries(
    tx: &mut Reader,
    partner: PartnerId,
    endpoint: WebhookEndpointId,
    query: &DeliveriesQuery,
) -> Result<Page<Delivery>, Fault> {
    find_row(tx, partner, endpoint).await?;
    let before: Option<DeliveryId> = query.cursor.as_ref().map(Cursor::position).transpose()?;
    let limit = query.limit.unwrap_or_default();
    let rows = store::deliveries(tx, partner, endpoint, query.outcome, before, limit).await?;
    Ok(Page::cut(rows, limit, |delivery| delivery.id))
}

/// Sends a part of the log again. A disabled endpoint is enabled, and what waits for another attempt is due now.
pub async fn replay(
    tx: &mut Tx,
    platform: &Platform,
    partner: PartnerId,
    now: Time,
    endpoint: WebhookEndpointId,
    new: &NewReplay,
) -> Result<Replay, Fault> {
    let types = type_names(&new.types)?;
    let before = lock(tx, partner, endpoint).await?;
    let key = (partner, endpoint);
    let (under_way, last_number) = queue::replays(tx, key).await?;
    if under_way >= as_count(REPLAYS_MAX) {
        let detail = format!("An endpoint can have {REPLAYS_MAX} replays in progress.");
        return Err(Fault::new(ErrorCode::ReplayLimitReached).detail(detail));
    }
    let delivered_seq = store::delivered_seq(tx, partner, endpoint).await?;
    let from_seq = from_seq(tx, partner, new, delivered_seq).await?;
    // What is beyond the cursor was never sent, so it comes without a replay.
    let to_seq = new.to_seq.unwrap_or(delivered_seq).min(delivered_seq);
    let types = if types.is_empty() { before.types.0.clone() } else { types };
    let shown = types.iter().map(|name| store::event_type(name)).collect();
    if from_seq <= to_seq {
        let row = ReplayRow { number: last_number + 1, next_seq: from_seq, to_seq, types: Json(types) };
        queue::insert_replay(tx, key, &row, now).await?;
    }
    queue::retry_now(tx, key, false).await?;
    enable_row(tx, platform, partner, now, before).await?;
    Ok(Replay { endpoint, from_seq, to_seq, types: shown, created_at: now })
}

async fn from_seq(tx: &mut Tx, partner: PartnerId, new: &NewReplay, last_seq: i64) -> Result<i64, Fault> {
    match (new.from_seq, new.since) {
        (Some(_), Some(_)) => Err(Fault::field("/since", "Send either `from_seq` or `since`.")),
        (Some(seq), None) if seq < 1 => Err(Fault::field("/from_seq", "Events are numbered from 1.")),
        (Some(seq), None) if new.to_seq.is_some_and(|to| to < seq) => {
            Err(Fault::field("/to_seq", "`to_seq` must not be smaller than `from_seq`."))
        }
        (Some(seq), None) => Ok(seq),
        (None, Some(since)) => Ok(outbox::service::first_since(tx, partner, since, last_seq).await?),
        (None, None) => Ok(1),
    }
}

/// When the next attempt at any endpoint is due, after this time: for moving a sandbox's clock. The attempts themselves are
/// made by the pumps, within a quarter of a second of the moved clock.
pub async fn next_due(tx: &mut Reader, after: Time) -> Result<Option<Time>, db::Fault> {
    queue::next_due(tx, after).await
}

/// Deletes deliveries that are older than 30 days, at most this many; gives back how many went.
pub async fn sweep(tx: &mut Tx, now: Time, rows_max: i64) -> Result<u64, db::Fault> {
    let millis = u64::try_from(now.plus_seconds(-DELIVERIES_KEPT_SECONDS).micros() / 1_000).unwrap_or_default();
    let oldest = uuid::Builder::from_unix_timestamp_millis(millis, &[0; 10]).into_uuid();
    store::sweep(tx, DeliveryId::from_uuid(oldest), rows_max).await
}

/// Where an endpoint's events go, and what they are signed with.
pub(super) fn target(platform: &Platform, row: &EndpointRow) -> Result<Target, Fault> {
    let url = Reach::of(&platform.config).check_url(&row.url)?;
    let open = |stored: &[u8]| secret::open(platform, row.id, stored).map_err(Fault::internal);
    let mut secrets = Secrets::new(&open(&row.secret)?);
    if let (Some(previous), Some(until)) = (&row.previous_secret, row.previous_until) {
        secrets = secrets.and_until(&open(previous)?, until);
    }
    Ok(Target { url, secrets })
}

async fn save(
    tx: &mut Tx,
    platform: &Platform,
    partner: PartnerId,
    now: Time,
    kind: EventType,
    row: EndpointRow,
) -> Result<WebhookEndpoint, Fault> {
    let row = EndpointRow { version: row.version + 1, updated_at: now, ..row };
    store::update(tx, partner, &row).await?;
    record(tx, platform, partner, now, kind, &row)
}

fn record(
    tx: &mut Tx,
    platform: &Platform,
    partner: PartnerId,
    now: Time,
    kind: EventType,
    row: &EndpointRow,
) -> Result<WebhookEndpoint, Fault> {
    let endpoint = row.endpoint(&secret::public_key(platform));
    outbox::service::record(tx, partner, now, kind, &endpoint)?;
    Ok(endpoint)
}

fn type_names(types: &[EventType]) -> Result<Vec<String>, Fault> {
    if types.len() > WEBHOOK_TYPES_MAX {
        return Err(Fault::field("/types", format!("At most {WEBHOOK_TYPES_MAX} types; none means all.")));
    }
    let mut names: Vec<String> = types.iter().map(|kind| kind.as_str().to_owned()).collect();
    names.sort_unstable();
    names.dedup();
    Ok(names)
}

fn as_count(limit: usize) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX)
}

async fn find_row(tx: &mut Reader, partner: PartnerId, endpoint: WebhookEndpointId) -> Result<EndpointRow, Fault> {
    store::find(tx, partner, endpoint).await?.ok_or_else(missing)
}

fn missing() -> Fault {
    ErrorCode::WebhookEndpointNotFound.into()
}
