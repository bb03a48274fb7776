//! Tips: totals of circles and posts, and leaderboards. Only reads: the totals are written with each payment.

mod http;
mod service;
mod store;

pub use http::routes;
