//! The receiving side of webhooks: verifies deliveries and parses their events.
//!
//! ```
//! # fn receive(headers: &std::collections::HashMap<String, String>, body: &[u8]) -> Result<(), Box<dyn std::error::Error>> {
//! use quanzi::webhook::Verifier;
//!
//! let verifier = Verifier::new("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")?;
//! // Any framework: say how a header is read.
//! let event = verifier.verify(|name| headers.get(name).map(String::as_str), body)?;
//! println!("{} {} of {}", event.seq, event.r#type, event.object);
//! # Ok(())
//! # }
//! ```
//!
//! Respond with 2xx within 15 seconds once the event is stored; do anything that takes longer afterwards. An event may
//! arrive twice: its [`id`](Event::id) stays the same. Verify the bytes as they arrived, before anything parses them.

use std::fmt;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
pub use quanzi_openapi::events::{Event, EventType, Subject};
use quanzi_openapi::webhooks::{WEBHOOK_ID, WEBHOOK_SIGNATURE, WEBHOOK_TIMESTAMP};
use ring::hmac;
use ring::signature::{ED25519, UnparsedPublicKey};

use crate::system::System;

/// Default maximum distance of `webhook-timestamp` from this machine's clock.
const TOLERANCE: Duration = Duration::from_mins(5);
/// Allowed lengths of a secret in bytes (Standard Webhooks).
const SECRET_BYTES: std::ops::RangeInclusive<usize> = 24..=64;
/// Maximum number of signatures in a header that are checked; the gateway sends at most three.
const SIGNATURES_MAX: usize = 16;

/// Why a delivery or a key was refused. It never contains secrets or signatures.
#[derive(Debug)]
#[non_exhaustive]
pub enum WebhookError {
    /// A secret is `whsec_` and base64 of 24 to 64 bytes.
    SecretMalformed,
    /// A public key is `whpk_` and base64 of 32 bytes.
    PublicKeyMalformed,
    /// The delivery does not have this header.
    HeaderMissing(&'static str),
    /// `webhook-timestamp` is not a number of seconds.
    TimestampMalformed,
    /// The delivery was signed too long ago: it is old or was replayed, or this machine's clock is wrong.
    TooOld,
    /// The delivery was signed in the future: this machine's clock is wrong.
    FromTheFuture,
    /// No signature matches: the secret is a different one, or the body was altered.
    SignatureMismatch,
    /// The delivery is genuine, but this version cannot parse its event.
    BodyUnreadable(serde_json::Error),
}

impl fmt::Display for WebhookError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::SecretMalformed => f.write_str("expected whsec_ and base64 of 24 to 64 bytes"),
            Self::PublicKeyMalformed => f.write_str("expected whpk_ and base64 of 32 bytes"),
            Self::HeaderMissing(name) => write!(f, "the delivery has no header {name}"),
            Self::TimestampMalformed => write!(f, "{WEBHOOK_TIMESTAMP} is not a number of seconds"),
            Self::TooOld => f.write_str("the delivery was signed too long ago"),
            Self::FromTheFuture => f.write_str("the delivery was signed in the future: is this machine's clock right?"),
            Self::SignatureMismatch => f.write_str("no signature of the delivery matches"),
            Self::BodyUnreadable(_) => f.write_str("the body is not an event"),
        }
    }
}

impl std::error::Error for WebhookError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::BodyUnreadable(error) => Some(error),
            _ => None,
        }
    }
}

/// Verifies deliveries to one endpoint: by its secret, by the gateway's public key, or both.
#[derive(Clone)]
pub struct Verifier {
    secrets: Vec<hmac::Key>,
    public_keys: Vec<[u8; 32]>,
    tolerance: Duration,
}

impl Verifier {
    /// Verifies with the endpoint's secret (`whsec_…`), as shown when the endpoint was created or its secret rotated.
    pub fn new(secret: &str) -> Result<Self, WebhookError> {
        Self { secrets: Vec::new(), public_keys: Vec::new(), tolerance: TOLERANCE }.and_secret(secret)
    }

    /// Verifies with the gateway's public key (`whpk_…`,
    /// [`WebhookEndpoint::public_key`](crate::webhook_endpoints::WebhookEndpoint)), without a secret. This key signs for all
    /// endpoints of a gateway: check that the event's object is yours.
    pub fn of_public_key(key: &str) -> Result<Self, WebhookError> {
        Self { secrets: Vec::new(), public_keys: Vec::new(), tolerance: TOLERANCE }.and_public_key(key)
    }

