//! Wallets of test fans, and their decisions. Sandbox only: in live mode wallets belong to the channel.

mod http;
pub mod service;

pub use http::routes;
