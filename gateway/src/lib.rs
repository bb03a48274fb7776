//! The Quanzi gateway: the server that keeps the contract of `quanzi-openapi`.
//!
//! The layers, each of which imports only from those after it: [`app`] puts everything together; `workflows` and
//! [`sandbox`] are use-cases over several capabilities; [`capabilities`] hold one noun each; [`edge`] is what every request goes
//! through; [`access`] knows who calls; [`platform`] knows no capability.

pub mod access;
pub mod app;
pub mod capabilities;
pub mod edge;
pub mod platform;
pub mod sandbox;
#[cfg(test)]
mod testing;
mod workflows;
