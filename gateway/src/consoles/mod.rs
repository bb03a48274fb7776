//! Web sites that the gateway serves.

pub mod docs;
