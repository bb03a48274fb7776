//! An app's private key: generated, read, written, and used to sign.
//!
//! Invariant: private numbers leave a [`Key`] only through the methods that say so; its `Debug` output shows the thumbprint.

mod der;
pub(crate) mod pem;
mod read;
#[cfg(feature = "rsa")]
mod rsa;

use std::fmt;
use std::sync::Arc;

use quanzi_openapi::apps::KeyInput;
use quanzi_openapi::jose::{Jwk, JwsAlgorithm, PublicKey, assemble, signing_input};
use quanzi_openapi::signature::Algorithm;
use ring::rand::SecureRandom as _;
use ring::signature::{self as ring_signature, EcdsaKeyPair, Ed25519KeyPair, RsaEncoding};
use serde::Serialize;

use crate::error::{Error, ErrorKind};
use crate::system::random;

/// A private key of an app: signs requests, client assertions and DPoP proofs.
///
/// Cloning is cheap. Register its public half ([`Key::public_jwk`]) with the platform; store [`Key::to_pem`] where only your
/// server can read it.
#[derive(Clone)]
pub struct Key {
    material: Arc<Material>,
    public: Arc<Jwk>,
    thumbprint: Arc<str>,
    algorithm: Algorithm,
}

enum Material {
    Ed25519 { seed: [u8; 32], pair: Box<Ed25519KeyPair> },
    P256 { secret: [u8; 32], pair: Box<EcdsaKeyPair> },
    Rsa { numbers: RsaNumbers, pair: RsaPair },
}

enum RsaPair {
    Ring(Box<ring::rsa::KeyPair>),
    #[cfg(feature = "rsa")]
    PureRust(Box<::rsa::PrivateKey>),
}

/// The numbers of an RSA key (RFC 8017, A.1.2), big-endian without leading zeros.
#[derive(Clone)]
struct RsaNumbers {
    n: Vec<u8>,
    e: Vec<u8>,
    d: Vec<u8>,
    p: Vec<u8>,
    q: Vec<u8>,
    dp: Vec<u8>,
    dq: Vec<u8>,
    qi: Vec<u8>,
}

impl Key {
    /// Generates an Ed25519 key: the default, small and fast.
    pub fn generate() -> Result<Self, Error> {
        let mut seed = [0; 32];
        random().fill(&mut seed).map_err(|_| unusable("the system provides no randomness"))?;
        Self::ed25519(seed)
    }

    /// Reads a private key in PEM: PKCS#8 (Ed25519, P-256, RSA), PKCS#1 (RSA) or SEC 1 (P-256), unencrypted.
    pub fn from_pem(text: &str) -> Result<Self, Error> {
        read::from_pem(text)
    }

    /// Reads a private JWK (RFC 7517): `OKP` with Ed25519, `EC` with P-256, or `RSA`.
    pub fn from_jwk(json: &str) -> Result<Self, Error> {
        read::from_jwk(json)
    }

    /// The private key in PEM (PKCS#8). Its holder can act as your app.
    pub fn to_pem(&self) -> String {
        pem::write("PRIVATE KEY", &self.pkcs8())
    }

    /// The private RSA key in PEM as PKCS#1, for tools that support nothing else; `None` for other keys.
    pub fn to_pkcs1_pem(&self) -> Option<String> {
        match &*self.material {
            Material::Rsa { numbers, .. } => Some(pem::write("RSA PRIVATE KEY", &numbers.pkcs1())),
            _ => None,
        }
    }

    /// The public half as a JWK.
    pub fn public_jwk(&self) -> &Jwk {
        &self.public
    }

    /// The public half in PEM (SPKI).
    pub fn public_pem(&self) -> String {
        pem::write("PUBLIC KEY", &read::spki(&self.public.key))
    }

    /// The public half, for [`NewApp`](crate::apps::NewApp) and [`NewAppKey`](crate::apps::NewAppKey).
    pub fn public(&self) -> KeyInput {
        match serde_json::to_value(&*self.public) {
            Ok(serde_json::Value::Object(members)) => KeyInput::Jwk(members),
            // A JWK is always written as an object.
            _ => KeyInput::Text(self.public_pem()),
        }
    }

    /// The RFC 7638 thumbprint: the key's `kid`.
    pub fn thumbprint(&self) -> &str {
        &self.thumbprint
    }

    /// The algorithm that requests are signed with.
    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// The same key, signing requests with this algorithm: for an RSA key registered for `rsa-v1_5-sha256`.
    pub fn with_algorithm(mut self, algorithm: Algorithm) -> Result<Self, Error> {
        let fits = match &*self.material {
            Material::Ed25519 { .. } => algorithm == Algorithm::Ed25519,
            Material::P256 { .. } => algorithm == Algorithm::EcdsaP256Sha256,
            Material::Rsa { .. } => matches!(algorithm, Algorithm::RsaPssSha512 | Algorithm::RsaV15Sha256),
        };
        if !fits {
            return Err(unusable(format!("a key of this type cannot sign with {algorithm}")));
        }
        self.algorithm = algorithm;
        Ok(self)
    }

