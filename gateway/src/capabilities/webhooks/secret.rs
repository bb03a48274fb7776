//! Secrets of endpoints. Invariant: with a sealing key none is stored unsealed, and none is ever logged.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use quanzi_openapi::id::WebhookEndpointId;
use quanzi_openapi::webhooks::WebhookSecret;
use secrecy::zeroize::Zeroizing;

use crate::platform::Platform;
use crate::platform::crypto::{self, SealError};
use crate::platform::fault::Fault;

const CLEAR: u8 = 0;
const SEALED: u8 = 1;

/// A new secret: as it is stored, and as it is shown once.
pub fn make(platform: &Platform, endpoint: WebhookEndpointId) -> Result<(Vec<u8>, WebhookSecret), Fault> {
    let secret = Zeroizing::new(platform.clock.random::<32>());
    let mut stored = Vec::new();
    if let Some(sealing) = platform.config.sealing_key.as_ref() {
        stored.push(SEALED);
        let sealed = crypto::seal(&platform.clock, sealing.bytes(), &endpoint.to_string(), secret.as_slice());
        stored.extend(sealed.map_err(Fault::internal)?);
    } else {
        stored.push(CLEAR);
        stored.extend_from_slice(secret.as_slice());
    }
    Ok((stored, WebhookSecret::new(format!("whsec_{}", STANDARD.encode(secret.as_slice())))))
}

/// Opens what [`make`] stored.
pub fn open(platform: &Platform, endpoint: WebhookEndpointId, stored: &[u8]) -> Result<Zeroizing<Vec<u8>>, SealError> {
    match stored.split_first() {
        Some((&CLEAR, secret)) => Ok(Zeroizing::new(secret.to_vec())),
        Some((&SEALED, sealed)) => {
            let sealing = platform.config.sealing_key.as_ref().ok_or(SealError)?;
            crypto::open(sealing.bytes(), &endpoint.to_string(), sealed)
        }
        _ => Err(SealError),
    }
}

/// The gateway's public key in the form of Standard Webhooks.
pub fn public_key(platform: &Platform) -> String {
    match platform.signing_key().public() {
        quanzi_openapi::jose::PublicKey::Ed25519(key) => format!("whpk_{}", STANDARD.encode(key)),
        _ => String::new(),
    }
}
