//! The server's DPoP nonces: stateless, a code over the current minute that all processes with the gateway's key agree on.

use aws_lc_rs::constant_time::verify_slices_are_equal;
use quanzi_openapi::Time;
use quanzi_openapi::jose::encode_base64url;

use crate::platform::Platform;
use crate::platform::crypto::SigningKey;

/// Length of a bucket.
const BUCKET_SECONDS: i64 = 60;
/// Buckets before the current one whose nonce is still taken, so a nonce lives two to three minutes.
const BUCKETS_BEFORE: i64 = 2;

/// The nonce to hand out now: `DPoP-Nonce`.
pub fn current(platform: &Platform) -> String {
    let now = platform.clock.now();
    of(&platform.keyring.signing(now), bucket(now))
}

/// Whether the nonce was issued by this gateway and is still valid.
pub fn is_valid(platform: &Platform, nonce: &str) -> bool {
    let now = platform.clock.now();
    platform.keyring.keys().signing_any().any(|key| is_of(key, nonce, now))
}

fn is_of(key: &SigningKey, nonce: &str, now: Time) -> bool {
    (0..=BUCKETS_BEFORE)
        .any(|back| verify_slices_are_equal(of(key, bucket(now) - back).as_bytes(), nonce.as_bytes()).is_ok())
}

fn bucket(now: Time) -> i64 {
    now.seconds() / BUCKET_SECONDS
}

fn of(key: &SigningKey, bucket: i64) -> String {
    let code = key.mac("dpop-nonce", &bucket.to_be_bytes());
    encode_base64url(code.first_chunk::<16>().unwrap_or(&[0; 16]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_nonce_lives_two_to_three_minutes_and_is_of_one_key() {
        let key = SigningKey::from_seed(&[1; 32]).unwrap();
        let now = Time::from_seconds(1_800_000_000);
        let nonce = of(&key, bucket(now));

        for (later, valid) in [(0, true), (120, true), (179, true), (180, false), (-60, false)] {
            assert_eq!(is_of(&key, &nonce, now.plus_seconds(later)), valid, "{later}");
        }
        assert!(!is_of(&SigningKey::from_seed(&[2; 32]).unwrap(), &nonce, now));
        assert!(!is_of(&key, "", now) && !is_of(&key, &nonce[..20], now));
    }
}
