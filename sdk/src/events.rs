//! Events: your numbered log.

mod consumer;
mod stream_listener;

use quanzi_openapi::Nothing;
pub use quanzi_openapi::events::{
    Event, EventPage, EventPath, EventType, EventTypes, EventsQuery, GetEvent, ListEvents,
};
use quanzi_openapi::id::EventId;

pub use self::consumer::EventConsumer;
use crate::{Call, Client};

/// Calls about events; from [`Client::events`].
#[derive(Debug, Clone)]
pub struct EventCalls(Client);

impl Client {
    /// Calls about events, in order.
    pub fn events(&self) -> EventCalls {
        EventCalls(self.clone())
    }
}

impl EventCalls {
    /// Lists a part of the log, starting after a sequence number.
    pub fn list(&self, query: EventsQuery) -> Call<ListEvents> {
        self.0.call(Nothing {}, query, Nothing {})
    }

    /// Gets an event.
    pub fn get(&self, event: EventId) -> Call<GetEvent> {
        self.0.call(EventPath { event }, Nothing {}, Nothing {})
    }
}
