//! Sessions: a person's browser, signed in with us; and what keeps forms of our pages ours.
//!
//! Invariants: only the hash of a session's id is kept; a session id is new with every sign-in, so none can be planted; a form is
//! believed only with the code that belongs to the browser's cookie.

mod service;
mod store;

pub use service::{Browser, Session, begin, end, find, long_ago};
pub use store::sweep;
