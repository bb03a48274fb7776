//! The approval page of payments: the fan sees who is paid, what for and how much, and decides.
//!
//! Invariants: anyone with the URL can see the payment, so the URL is in no log and given to no one else; money moves only
//! in response to a form of this page, through the same use-cases as everywhere, and in live mode only for the signed-in
//! fan; the page shows only what a fan can understand.

mod http;
mod page;
mod service;

pub use http::{PATH, configure};
