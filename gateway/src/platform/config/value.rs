//! Parses the text of a setting. Invariant: an accepted value needs no further check.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ipnet::IpNet;
use secrecy::{ExposeSecret, SecretBox, SecretString};
use url::Url;

use super::mode::{LogFormat, Mode};

/// A key that seals the gateway's private keys.
pub struct SealingKey(SecretBox<[u8; 32]>);

impl SealingKey {
    /// Its bytes.
    pub fn bytes(&self) -> &[u8; 32] {
        self.0.expose_secret()
    }
}

impl Clone for SealingKey {
    fn clone(&self) -> Self {
        Self(SecretBox::new(Box::new(*self.bytes())))
    }
}

impl std::fmt::Debug for SealingKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SealingKey(hidden)")
    }
}

/// A type of setting: `None` when the text is none of it. What is expected stands in the setting's `takes`.
pub(super) trait Read: Sized {
    fn read(text: &str) -> Option<Self>;
}

impl Read for String {
    fn read(text: &str) -> Option<Self> {
        Some(text.to_owned())
    }
}

impl Read for bool {
    fn read(text: &str) -> Option<Self> {
        text.parse().ok()
    }
}

impl Read for u64 {
    fn read(text: &str) -> Option<Self> {
        text.parse().ok()
    }
}

impl Read for SocketAddr {
    fn read(text: &str) -> Option<Self> {
        text.parse().ok()
    }
}

impl Read for PathBuf {
    fn read(text: &str) -> Option<Self> {
        (!text.is_empty()).then(|| Self::from(text))
    }
}

impl Read for Mode {
    fn read(text: &str) -> Option<Self> {
        match text {
            "sandbox" => Some(Self::Sandbox),
            "live" => Some(Self::Live),
            _ => None,
        }
    }
}

impl Read for LogFormat {
    fn read(text: &str) -> Option<Self> {
        match text {
            "pretty" => Some(Self::Pretty),
            "json" => Some(Self::Json),
            _ => None,
        }
    }
}

impl Read for IpNet {
    fn read(text: &str) -> Option<Self> {
        // An address alone is the network of that one address.
        text.parse().ok().or_else(|| text.parse::<IpAddr>().ok().map(Self::from))
    }
}

/// An origin: scheme, host, port if it is not the usual one; no path, no slash at the end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Origin(pub String);

impl Read for Origin {
    fn read(text: &str) -> Option<Self> {
        let url = Url::parse(text).ok()?;
        let is_bare = url.path() == "/" && url.query().is_none() && url.fragment().is_none();
        let is_anonymous = url.username().is_empty() && url.password().is_none();
        let is_web = matches!(url.scheme(), "http" | "https") && url.has_host();
        // The normal form, in which a client's own library will sign it too.
        (is_bare && is_anonymous && is_web).then(|| Self(url.origin().ascii_serialization()))
    }
}

impl Origin {
    pub fn is_https(&self) -> bool {
        self.0.starts_with("https://")
    }
}

/// An issuer: compared character for character, so it is kept as it was written.
pub(super) struct Issuer(pub String);

impl Read for Issuer {
    fn read(text: &str) -> Option<Self> {
        let url = Url::parse(text).ok()?;
        let is_bare = url.query().is_none() && url.fragment().is_none() && url.username().is_empty();
        let is_local = url.host_str().is_some_and(|host| matches!(host, "localhost" | "127.0.0.1" | "[::1]"));
        let is_safe = url.scheme() == "https" || (url.scheme() == "http" && is_local);
        (is_bare && is_safe && url.has_host()).then(|| Self(text.to_owned()))
    }
}

impl Read for SecretString {
    fn read(text: &str) -> Option<Self> {
        (!text.is_empty()).then(|| text.into())
    }
}

impl<T: Read> Read for Vec<T> {
    fn read(text: &str) -> Option<Self> {
        text.split(',').map(str::trim).filter(|part| !part.is_empty()).map(T::read).collect()
    }
}

/// The address of a database.
pub(super) struct DatabaseUrl(pub SecretString);

impl Read for DatabaseUrl {
    fn read(text: &str) -> Option<Self> {
        let is_file = text.strip_prefix("sqlite:").is_some_and(|path| !path.is_empty());
        let is_server = is_postgres(text) && Url::parse(text).is_ok_and(|url| url.has_host());
        (is_file || is_server).then(|| Self(text.into()))
    }
}

/// The address of a replica.
pub(super) struct ReplicaUrl(pub SecretString);

impl Read for ReplicaUrl {
    fn read(text: &str) -> Option<Self> {
        (is_postgres(text) && Url::parse(text).is_ok_and(|url| url.has_host())).then(|| Self(text.into()))
    }
}

pub(super) fn is_postgres(url: &str) -> bool {
    url.starts_with("postgres://") || url.starts_with("postgresql://")
}

impl Read for SealingKey {
    fn read(text: &str) -> Option<Self> {
        let bytes: [u8; 32] = STANDARD.decode(text.trim()).ok()?.try_into().ok()?;
        Some(Self(SecretBox::new(Box::new(bytes))))
    }
}

/// The address of a database without its password and options (which may hold one too).
pub fn without_password(url: &str) -> String {
    if !is_postgres(url) {
        return url.to_owned();
    }
    let Ok(mut url) = Url::parse(url) else { return "hidden".to_owned() };
    // Both fail only for addresses without a host.
    if url.password().is_some() && url.set_password(Some("hidden")).is_err() {
        return "hidden".to_owned();
    }
    url.set_query(None);
    url.to_string()
}
