//! Webhooks: events pushed to partners' endpoints.
//!
//! Invariants: no committed event is lost: what an endpoint has not accepted is beyond its cursor or a row to be retried;
//! events of one object arrive in order; connections go only to checked addresses; a slow or dead receiver costs other
//! partners nothing, as long as fewer than eight are slow at the same time in a process. The reasons are in
//! `docs/decisions/0012-webhook-delivery.md`.
//!
//! - `service`, `http`, `store`, `secret`: endpoints as partners see them.
//! - `run` (`dispatch`): finds endpoints with work, claims them, starts a `pump` for each.
//! - `pump`: one endpoint; `order` decides what may be sent next, `share` limits concurrency, `send` posts, `schedule`
//!   decides when to retry, `writer` writes the results.
//! - `address`: where connections may go.

mod address;
mod delivery;
mod dispatch;
mod http;
mod order;
mod pump;
mod queue;
mod schedule;
mod secret;
mod send;
pub mod service;
mod share;
mod sign;
mod state;
mod store;
mod writer;

pub use dispatch::run;
pub use http::routes;
pub use service::sweep;
pub use state::Webhooks;
