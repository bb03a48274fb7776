//! The cashier: the page where a fan sees who is paid, what for and how much, and decides.
//!
//! Invariants: whoever has the address may see the payment, so it is in no log and goes to nobody else; money moves only in
//! answer to a form of this page, through the same use-cases as everywhere, and in live mode only for the fan who is signed in; nothing but what a fan can understand stands on it.

mod http;
mod page;
mod service;

pub use http::configure;
