//! One folder for each noun of the contract.
//!
//! A capability calls another only through its `service`, never its `store`.

pub mod apps;
pub(crate) mod cashier;
pub mod circles;
pub mod comments;
pub mod content;
pub mod events;
pub mod fans;
pub mod gates;
pub(crate) mod grants;
pub(crate) mod ledger;
pub(crate) mod likes;
pub(crate) mod mandates;
pub mod memberships;
pub mod operations;
pub mod partners;
pub(crate) mod payments;
pub(crate) mod rights;
pub(crate) mod sign_in;
pub(crate) mod tips;
pub(crate) mod wallets;
pub mod webhooks;
