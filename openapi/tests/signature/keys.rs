//! Signing and verifying with aws-lc-rs, as the gateway does; keys come as JWK.

use std::collections::BTreeMap;

use aws_lc_rs::{
    rand::SystemRandom,
    rsa,
    signature::{self as lc, EcdsaKeyPair, Ed25519KeyPair, RsaPublicKeyComponents, UnparsedPublicKey},
};
use quanzi_openapi::{
    jose::{Jwk, PublicKey, decode_base64url},
    signature::Algorithm,
};

/// A private key as JWK members.
pub type PrivateJwk = BTreeMap<String, String>;

/// The public half, by leaving the private members out.
pub fn public_half(private: &PrivateJwk) -> Jwk {
    let members: BTreeMap<&String, &String> =
        private.iter().filter(|(name, _)| ["kty", "crv", "x", "y", "n", "e"].contains(&name.as_str())).collect();
    serde_json::from_value(serde_json::to_value(members).unwrap()).unwrap()
}

pub fn verifies(algorithm: Algorithm, key: &PublicKey, message: &[u8], signature: &[u8]) -> bool {
    match (algorithm, key) {
        (Algorithm::Ed25519, PublicKey::Ed25519(x)) => {
            UnparsedPublicKey::new(&lc::ED25519, x).verify(message, signature).is_ok()
        }
        (Algorithm::EcdsaP256Sha256, PublicKey::P256 { .. }) => {
            UnparsedPublicKey::new(&lc::ECDSA_P256_SHA256_FIXED, key.sec1().unwrap()).verify(message, signature).is_ok()
        }
        (Algorithm::RsaPssSha512, PublicKey::Rsa { n, e }) => {
            RsaPublicKeyComponents { n, e }.verify(&lc::RSA_PSS_2048_8192_SHA512, message, signature).is_ok()
        }
        (Algorithm::RsaV15Sha256, PublicKey::Rsa { n, e }) => {
            RsaPublicKeyComponents { n, e }.verify(&lc::RSA_PKCS1_2048_8192_SHA256, message, signature).is_ok()
        }
        _ => false,
    }
}

#[expect(clippy::disallowed_methods, reason = "a test has no App: it asks the system itself")]
pub fn sign(algorithm: Algorithm, key: &PrivateJwk, message: &[u8]) -> Vec<u8> {
    let member = |name: &str| decode_base64url(&key[name]).unwrap();
    let random = SystemRandom::new();
    match algorithm {
        Algorithm::Ed25519 => Ed25519KeyPair::from_seed_and_public_key(&member("d"), &member("x"))
            .unwrap()
            .sign(message)
            .as_ref()
            .to_vec(),
        Algorithm::EcdsaP256Sha256 => {
            let point = public_half(key).key.sec1().unwrap();
            let pair = EcdsaKeyPair::from_private_key_and_public_key(
                &lc::ECDSA_P256_SHA256_FIXED_SIGNING,
                &member("d"),
                &point,
            )
            .unwrap();
            pair.sign(&random, message).unwrap().as_ref().to_vec()
        }
        Algorithm::RsaPssSha512 | Algorithm::RsaV15Sha256 => {
            let pair = rsa::KeyPair::from_components(&rsa::KeyPairComponents {
                public_key: rsa::PublicKeyComponents { n: member("n"), e: member("e") },
                d: member("d"),
                p: member("p"),
                q: member("q"),
                dP: member("dp"),
                dQ: member("dq"),
                qInv: member("qi"),
            })
            .unwrap();
            let padding: &'static dyn lc::RsaEncoding =
                if algorithm == Algorithm::RsaPssSha512 { &lc::RSA_PSS_SHA512 } else { &lc::RSA_PKCS1_SHA256 };
            let mut out = vec![0; pair.public_modulus_len()];
            pair.sign(padding, &random, message, &mut out).unwrap();
            out
        }
        _ => unreachable!("no other algorithm"),
    }
}
