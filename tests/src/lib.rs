//! What the tests stand on: a gateway on either engine, and a partner that signs by hand, so that everything a client
//! could get wrong can be got wrong on purpose. The stories themselves use the SDK.

#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::missing_panics_doc,
    reason = "this crate is tests: a panic is how a test says no"
)]

pub mod browser;
pub mod dice;
pub mod fan;
pub mod money;
pub mod patience;
pub mod postgres;
pub mod process;
pub mod provider;
pub mod raw;
pub mod receiver;
pub mod stage;
