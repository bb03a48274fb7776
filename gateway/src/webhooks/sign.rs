//! What is posted and how it is signed: Standard Webhooks, `v1` with the endpoint's secrets and `v1a` with the gateway's key.
//!
//! The gateway's key signs other things too, and none can be taken for another: a token is two base64url parts, a signature base
//! begins with a quote, and this begins with `evt_` and holds JSON.

use std::sync::Arc;

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;

use super::queue::Stored;
use crate::crypto::SigningKey;

/// An endpoint's secrets, the newest first: one, or two while a rotation overlaps.
pub struct Secrets(Vec<hmac::Key>);

impl Secrets {
    /// From their bytes.
    pub fn new<'s>(secrets: impl IntoIterator<Item = &'s [u8]>) -> Self {
        Self(secrets.into_iter().map(|secret| hmac::Key::new(hmac::HMAC_SHA256, secret)).collect())
    }
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

/// The value of `webhook-signature`: with each secret, and with each of the gateway's keys, of which there are several after a
/// rotation.
pub fn signatures<'k>(
    secrets: &Secrets,
    keys: impl IntoIterator<Item = &'k Arc<SigningKey>>,
    id: &str,
    timestamp: i64,
    body: &[u8],
) -> String {
    let mut content = format!("{id}.{timestamp}.").into_bytes();
    content.extend_from_slice(body);
    let mut text = String::with_capacity(200);
    for secret in &secrets.0 {
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
        let secrets = Secrets::new([secret.as_slice()]);

        let text =
            signatures(&secrets, [&key], "msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, br#"{"test": 2432232314}"#);

        assert!(text.starts_with("v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE= v1a,"), "{text}");
    }
}
