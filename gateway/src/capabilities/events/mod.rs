//! Events as partners read them: pages and a stream of the numbered log that the platform's outbox writes.

mod http;
mod service;
mod stream;

pub use http::routes;
pub use stream::Streams;
