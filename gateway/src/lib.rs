//! The Quanzi gateway: the server that keeps the contract of `quanzi-openapi`.

pub mod app;
pub mod apps;
pub mod circles;
pub mod clock;
pub mod config;
pub mod content;
pub mod crypto;
pub mod db;
pub mod fans;
pub mod fault;
pub mod gates;
pub mod http;
pub mod memberships;
pub mod metrics;
pub mod oauth;
pub mod operations;
pub mod partners;
pub mod sandbox;
