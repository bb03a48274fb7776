//! The Quanzi gateway: the server that keeps the contract of `quanzi-openapi`.

pub mod app;
pub mod apps;
mod cashier;
pub mod circles;
pub mod clock;
pub mod command;
pub mod config;
mod consent;
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
pub mod logs;
mod mandates;
mod me;
pub mod memberships;
pub mod metrics;
pub mod oauth;
pub mod operations;
mod pages;
pub mod partners;
mod payments;
pub mod sandbox;
#[cfg(test)]
mod scene;
mod sessions;
mod sign_in;
pub mod start;
pub mod stopping;
#[cfg(test)]
mod testing;
mod tips;
mod tls;
mod wallets;
pub mod webhooks;
mod window;
