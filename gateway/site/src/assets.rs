//! Stylesheet, script and icon: written for these pages, embedded, and addressed by content so that they can be cached
//! forever.

use crate::fingerprint::fingerprint;

const CSS: &str = include_str!("../assets/docs.css");
const JS: &str = include_str!("../assets/docs.js");
/// The icon; it also stands at `/favicon.svg`.
pub const ICON: &str = include_str!("../assets/quanzi.svg");

/// One embedded file.
pub struct Asset {
    /// Address, with the fingerprint of the content.
    pub path: String,
    /// Media type.
    pub media_type: &'static str,
    /// Content.
    pub text: &'static str,
}

/// The files every page refers to.
pub struct Assets {
    /// Stylesheet.
    pub css: Asset,
    /// Copy buttons and the filter of long lists; pages work without.
    pub js: Asset,
}

impl Assets {
    /// The files with their addresses.
    pub fn new() -> Self {
        let asset = |name: &str, media_type, text: &'static str| Asset {
            path: format!("/docs/assets/{}/{name}", fingerprint(text.as_bytes())),
            media_type,
            text,
        };
        Self {
            css: asset("docs.css", "text/css; charset=utf-8", CSS),
            js: asset("docs.js", "text/javascript; charset=utf-8", JS),
        }
    }
}
