//! The gateway's own keys: what signs answers, tokens and webhooks, and how one follows another.
//!
//! Invariants: processes that start at once on one database end with one key of each purpose; a live gateway stores no private key
//! unsealed; a new key signs only after every process and every cache of the key set can know it; all processes change from one key
//! to the next at the same moment; the private half of a retired key is gone.

mod load;
mod ring;
mod rotate;
mod store;

pub use load::{KeysFault, load_or_create, reload, run};
pub use ring::{Keyring, Keys};
pub use rotate::{Rotated, describe, retire, rotate, sweep};

#[cfg(test)]
mod tests;