    /// Signs bytes with this key's algorithm of HTTP signatures (RFC 9421, 3.3).
    pub fn sign(&self, bytes: &[u8]) -> Result<Vec<u8>, Error> {
        match &*self.material {
            Material::Rsa { pair, .. } => pair.sign(RsaPadding::of(self.algorithm), bytes),
            _ => self.sign_curve(bytes),
        }
    }

    /// A compact JWS (RFC 7515) of these claims.
    pub(crate) fn jws(&self, kind: &str, with_jwk: bool, claims: &impl Serialize) -> Result<String, Error> {
        #[derive(Serialize)]
        struct Header<'a> {
            typ: &'a str,
            alg: &'static str,
            #[serde(skip_serializing_if = "Option::is_none")]
            kid: Option<&'a str>,
            #[serde(skip_serializing_if = "Option::is_none")]
            jwk: Option<&'a Jwk>,
        }
        let alg = match &*self.material {
            Material::Ed25519 { .. } => JwsAlgorithm::EdDsa,
            Material::P256 { .. } => JwsAlgorithm::Es256,
            Material::Rsa { .. } => JwsAlgorithm::Ps256,
        };
        let (kid, jwk) = if with_jwk { (None, Some(&*self.public)) } else { (Some(&*self.thumbprint), None) };
        let input = signing_input(&Header { typ: kind, alg: alg.as_str(), kid, jwk }, claims)
            .map_err(|error| unusable("a JWT could not be serialised").with_source(error))?;
        let signature = match &*self.material {
            Material::Rsa { pair, .. } => pair.sign(RsaPadding::PssSha256, input.as_bytes())?,
            _ => self.sign_curve(input.as_bytes())?,
        };
        Ok(assemble(&input, &signature))
    }

    fn sign_curve(&self, bytes: &[u8]) -> Result<Vec<u8>, Error> {
        match &*self.material {
            Material::Ed25519 { pair, .. } => Ok(pair.sign(bytes).as_ref().to_vec()),
            Material::P256 { pair, .. } => {
                let signature = pair.sign(&random(), bytes);
                signature.map(|signature| signature.as_ref().to_vec()).map_err(|_| unusable("the key could not sign"))
            }
            Material::Rsa { .. } => Err(unusable("an RSA key signs with a padding")),
        }
    }

    fn ed25519(seed: [u8; 32]) -> Result<Self, Error> {
        use ring_signature::KeyPair as _;
        let pair = Ed25519KeyPair::from_seed_unchecked(&seed).map_err(rejected)?;
        let x = pair.public_key().as_ref().try_into().map_err(|_| unusable("an Ed25519 key has 32 bytes"))?;
        let material = Material::Ed25519 { seed, pair: Box::new(pair) };
        Ok(Self::new(material, PublicKey::Ed25519(x), Algorithm::Ed25519))
    }

    /// `point`: the public key, uncompressed; the crypto library checks that it belongs to the secret.
    fn p256(secret: &[u8], point: &[u8]) -> Result<Self, Error> {
        let wrong = || unusable("a P-256 key has a secret of 32 bytes and an uncompressed public point of 65");
        let algorithm = &ring_signature::ECDSA_P256_SHA256_FIXED_SIGNING;
        let pair = EcdsaKeyPair::from_private_key_and_public_key(algorithm, secret, point, &random());
        let (x, y) = point.strip_prefix(&[4]).and_then(|rest| rest.split_at_checked(32)).ok_or_else(wrong)?;
        let public = PublicKey::P256 { x: x.try_into().map_err(|_| wrong())?, y: y.try_into().map_err(|_| wrong())? };
        let secret = secret.try_into().map_err(|_| wrong())?;
        let material = Material::P256 { secret, pair: Box::new(pair.map_err(rejected)?) };
        Ok(Self::new(material, public, Algorithm::EcdsaP256Sha256))
    }

    fn rsa(numbers: RsaNumbers) -> Result<Self, Error> {
        let public = PublicKey::Rsa { n: numbers.n.clone(), e: numbers.e.clone() };
        let pair = numbers.pair()?;
        Ok(Self::new(Material::Rsa { numbers, pair }, public, Algorithm::RsaPssSha512))
    }

    fn new(material: Material, public: PublicKey, algorithm: Algorithm) -> Self {
        let thumbprint = public.thumbprint().into();
        Self { material: Arc::new(material), public: Arc::new(Jwk::new(public)), thumbprint, algorithm }
    }

    fn pkcs8(&self) -> Vec<u8> {
        use der::{CONTEXT_1, OBJECT_ID, OCTET_STRING, SEQUENCE, element, number};
        let (version, null) = (number(&[0]), [5, 0]);
        let (algorithm, inner) = match &*self.material {
            Material::Ed25519 { seed, .. } => {
                (element(SEQUENCE, &[&element(OBJECT_ID, &[der::ED25519])]), element(OCTET_STRING, &[seed]))
            }
            Material::P256 { secret, .. } => {
                let algorithm = [element(OBJECT_ID, &[der::EC]), element(OBJECT_ID, &[der::P256])].concat();
                let point = self.public.key.sec1().unwrap_or([0; 65]);
                let public = element(CONTEXT_1, &[&element(der::BIT_STRING, &[&[0], &point])]);
                let inner = element(SEQUENCE, &[&number(&[1]), &element(OCTET_STRING, &[secret]), &public]);
                (element(SEQUENCE, &[&algorithm]), inner)
            }
            Material::Rsa { numbers, .. } => {
                (element(SEQUENCE, &[&element(OBJECT_ID, &[der::RSA]), &null]), numbers.pkcs1())
            }
        };
        element(SEQUENCE, &[&version, &algorithm, &element(OCTET_STRING, &[&inner])])
    }
}

