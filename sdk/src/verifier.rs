//! Verifies that a response is the gateway's response to this request: signature, digest, binding, key.
//!
//! Invariant: only keys from the `jwks_uri` of the configured gateway are used. Freshness comes from the binding and not
//! from a clock: the response covers our signature, which covers a nonce that was never used before.

use std::sync::{Arc, RwLock};
use std::time::Duration;

use quanzi_openapi::jose::{Jwk, PublicKey};
use quanzi_openapi::oauth::JwkSet;
use quanzi_openapi::signature::{
    Algorithm, CONTENT_DIGEST, ContentDigest, Message, RESPONSE_TAG, ResponseShape, Signature, SignatureError,
    Signatures, base, examine_response,
};
use ring::signature::{self as ring_signature, RsaPublicKeyComponents, UnparsedPublicKey};

use crate::client::Client;
use crate::error::{Error, ErrorKind};
use crate::reply::RawReply;
use crate::signer::PreparedRequest;

/// Minimum time between two requests for the key set because of an unknown key.
const REFETCH_AFTER: Duration = Duration::from_mins(1);
/// A key set of this age is requested again, so that a key the gateway has withdrawn is forgotten.
const STALE_AFTER: Duration = Duration::from_hours(1);

/// The gateway's keys, as last read.
#[derive(Default)]
pub(crate) struct GatewayKeys {
    set: RwLock<Option<Arc<KeySet>>>,
    /// One caller reads at a time; the others use the result.
    reading: tokio::sync::Mutex<()>,
}

struct KeySet {
    keys: Vec<Jwk>,
    read_at: Duration,
}

impl GatewayKeys {
    /// Gets the keys unless they are known. Called before the first signed call, so that no call takes effect whose response
    /// could then not be verified.
    pub(crate) async fn prepare(&self, client: &Client) -> Result<(), Error> {
        let fresh = |set: &KeySet| client.system().uptime().saturating_sub(set.read_at) < STALE_AFTER;
        let known = self.known();
        if known.as_deref().is_some_and(fresh) {
            return Ok(());
        }
        match (self.read(client, known.as_ref()).await, known) {
            (Ok(_), _) => Ok(()),
            // Better the keys of an hour ago than none.
            (Err(error), Some(_)) => {
                tracing::debug!(%error, "the gateway's keys could not be refreshed");
                Ok(())
            }
            (Err(error), None) => Err(error),
        }
    }

    pub(crate) async fn find(&self, client: &Client, kid: &str) -> Result<Option<Jwk>, Error> {
        let known = self.known();
        if let Some(key) = known.as_deref().and_then(|set| set.find(kid)) {
            return Ok(Some(key));
        }
        let recent = |set: &KeySet| client.system().uptime().saturating_sub(set.read_at) < REFETCH_AFTER;
        if known.as_deref().is_some_and(recent) {
            return Ok(None);
        }
        Ok(self.read(client, known.as_ref()).await?.find(kid))
    }

    /// `seen` is the set the caller found insufficient: if it has already been replaced, the new one is used.
    async fn read(&self, client: &Client, seen: Option<&Arc<KeySet>>) -> Result<Arc<KeySet>, Error> {
        let _reading = self.reading.lock().await;
        if let Some(set) = self.known().filter(|set| seen.is_none_or(|seen| !Arc::ptr_eq(seen, set))) {
            return Ok(set);
        }
        let discovery = client.discovery().await?;
        let set = client.read_public::<JwkSet>(&discovery.jwks_uri).await?;
        // A key of a kind this version does not know costs only that key.
        let keys = set.keys.iter().filter_map(|key| key.known().cloned()).collect();
        let set = Arc::new(KeySet { keys, read_at: client.system().uptime() });
        *self.set.write().unwrap_or_else(std::sync::PoisonError::into_inner) = Some(Arc::clone(&set));
        Ok(set)
    }

    fn known(&self) -> Option<Arc<KeySet>> {
        self.set.read().unwrap_or_else(std::sync::PoisonError::into_inner).clone()
    }
}

