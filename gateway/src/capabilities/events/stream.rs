//! The log as a stream of server-sent events (WHATWG HTML, 9.2).
//!
//! Invariants: an event is sent only after all events before it; a stream ends when its token is no longer accepted, and
//! when the gateway stops; the client continues from the last number it received.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use actix_web::web::Bytes;
use futures_util::stream;
use quanzi_openapi::ErrorCode;
use quanzi_openapi::events::{Event, StreamEvents};
use quanzi_openapi::id::{AppId, PartnerId};
use quanzi_openapi::problem::LimitReport;
use quanzi_openapi::scope::Scope;
use tokio::time::Instant;

use super::service;
use crate::access::RequestInfo;
use crate::edge::Edge;
use crate::edge::{Call, Stream, is_still_allowed};
use crate::platform::fault::Fault;
use crate::platform::outbox::Subscription;
use crate::platform::outbox::store::{self, EventFilter};

/// Streams of one app in one process.
const STREAMS_MAX: u32 = 4;
/// Events that are read at once.
const PAGE_ROWS: i64 = 100;
/// A comment after so long a silence keeps connections open, and shows which are gone.
const SILENCE_MAX: Duration = Duration::from_secs(15);
/// How long a revoked token may go on reading.
const ALLOWED_AGAIN_AFTER: Duration = Duration::from_secs(1);

/// Who streams how often.
#[derive(Debug, Default)]
pub struct Streams(Mutex<HashMap<AppId, u32>>);

impl Streams {
    fn enter(streams: &Arc<Self>, caller: AppId) -> Result<Streaming, Fault> {
        let mut all = streams.0.lock().unwrap_or_else(PoisonError::into_inner);
        let open = all.entry(caller).or_default();
        if *open >= STREAMS_MAX {
            let detail = format!("An app can have {STREAMS_MAX} streams open; close one, or share one.");
            let name = "event_streams".to_owned();
            let report = LimitReport { name, allowed: STREAMS_MAX, window_seconds: 0, resets_in_seconds: 15 };
            return Err(Fault::new(ErrorCode::RateLimited).detail(detail).limit(report));
        }
        *open += 1;
        Ok(Streaming { streams: Arc::clone(streams), caller })
    }
}

/// One stream; gives its place back when it is over.
struct Streaming {
    streams: Arc<Streams>,
    caller: AppId,
}

impl Drop for Streaming {
    fn drop(&mut self) {
        let mut all = self.streams.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(streams) = all.get_mut(&self.caller) {
            *streams -= 1;
            if *streams == 0 {
                all.remove(&self.caller);
            }
        }
    }
}

/// Where a stream stands.
struct StreamState {
    edge: Arc<Edge>,
    _streaming: Streaming,
    partner: PartnerId,
    request: RequestInfo,
    after: i64,
    ready: VecDeque<Event>,
    subscription: Subscription,
    spoke: Instant,
    allowed: Instant,
}

pub async fn begin(call: &mut Call<StreamEvents>, streams: &Arc<Streams>) -> Result<Stream, Fault> {
    let partner = call.caller.partner;
    let resumed = call.request.http.headers().get("last-event-id");
    let resumed =
        resumed.map(|field| field.to_str().ok().and_then(|text| text.trim().parse::<i64>().ok()).unwrap_or(-1));
    let last = store::last(&mut call.tx, partner).await?;
    let (name, after) = match (resumed, call.query.after) {
        (Some(after), _) => ("Last-Event-ID", after),
        (None, Some(after)) => ("after", after),
        (None, None) => ("after", last),
    };
    service::check_place(&call.edge, partner, name, after, last).await?;
    let now = Instant::now();
    let state = StreamState {
        edge: Arc::clone(&call.edge),
        _streaming: Streams::enter(streams, call.caller.app)?,
        partner,
        request: call.request.copy(),
        after,
        ready: VecDeque::new(),
        subscription: call.edge.notifier.listen(partner),
        spoke: now,
        allowed: now,
    };
    Ok(Box::pin(stream::unfold(state, async |mut state| {
        let said = state.next().await?;
        state.spoke = Instant::now();
        Some((Ok(said), state))
    })))
}

impl StreamState {
    /// What is sent next; nothing when the stream is over.
    async fn next(&mut self) -> Option<Bytes> {
        loop {
            let edge = Arc::clone(&self.edge);
            if edge.stopping.is_set() {
                return None;
            }
            if self.allowed.elapsed() >= ALLOWED_AGAIN_AFTER {
                if !is_still_allowed(&edge, &self.request, Scope::EventsRead).await {
                    return None;
                }
                self.allowed = Instant::now();
            }
            if let Some(event) = self.ready.pop_front() {
                self.after = event.seq;
                return to_frame(&event);
            }
            match self.read(&edge).await {
                Ok(events) if events.is_empty() => {}
                Ok(events) => {
                    self.ready.extend(events);
                    continue;
                }
                // The client comes again with its last number.
                Err(fault) => {
                    tracing::warn!(%fault, "an event stream ended");
                    return None;
                }
            }
            if self.spoke.elapsed() >= SILENCE_MAX {
                return Some(Bytes::from_static(b":\n\n"));
            }
            self.subscription.wait().await;
        }
    }

    async fn read(&self, edge: &Edge) -> Result<Vec<Event>, crate::platform::db::Fault> {
        let mut tx = edge.db.reading().await?;
        store::page(&mut tx, self.partner, EventFilter::All, self.after, PAGE_ROWS).await
    }
}

fn to_frame(event: &Event) -> Option<Bytes> {
    // One line: JSON has no line breaks of its own.
    let data = serde_json::to_string(event).ok()?;
    Some(Bytes::from(format!("id: {}\nevent: {}\ndata: {data}\n\n", event.seq, event.r#type)))
}
