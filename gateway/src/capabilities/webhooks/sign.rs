//! Body and signatures of a delivery: Standard Webhooks, `v1` with the endpoint's secrets and `v1a` with the gateway's key.
//!
//! The gateway's key signs other things too, and none can be mistaken for another: a token is two base64url parts, a
//! signature base starts with a quote, and this text starts with `evt_` and contains JSON.

use std::sync::Arc;

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use quanzi_openapi::Time;

use crate::platform::crypto::SigningKey;
use crate::platform::outbox::Stored;

/// An endpoint's secrets: one, or two while a rotation overlaps. A pump may have them for longer than that.
pub struct Secrets {
    current: hmac::Key,
    previous: Option<(hmac::Key, Time)>,
}

impl Secrets {
    /// One that signs for good.
    pub fn new(secret: &[u8]) -> Self {
        Self { current: key(secret), previous: None }
    }

    /// And the one before, which signs until this time.
    pub fn and_until(self, secret: &[u8], until: Time) -> Self {
        Self { previous: Some((key(secret), until)), ..self }
    }

    /// Those that sign now, the newest first.
    fn at(&self, now: Time) -> impl Iterator<Item = &hmac::Key> {
        let previous = self.previous.as_ref().filter(|(_, until)| *until > now).map(|(key, _)| key);
        std::iter::once(&self.current).chain(previous)
    }
}

fn key(secret: &[u8]) -> hmac::Key {
    hmac::Key::new(hmac::HMAC_SHA256, secret)
}

/// The event as a partner reads it in the log, with its data byte for byte as it was written.
pub fn body(event: &Stored) -> Bytes {
    // Ids, types and times need no escaping; `data` is JSON already.
    let Stored { seq, id, kind, object, object_version, created_at, data } = event;
    Bytes::from(format!(
        "{{\"id\":\"{id}\",\"seq\":{seq},\"type\":\"{kind}\",\"object\":\"{object}\",\"object_version\":{object_version},\
         \"created_at\":\"{created_at}\",\"data\":{data}}}"
    ))
}

/// The value of `webhook-signature`: with each secret that signs now, and with each of the gateway's keys, of which there are several after a
/// rotation.
pub fn signatures<'k>(
    secrets: &Secrets,
    now: Time,
    keys: impl IntoIterator<Item = &'k Arc<SigningKey>>,
    id: &str,
    timestamp: i64,
    body: &[u8],
) -> String {
    let mut content = format!("{id}.{timestamp}.").into_bytes();
    content.extend_from_slice(body);
    let mut text = String::with_capacity(200);
    for secret in secrets.at(now) {
        text.push_str("v1,");
        STANDARD.encode_string(hmac::sign(secret, &content), &mut text);
        text.push(' ');
    }
    for key in keys {
        text.push_str("v1a,");
        STANDARD.encode_string(key.sign(&content), &mut text);
        text.push(' ');
    }
    text.truncate(text.trim_end().len());
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of the Standard Webhooks documentation and its libraries' tests.
    #[test]
    fn the_hmac_is_the_one_of_the_standard() {
        let secret = STANDARD.decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap();
        let key = Arc::new(SigningKey::from_seed(&[7; 32]).unwrap());
        let (secrets, now) = (Secrets::new(&secret), Time::from_seconds(1_614_265_330));

        let id = "msg_p5jXN8AQM9LWM0D4loKWxJek";
        let text = signatures(&secrets, now, [&key], id, now.seconds(), br#"{"test": 2432232314}"#);

        assert!(text.starts_with("v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE= v1a,"), "{text}");
    }

    #[test]
    fn the_secret_before_signs_until_its_time_and_no_longer() {
        let until = Time::from_seconds(1_800_000_000);
        let secrets = Secrets::new(b"new").and_until(b"old", until);
        let count = |now| signatures(&secrets, now, [], "evt_1", 1, b"{}").matches("v1,").count();

        assert_eq!(count(until.plus_seconds(-1)), 2);
        assert_eq!(count(until), 1);
        assert_eq!(
            signatures(&secrets, until, [], "evt_1", 1, b"{}"),
            signatures(&Secrets::new(b"new"), until, [], "evt_1", 1, b"{}")
        );
    }
}
