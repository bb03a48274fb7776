//! The edge: what every request goes through before a capability sees it, and every response before it leaves.
//!
//! Cheap checks come first, and nothing is remembered before the caller is authenticated. The order: IP address limit,
//! sizes, token, the app's allow-list, signature, possession of the token's key, body with its digest, app limit, scope,
//! nonce, media type, parsing, idempotency, handler, signed response. `serve.rs` is this sequence, `caller.rs` its part from
//! token to nonce.

mod answer;
mod body;
mod call;
mod caller;
mod exchange;
mod explain;
mod idempotency;
mod idempotency_entry;
mod if_match;
mod limit;
mod mount;
pub(crate) mod page_request;
pub(crate) mod pages;
mod serve;
pub(crate) mod sessions;
pub mod signature;
mod state;

pub use answer::Answer;
pub use call::{Anyone, Call, Caller, CallerKind, Effect, FanCaller, Served};
pub(crate) use call::{PostedCall, Stream};
pub(crate) use caller::{is_still_allowed, key_of_other_client, scope_missing};
pub(crate) use explain::explain_with;
pub use idempotency::{InFlight, sweep as sweep_idempotency};
#[cfg(test)]
pub(crate) use idempotency_entry::{IdempotencyEntries, IdempotencyEntry};
pub use limit::Limits;
pub use mount::Routes;
pub use state::Edge;