impl KeySet {
    fn find(&self, kid: &str) -> Option<Jwk> {
        self.keys.iter().find(|key| key.kid.as_deref() == Some(kid) || key.thumbprint() == kid).cloned()
    }
}

/// Whether the response has any signature header.
pub(crate) fn is_signed(reply: &RawReply) -> bool {
    use quanzi_openapi::signature::{SIGNATURE, SIGNATURE_INPUT};
    reply.header(SIGNATURE).is_some() || reply.header(SIGNATURE_INPUT).is_some()
}

/// Verifies the response, or says what is wrong with it.
pub(crate) async fn verify(client: &Client, request: &PreparedRequest, reply: &RawReply) -> Result<(), Error> {
    let doubt = |error: &SignatureError| not_verified(&error.to_string(), reply);
    let signature = with_message(request, reply, |message, shape| {
        // See the invariant above: the signer's own time stands in for ours, which may be the very thing that is wrong.
        let created = Signatures::read(message)?.choose(RESPONSE_TAG)?.created.unwrap_or_default();
        examine_response(message, shape, created)
    });
    let signature = signature.map_err(|error| doubt(&error))?;
    let kid = signature.keyid.as_deref().unwrap_or_default();
    let Some(key) = client.gateway_keys().find(client, kid).await? else {
        return Err(not_verified("it is signed with a key the gateway does not publish", reply));
    };
    with_message(request, reply, |message, _| check(message, &signature, &key, &reply.body))
        .map_err(|error| doubt(&error))
}

fn check(message: &Message<'_>, signature: &Signature, key: &Jwk, body: &[u8]) -> Result<(), SignatureError> {
    signature.check_algorithm(algorithm(&key.key))?;
    let base = base(message, signature)?;
    if !fits(&key.key, base.as_bytes(), &signature.bytes) {
        return Err(SignatureError::Mismatch);
    }
    ContentDigest::check_message(message.header(CONTENT_DIGEST).next(), body)
}

fn with_message<T>(
    request: &PreparedRequest,
    reply: &RawReply,
    with: impl FnOnce(&Message<'_>, &ResponseShape) -> Result<T, SignatureError>,
) -> Result<T, SignatureError> {
    let asked = request.lines();
    let question = Message::request(request.method.as_str(), &request.target, &asked)?;
    let lines: Vec<(&str, &[u8])> = reply.headers().collect();
    let message = Message::response(reply.status, &lines, Some(&question));
    with(&message, &ResponseShape::of(&message, !reply.body.is_empty()))
}

fn algorithm(key: &PublicKey) -> Algorithm {
    match key {
        PublicKey::P256 { .. } => Algorithm::EcdsaP256Sha256,
        PublicKey::Rsa { .. } => Algorithm::RsaPssSha512,
        _ => Algorithm::Ed25519,
    }
}

/// Whether this key made this signature over these bytes.
pub(crate) fn fits(key: &PublicKey, bytes: &[u8], signature: &[u8]) -> bool {
    let verified = match key {
        PublicKey::Ed25519(x) => UnparsedPublicKey::new(&ring_signature::ED25519, x).verify(bytes, signature),
        PublicKey::P256 { .. } => {
            let point = key.sec1().unwrap_or([0; 65]);
            UnparsedPublicKey::new(&ring_signature::ECDSA_P256_SHA256_FIXED, point).verify(bytes, signature)
        }
        PublicKey::Rsa { n, e } => {
            RsaPublicKeyComponents { n, e }.verify(&ring_signature::RSA_PSS_2048_8192_SHA512, bytes, signature)
        }
        _ => return false,
    };
    verified.is_ok()
}

/// The response cannot be trusted; its content is only shown as an excerpt.
pub(crate) fn not_verified(reason: &str, reply: &RawReply) -> Error {
    let message = format!("the response cannot be verified as the gateway's: {reason}");
    Error::unexpected(ErrorKind::ResponseNotVerified, &message, reply.status, &reply.body)
        .with_request_id(reply.request_id())
}