    /// Also accepts this secret: during a rotation, the old one in addition to the new one.
    pub fn and_secret(mut self, secret: &str) -> Result<Self, WebhookError> {
        let bytes = secret.trim().strip_prefix("whsec_").and_then(|text| STANDARD.decode(text).ok());
        let bytes = bytes.filter(|bytes| SECRET_BYTES.contains(&bytes.len())).ok_or(WebhookError::SecretMalformed)?;
        self.secrets.push(hmac::Key::new(hmac::HMAC_SHA256, &bytes));
        Ok(self)
    }

    /// Also accepts this public key.
    pub fn and_public_key(mut self, key: &str) -> Result<Self, WebhookError> {
        let bytes = key.trim().strip_prefix("whpk_").and_then(|text| STANDARD.decode(text).ok());
        let bytes = bytes.and_then(|bytes| bytes.try_into().ok()).ok_or(WebhookError::PublicKeyMalformed)?;
        self.public_keys.push(bytes);
        Ok(self)
    }

    /// Sets the maximum distance of a delivery's time from this machine's clock; 5 minutes by default.
    #[must_use]
    pub const fn tolerance(mut self, tolerance: Duration) -> Self {
        self.tolerance = tolerance;
        self
    }

    /// The event, if the delivery is genuine and recent. `header` reads a header by its lower-case name.
    pub fn verify<'h>(&self, header: impl Fn(&str) -> Option<&'h str>, body: &[u8]) -> Result<Event, WebhookError> {
        self.verify_at(System::new().now_seconds(), header, body)
    }

    /// The same with a given current time, in Unix seconds: for tests, and for deliveries that were stored.
    pub fn verify_at<'h>(
        &self,
        now_seconds: i64,
        header: impl Fn(&str) -> Option<&'h str>,
        body: &[u8],
    ) -> Result<Event, WebhookError> {
        let need = |name: &'static str| header(name).ok_or(WebhookError::HeaderMissing(name));
        let (id, time, signatures) = (need(WEBHOOK_ID)?, need(WEBHOOK_TIMESTAMP)?, need(WEBHOOK_SIGNATURE)?);
        let seconds: i64 = time.parse().map_err(|_| WebhookError::TimestampMalformed)?;
        let tolerance = i64::try_from(self.tolerance.as_secs()).unwrap_or(i64::MAX);
        if seconds < now_seconds.saturating_sub(tolerance) {
            return Err(WebhookError::TooOld);
        }
        if seconds > now_seconds.saturating_add(tolerance) {
            return Err(WebhookError::FromTheFuture);
        }
        let mut content = format!("{id}.{time}.").into_bytes();
        content.extend_from_slice(body);
        if !signatures.split(' ').take(SIGNATURES_MAX).any(|signature| self.fits(signature, &content)) {
            return Err(WebhookError::SignatureMismatch);
        }
        serde_json::from_slice(body).map_err(WebhookError::BodyUnreadable)
    }

    /// Both comparisons are constant-time.
    fn fits(&self, signature: &str, content: &[u8]) -> bool {
        let Some((version, text)) = signature.split_once(',') else { return false };
        let Ok(bytes) = STANDARD.decode(text) else { return false };
        match version {
            "v1" => self.secrets.iter().any(|secret| hmac::verify(secret, content, &bytes).is_ok()),
            "v1a" => {
                self.public_keys.iter().any(|key| UnparsedPublicKey::new(&ED25519, key).verify(content, &bytes).is_ok())
            }
            _ => false,
        }
    }
}

impl fmt::Debug for Verifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Verifier")
            .field("secrets", &self.secrets.len())
            .field("public_keys", &self.public_keys.len())
            .finish_non_exhaustive()
    }
}

/// Verifies with one secret; see [`Verifier`] for rotation and public keys.
pub fn verify<'h>(secret: &str, header: impl Fn(&str) -> Option<&'h str>, body: &[u8]) -> Result<Event, WebhookError> {
    Verifier::new(secret)?.verify(header, body)
}

#[cfg(test)]
mod tests {
    use super::*;
    use ring::signature::{Ed25519KeyPair, KeyPair as _};

    const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    const OTHER: &str = "whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
    const NOW: i64 = 1_800_000_000;

    fn body() -> Vec<u8> {
        br#"{"id":"evt_01JD8Z6T5M3Q9V0K7W2X4Y6Z8A","seq":7,"type":"circle.opened","object":"cir_01JD8Z6T5M3Q9V0K7W2X4Y6Z8A","object_version":2,"created_at":"2026-11-20T08:30:00Z","data":{"new_field":1}}"#.to_vec()
    }

