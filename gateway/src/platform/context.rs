//! What a use-case that moves money needs beside its connection.

use quanzi_openapi::Time;
use quanzi_openapi::id::PartnerId;

use super::state::Platform;

/// For whom something is done, when, and on what.
#[derive(Clone, Copy)]
pub struct Context<'a> {
    /// The gateway's platform.
    pub platform: &'a Platform,
    /// The partner.
    pub partner: PartnerId,
    /// The time of the call.
    pub now: Time,
}
