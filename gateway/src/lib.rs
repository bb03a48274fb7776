//! The Quanzi gateway: the server that keeps the contract of `quanzi-openapi`.
//!
//! The layers, each of which imports only from those after it: [`app`] puts everything together; `workflows` and
//! [`sandbox`] are use-cases of several capabilities; [`capabilities`] has a folder for each noun; [`edge`] is what every
//! request goes through; [`access`] authenticates the caller; [`platform`] knows no capability. See
//! `docs/decisions/0016-layers.md`.

pub mod access;
pub mod app;
pub mod capabilities;
pub mod edge;
pub mod platform;
pub mod sandbox;
#[cfg(test)]
mod testing;
mod workflows;
