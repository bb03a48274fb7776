//! Scripted partners against a real gateway, each story on SQLite and on PostgreSQL.
//!
//! One file per capability, under the capability's name; dangers (races, replays, malformed input) have files of their own.

#![expect(clippy::expect_used, clippy::indexing_slicing, reason = "this crate is tests: a panic is how a test says no")]

mod apps;
mod authorize;
mod bad_money;
mod cashier;
mod circles;
mod clock;
mod comments;
mod consent;
mod content;
mod deliveries;
mod events;
mod following;
mod forms;
mod gates;
mod idempotency;
mod ledger;
mod likes;
mod limits;
mod malformed;
mod mandates;
mod me;
mod memberships;
mod mutations;
mod partners;
mod payments;
mod races;
mod refunds;
mod road;
mod rules;
mod secrecy;
mod signatures;
mod tips;
mod tokens;
mod webhooks;
