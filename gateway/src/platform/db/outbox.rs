//! Events recorded in a transaction. Invariant: they are written with it or not at all: a transaction with events can be
//! committed only by `outbox::service::commit`, which writes them.

use quanzi_openapi::Time;
use quanzi_openapi::id::PartnerId;

/// A fact about an object, not numbered yet.
#[derive(Debug, Clone, PartialEq)]
pub struct Fact {
    /// Whose log it goes into.
    pub partner: PartnerId,
    /// The event's type, as on the wire.
    pub kind: &'static str,
    /// The object's id.
    pub object: String,
    /// The object's version after the change.
    pub object_version: i64,
    /// When it happened.
    pub at: Time,
    /// The object as JSON.
    pub data: String,
}