    fn hmac_of(secret: &str, time: &str, body: &[u8]) -> String {
        let bytes = STANDARD.decode(secret.trim_start_matches("whsec_")).unwrap();
        let content = [format!("evt_1.{time}.").as_bytes(), body].concat();
        format!("v1,{}", STANDARD.encode(hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &bytes), &content)))
    }

    fn verify_with(verifier: &Verifier, time: &str, signature: &str, body: &[u8]) -> Result<Event, WebhookError> {
        let headers = [(WEBHOOK_ID, "evt_1"), (WEBHOOK_TIMESTAMP, time), (WEBHOOK_SIGNATURE, signature)];
        let header = |name: &str| headers.iter().find(|(known, _)| *known == name).map(|(_, value)| *value);
        verifier.verify_at(NOW, header, body)
    }

    #[test]
    fn a_genuine_delivery_is_an_event() {
        let verifier = Verifier::new(SECRET).unwrap();
        let time = NOW.to_string();
        let signature = format!("v2,xx v1a,AAAA {}", hmac_of(SECRET, &time, &body()));

        let event = verify_with(&verifier, &time, &signature, &body()).unwrap();

        assert_eq!((event.seq, event.r#type.known()), (7, Some(&EventType::CircleOpened)));
    }

    #[test]
    fn anything_altered_is_refused() {
        let verifier = Verifier::new(SECRET).unwrap();
        let time = NOW.to_string();
        let good = hmac_of(SECRET, &time, &body());
        let later = (NOW + 1).to_string();
        let longer = [body(), b" ".to_vec()].concat();

        for (time, signature, body) in [
            (time.as_str(), hmac_of(OTHER, &time, &body()), body()),
            (later.as_str(), good.clone(), body()),
            (time.as_str(), good.clone(), longer),
            (time.as_str(), good.replace("v1,", "v1a,"), body()),
            (time.as_str(), good.replace("v1,", ""), body()),
            (time.as_str(), "v1,".to_owned(), body()),
            (time.as_str(), String::new(), body()),
        ] {
            let refused = verify_with(&verifier, time, &signature, &body);
            assert!(matches!(refused, Err(WebhookError::SignatureMismatch)), "{signature}: {refused:?}");
        }
    }

    #[test]
    fn old_deliveries_and_those_from_the_future_are_refused() {
        let verifier = Verifier::new(SECRET).unwrap();
        let at = |seconds: i64| {
            let time = seconds.to_string();
            verify_with(&verifier, &time, &hmac_of(SECRET, &time, &body()), &body())
        };

        assert!(at(NOW - 300).is_ok() && at(NOW + 300).is_ok());
        assert!(matches!(at(NOW - 301), Err(WebhookError::TooOld)));
        assert!(matches!(at(NOW + 301), Err(WebhookError::FromTheFuture)));
        assert!(matches!(at(i64::MIN), Err(WebhookError::TooOld)));
        let refused = verify_with(&verifier, "soon", "v1,AAAA", &body());
        assert!(matches!(refused, Err(WebhookError::TimestampMalformed)));
        let refused = verifier.verify_at(NOW, |_| None, &body());
        assert!(matches!(refused, Err(WebhookError::HeaderMissing(WEBHOOK_ID))));
    }

    #[test]
    fn during_a_rotation_either_secret_will_do() {
        let verifier = Verifier::new(OTHER).unwrap().and_secret(SECRET).unwrap();
        let time = NOW.to_string();

        for secret in [SECRET, OTHER] {
            assert!(verify_with(&verifier, &time, &hmac_of(secret, &time, &body()), &body()).is_ok());
        }
    }

    #[test]
    fn the_public_key_will_do_without_a_secret() {
        let pair = Ed25519KeyPair::from_seed_unchecked(&[7; 32]).unwrap();
        let key = format!("whpk_{}", STANDARD.encode(pair.public_key()));
        let verifier = Verifier::of_public_key(&key).unwrap();
        let time = NOW.to_string();
        let content = [format!("evt_1.{time}.").as_bytes(), &body()].concat();
        let signature = format!("v1a,{}", STANDARD.encode(pair.sign(&content)));

        assert!(verify_with(&verifier, &time, &signature, &body()).is_ok());
        assert!(verify_with(&verifier, &time, &hmac_of(SECRET, &time, &body()), &body()).is_err());
    }

    #[test]
    fn what_is_no_key_is_refused_and_a_key_is_not_printed() {
        for text in ["", "whsec_", "whsec_AAAA", "whsec_!", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"] {
            assert!(matches!(Verifier::new(text), Err(WebhookError::SecretMalformed)), "{text}");
        }
        assert!(matches!(Verifier::of_public_key("whpk_AAAA"), Err(WebhookError::PublicKeyMalformed)));
        assert!(!format!("{:?}", Verifier::new(SECRET).unwrap()).contains("Mf"));
    }
}
