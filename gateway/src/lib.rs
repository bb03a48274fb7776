//! The Quanzi gateway: the server that keeps the contract of `quanzi-openapi`.

pub mod app;
pub mod apps;
mod cashier;
pub mod circles;
pub mod clock;
pub mod command;
pub mod comments;
pub mod config;
pub mod content;
pub mod crypto;
pub mod db;
pub mod docs;
pub mod events;
mod exposure;
pub mod fans;
pub mod fault;
pub mod gates;
mod grants;
pub mod housekeeping;
pub mod http;
pub mod jobs;
pub mod ledger;
mod likes;
pub mod logs;
mod mandates;
mod me;
pub mod memberships;
pub mod metrics;
pub mod oauth;
pub mod operations;
pub mod partners;
mod payments;
mod rights;
pub mod sandbox;
#[cfg(test)]
mod scene;
pub mod start;
pub mod stopping;
#[cfg(test)]
mod testing;
mod tips;
mod tls;
mod wallets;
pub mod webhooks;
mod window;
