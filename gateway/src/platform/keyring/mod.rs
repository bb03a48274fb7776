//! The gateway's own keys, which sign responses, tokens and webhooks, and their rotation.
//!
//! Invariants: processes that start at the same time on one database end up with one key for each purpose; a live gateway
//! stores no private key unsealed; a new key signs only after every process and every cache of the key set can know it; all
//! processes switch from one key to the next at the same moment; the private half of a retired key is deleted.

mod load;
mod refresh;
mod ring;
mod rotate;
mod store;

pub use load::{KeysFault, load_or_create};
pub use refresh::{reload, run};
pub use ring::{Keyring, Keys};
pub use rotate::{Rotated, describe, retire, rotate, sweep};

#[cfg(test)]
mod tests;
