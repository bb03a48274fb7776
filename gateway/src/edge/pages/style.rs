//! The one stylesheet. Invariant: its address changes with its text.

use sha2::{Digest as _, Sha256};

/// The look of the pages.
pub(super) const CSS: &str = include_str!("../../../assets/pages/pages.css");

/// Shortened SHA-256 in hexadecimal: it identifies a version of our own file, it protects nothing.
fn fingerprint(bytes: &[u8]) -> String {
    let digest = Sha256::digest(bytes);
    let first = digest.first_chunk::<8>().copied().unwrap_or_default();
    format!("{:016x}", u64::from_be_bytes(first))
}

/// Where the stylesheet is: under its fingerprint, so that it can be kept for ever.
#[derive(Debug, Clone)]
pub struct Style {
    pub(super) path: String,
}

impl Style {
    /// Of this gateway.
    pub fn new() -> Self {
        Self { path: format!("/pages/{}/pages.css", fingerprint(CSS.as_bytes())) }
    }
}
