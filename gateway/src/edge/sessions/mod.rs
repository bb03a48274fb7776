//! Sessions of signed-in browsers, and the codes that protect forms against cross-site requests.
//!
//! Invariants: only the hash of a session id is stored; every sign-in creates a new session id, so none can be fixed in
//! advance; a form is accepted only with the code that belongs to the browser's cookie.

mod service;
mod store;

pub use service::{Browser, Session, begin, end, find, unknown_sign_in_time};
pub use store::sweep;