/// How an RSA signature is padded.
#[derive(Clone, Copy)]
enum RsaPadding {
    PssSha512,
    PssSha256,
    V15Sha256,
}

impl RsaPadding {
    fn of(algorithm: Algorithm) -> Self {
        if algorithm == Algorithm::RsaV15Sha256 { Self::V15Sha256 } else { Self::PssSha512 }
    }
}

impl RsaPair {
    fn sign(&self, padding: RsaPadding, bytes: &[u8]) -> Result<Vec<u8>, Error> {
        match self {
            Self::Ring(pair) => {
                // ring's PSS salt is as long as the digest: 64 and 32 bytes, as RFC 9421 and RFC 7518 want it.
                let encoding: &'static dyn RsaEncoding = match padding {
                    RsaPadding::PssSha512 => &ring_signature::RSA_PSS_SHA512,
                    RsaPadding::PssSha256 => &ring_signature::RSA_PSS_SHA256,
                    RsaPadding::V15Sha256 => &ring_signature::RSA_PKCS1_SHA256,
                };
                let mut signature = vec![0; pair.public().modulus_len()];
                let signed = pair.sign(encoding, &random(), bytes, &mut signature);
                signed
                    .map(|()| signature)
                    .map_err(|_| unusable("the RSA key could not sign: its numbers are inconsistent"))
            }
            #[cfg(feature = "rsa")]
            Self::PureRust(pair) => rsa::sign(pair, padding, bytes),
        }
    }
}

impl RsaNumbers {
    fn pair(&self) -> Result<RsaPair, Error> {
        match ring::rsa::KeyPair::from_der(&self.pkcs1()) {
            Ok(pair) => Ok(RsaPair::Ring(Box::new(pair))),
            // More than 4096 bits, or primes of different lengths: rare, and slow, but good keys.
            #[cfg(feature = "rsa")]
            Err(_) => Ok(RsaPair::PureRust(Box::new(self.pure_rust()?))),
            #[cfg(not(feature = "rsa"))]
            Err(error) => {
                Err(unusable(format!("the RSA key was rejected: {error}; the feature `rsa` supports more RSA keys")))
            }
        }
    }

    /// The eight numbers in the order of PKCS#1.
    fn read(reader: &mut der::Reader<'_>) -> Option<Self> {
        let mut next = || reader.number();
        Some(Self { n: next()?, e: next()?, d: next()?, p: next()?, q: next()?, dp: next()?, dq: next()?, qi: next()? })
    }

    fn pkcs1(&self) -> Vec<u8> {
        let parts = [&self.n, &self.e, &self.d, &self.p, &self.q, &self.dp, &self.dq, &self.qi];
        let numbers: Vec<u8> = parts.into_iter().flat_map(|part| der::number(part)).collect();
        der::element(der::SEQUENCE, &[&der::number(&[0]), &numbers])
    }
}

/// Shows only public information.
impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Key")
            .field("algorithm", &self.algorithm)
            .field("thumbprint", &self.thumbprint)
            .finish_non_exhaustive()
    }
}

fn unusable(message: impl Into<String>) -> Error {
    Error::new(ErrorKind::Key, message)
}

fn rejected(reason: ring::error::KeyRejected) -> Error {
    unusable(format!("the key was rejected: {reason}"))
}
