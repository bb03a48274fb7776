//! A person's own page: circles, what apps may do, payments, at all partners; and the way to take things back.
//!
//! Invariants: only who is signed in sees it; what can be taken back there is the person's own, checked in the transaction that
//! takes it back.

mod http;
mod page;
mod service;

pub use http::configure;
