//! The page where a fan is asked for a mandate (`/mandate/{token}`): who asks, the limits in words, agree or decline.
//!
//! Invariants: without the token nothing is revealed; only the fan decides (in a sandbox anyone with the URL), with a form
//! of this page; the page shows nothing of the fan to anyone else.

mod http;
mod service;
mod view;

pub use http::{PATH, configure};
