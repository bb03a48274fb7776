//! The page on which a fan signs in and says what an app may do.
//!
//! Invariants: what a fan agrees to was pushed by the app itself and stands on the page, nothing is taken from the browser but
//! the decision; a code is made only for a fan who signed in and only for what was asked and agreed to; a nickname is shown only
//! to the partner that the fan chose to show it, and beside what the fan says in that partner's circles.

mod http;
mod model;
mod page;
mod service;
#[cfg(test)]
mod tests;

pub use http::configure;
pub use page::title as scope_title;
