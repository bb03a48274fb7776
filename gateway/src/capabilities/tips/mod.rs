//! Tips: what a circle and its posts were given, and who gives most. Reads only: what they add up to is written with each payment.

mod http;
mod service;
mod store;

pub use http::routes;
