//! Scripted partners against a real gateway, each story on SQLite and on PostgreSQL.
//!
//! One file per capability, under the capability's name; dangers (races, replays, malformed input) have files of their own.

mod idempotency;
mod limits;
mod malformed;
mod mutations;
mod signatures;
mod tokens;
