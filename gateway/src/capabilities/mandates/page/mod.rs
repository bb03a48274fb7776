//! The page where a fan is asked for a standing consent (`/mandate/{token}`): who asks, the limits in words, yes or no.
//!
//! Invariants: who does not know the token learns nothing; only the fan decides (in a sandbox whoever has the address stands for
//! the fan), with a form of this page; nothing of the fan's stands on it for anybody else.

mod http;
mod service;
mod view;

pub use http::configure;
