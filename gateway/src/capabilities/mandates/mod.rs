//! Mandates: a fan's standing consent to be charged within limits.
//!
//! Invariants: what a fan agreed to never changes; a mandate that has ended or was not agreed to is never charged, because
//! the poster locks it while it posts; a fan decides about a mandate once.

mod http;
mod jobs;
mod model;
mod page;
mod record;
pub mod service;
mod store;

pub use http::{routes, sandbox_routes};
pub use jobs::jobs;
pub use page::{PATH, configure};
pub use record::{MandateVersion, MandateVersions};
pub use service::{MandateTerms, sweep};
