//! The endpoints of events: extract, one use-case, reply.

use std::sync::Arc;

use quanzi_openapi::events::{Event, EventPage, GetEvent, ListEvents, StreamEvents};

use super::{Streams, service, stream};
use crate::edge::{Call, Routes};
use crate::platform::fault::Fault;

/// The routes of events.
pub fn routes(routes: Routes, streams: &Arc<Streams>) -> Routes {
    let streams = Arc::clone(streams);
    let stream = async move |call: &mut Call<StreamEvents>| stream::begin(call, &streams).await;
    routes.mount::<ListEvents, _>(list).mount_stream::<StreamEvents, _>(stream).mount::<GetEvent, _>(get)
}

async fn list(call: &mut Call<ListEvents>) -> Result<EventPage, Fault> {
    service::page(&call.edge, &mut call.tx, call.caller.partner, &call.query).await
}

async fn get(call: &mut Call<GetEvent>) -> Result<Event, Fault> {
    service::find(&mut call.tx, call.caller.partner, call.params.event).await
}
