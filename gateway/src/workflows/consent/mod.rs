//! The page on which a fan signs in and decides what an app may do.
//!
//! Invariants: what a fan agrees to was pushed by the app itself and is shown on the page, and nothing but the decision
//! comes from the browser; a code is issued only for a signed-in fan and only for what was requested and agreed to; a
//! nickname is disclosed only to the partner the fan chose, and beside the fan's contributions in that partner's circles.

mod http;
mod model;
mod page;
mod service;
#[cfg(test)]
mod tests;

pub use http::{PATH, configure};
pub use page::title as scope_title;
