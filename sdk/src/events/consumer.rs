//! Follows the log: every event once and in order, through restarts, outages and lost connections.
//!
//! Invariants: an event is returned only after all events before it; it came in a signed response; the position advances
//! only when the handler has succeeded.

use std::collections::VecDeque;
use std::time::Duration;

use futures_util::future::BoxFuture;
use quanzi_openapi::events::{Event, EventPage, EventType, EventTypes, EventsQuery};

use super::EventCalls;
use super::stream_listener::StreamListener;
use crate::error::{Error, ErrorKind};

/// Polling interval when no stream announces new events.
const POLL_EVERY: Duration = Duration::from_secs(2);
/// Maximum pause between two attempts while the gateway cannot be reached.
const OUTAGE_PAUSE_MAX: Duration = Duration::from_secs(30);

/// Follows your log: waits for events and returns each exactly once, in order; from [`EventCalls::consumer`].
///
/// Its position is one number, [`place`](Self::place), which you store: **store it in the same transaction as the effects of
/// the event**, and start with the stored number the next time. Then every event takes effect exactly once, whatever
/// crashes.
///
/// ```no_run
/// # struct Database;
/// # impl Database {
/// #     async fn place(&self) -> Result<i64, Box<dyn std::error::Error>> { Ok(0) }
/// #     async fn apply_and_store(&self, _event: &quanzi::events::Event) -> Result<(), Box<dyn std::error::Error>> { Ok(()) }
/// # }
/// # async fn follow(client: quanzi::Client, database: Database) -> Result<(), Box<dyn std::error::Error>> {
/// let mut consumer = client.events().consumer(database.place().await?);
/// // In one transaction: apply the event, and store `event.seq` as your new position.
/// loop {
///     let event = consumer.next().await?;
///     database.apply_and_store(&event).await?;
/// }
/// # }
/// ```
///
/// While the gateway cannot be reached, it waits and retries; it ends with an error only when waiting does not help: the app
/// may not read events, a response is not provably the gateway's, the log has a gap, or the handler failed.
///
/// Dropping one of its futures loses nothing: you can put it into a `select!` with your shutdown signal.
#[derive(Debug)]
#[must_use = "a consumer does nothing until it is awaited"]
pub struct EventConsumer {
    calls: EventCalls,
    types: Option<EventTypes>,
    poll_every: Duration,
    /// Everything up to this sequence number has been processed.
    place: i64,
    /// Everything up to this sequence number has been read.
    read: i64,
    /// Events that were read and not processed yet.
    ready: VecDeque<Event>,
    /// Whether the previous page said that there are more events.
    has_more: bool,
    bell: StreamListener,
}

impl EventCalls {
    /// Follows the log from here: `after` is the sequence number of the last event you have processed, 0 to start with the
    /// first.
    pub fn consumer(&self, after: i64) -> EventConsumer {
        EventConsumer {
            calls: self.clone(),
            types: None,
            poll_every: POLL_EVERY,
            place: after,
            read: after,
            ready: VecDeque::new(),
            has_more: true,
            bell: StreamListener::new(&self.0),
        }
    }
}

impl EventConsumer {
    /// Only events of these types. Their sequence numbers then have gaps, so missing events cannot be detected.
    pub fn types(mut self, types: impl IntoIterator<Item = EventType>) -> Self {
        self.types = Some(EventTypes::new(types));
        self
    }

    /// Sets the polling interval when no stream announces new events; 2 seconds by default.
    pub fn poll_every(mut self, time: Duration) -> Self {
        self.poll_every = time;
        self
    }

    /// The sequence number up to which everything has been processed: store it, and start with it the next time.
    ///
    /// With [`types`](Self::types) it also advances over events of other types.
    pub fn place(&self) -> i64 {
        self.place
    }

    /// Passes each event to the handler, forever: the next one only after this one succeeded.
    ///
    /// Ends with the handler's error, or with the consumer's; the failed event does not count as processed and is passed
    /// again when you call `run` again.
    pub async fn run<E, F>(&mut self, mut handler: impl FnMut(Event) -> F) -> E
    where
        E: From<Error>,
        F: Future<Output = Result<(), E>>,
    {
        loop {
            if let Err(error) = self.fill().await {
                return error.into();
            }
            while let Some(event) = self.ready.front().cloned() {
                if let Err(error) = handler(event).await {
                    return error;
                }
                self.take();
            }
        }
    }

    /// The next event; waits until there is one. It counts as processed as soon as it is returned.
    pub async fn next(&mut self) -> Result<Event, Error> {
        loop {
            self.fill().await?;
            if let Some(event) = self.take() {
                return Ok(event);
            }
        }
    }

    /// The next event, if there already is one; it also counts as processed.
    pub async fn try_next(&mut self) -> Result<Option<Event>, Error> {
        while self.ready.is_empty() {
            self.pull().await?;
            if !self.has_more {
                break;
            }
        }
        Ok(self.take())
    }

    fn take(&mut self) -> Option<Event> {
        let event = self.ready.pop_front()?;
        // After the last one, what was looked at and not wanted has been dealt with too.
        self.place = if self.ready.is_empty() { self.read } else { event.seq };
        Some(event)
    }

    /// Waits until events are ready.
    ///
    /// Boxed, so that a consumer can run in its own task: today's compilers do not see that the future is `Send`.
    fn fill(&mut self) -> BoxFuture<'_, Result<(), Error>> {
        Box::pin(self.wait())
    }

    async fn wait(&mut self) -> Result<(), Error> {
        let mut pause = self.poll_every;
        while self.ready.is_empty() {
            match self.pull().await {
                Ok(()) if self.ready.is_empty() && !self.has_more => {
                    pause = self.poll_every;
                    self.bell.wait(self.read, self.poll_every).await;
                }
                Ok(()) => pause = self.poll_every,
                Err(error) if error.is_retryable() => {
                    tracing::warn!(%error, pause_seconds = pause.as_secs(), "the log cannot be read; waiting");
                    self.calls.0.system().sleep(pause).await;
                    pause = pause.saturating_mul(2).clamp(self.poll_every, OUTAGE_PAUSE_MAX.max(self.poll_every));
                }
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Reads the next page.
    async fn pull(&mut self) -> Result<(), Error> {
        let mut query = EventsQuery::after(self.read);
        query.types.clone_from(&self.types);
        let page = self.calls.list(query).await?;
        self.check(&page)?;
        self.read = page.next_after;
        self.has_more = page.has_more;
        self.ready = page.data.into();
        if self.ready.is_empty() {
            self.place = self.read;
        }
        Ok(())
    }

    /// Checks that nothing is missing and nothing is repeated.
    fn check(&self, page: &EventPage) -> Result<(), Error> {
        let mut before = self.read;
        for event in &page.data {
            let follows = if self.types.is_some() { event.seq > before } else { event.seq == before + 1 };
            if !follows {
                return Err(broken(before, event.seq));
            }
            before = event.seq;
        }
        if page.next_after < before || (self.types.is_none() && page.next_after != before) {
            return Err(broken(before, page.next_after));
        }
        Ok(())
    }
}

fn broken(before: i64, next: i64) -> Error {
    let message = format!(
        "the log is inconsistent: {next} follows {before}. No event of this page was returned; report it with the request id"
    );
    Error::new(ErrorKind::ResponseUnreadable, message)
}
