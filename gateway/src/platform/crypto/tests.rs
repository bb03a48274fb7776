//! What matches, what does not, and the hints about it; with the keys of RFC 9421, B.1.

use std::collections::BTreeMap;

use aws_lc_rs::hmac;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_ASN1_SIGNING, ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, EcdsaSigningAlgorithm,
    Ed25519KeyPair, RSA_PKCS1_SHA256, RSA_PSS_SHA256, RSA_PSS_SHA512, RsaEncoding, RsaPssSaltLength,
    RsaSignatureEncoding,
};
use quanzi_openapi::jose::{Jwk, JwsAlgorithm, PublicKey, decode_base64url};
use quanzi_openapi::signature::Algorithm;

use super::*;

type PrivateJwk = BTreeMap<String, String>;

const BASE: &str = "\"@method\": POST\n\"@signature-params\": (\"@method\");created=1";

fn private(name: &str) -> PrivateJwk {
    let file: serde_json::Value =
        serde_json::from_str(include_str!("../../../../openapi/vectors/rfc9421.json")).unwrap();
    serde_json::from_value(file["keys"][name].clone()).unwrap()
}

fn public(key: &PrivateJwk) -> PublicKey {
    let members: BTreeMap<_, _> =
        key.iter().filter(|(name, _)| ["kty", "crv", "x", "y", "n", "e"].contains(&name.as_str())).collect();
    serde_json::from_value::<Jwk>(serde_json::to_value(members).unwrap()).unwrap().key
}

fn member(key: &PrivateJwk, name: &str) -> Vec<u8> {
    decode_base64url(&key[name]).unwrap()
}

#[expect(clippy::disallowed_methods, reason = "a test has no App: it asks the system itself")]
fn rsa_sign(key: &PrivateJwk, encoding: &'static dyn RsaEncoding, message: &str) -> Vec<u8> {
    let pair = rsa::KeyPair::from_components(&rsa::KeyPairComponents {
        public_key: rsa::PublicKeyComponents { n: member(key, "n"), e: member(key, "e") },
        d: member(key, "d"),
        p: member(key, "p"),
        q: member(key, "q"),
        dP: member(key, "dp"),
        dQ: member(key, "dq"),
        qInv: member(key, "qi"),
    })
    .unwrap();
    let mut signature = vec![0; pair.public_modulus_len()];
    pair.sign(encoding, &SystemRandom::new(), message.as_bytes(), &mut signature).unwrap();
    signature
}

#[expect(clippy::disallowed_methods, reason = "a test has no App: it asks the system itself")]
fn p256_sign(key: &PrivateJwk, algorithm: &'static EcdsaSigningAlgorithm, message: &str) -> Vec<u8> {
    let point = public(key).sec1().unwrap();
    let pair = EcdsaKeyPair::from_private_key_and_public_key(algorithm, &member(key, "d"), &point).unwrap();
    pair.sign(&SystemRandom::new(), message.as_bytes()).unwrap().as_ref().to_vec()
}

fn ed25519_sign(key: &PrivateJwk, message: &str) -> Vec<u8> {
    let pair = Ed25519KeyPair::from_seed_and_public_key(&member(key, "d"), &member(key, "x")).unwrap();
    pair.sign(message.as_bytes()).as_ref().to_vec()
}

fn hints(algorithm: Algorithm, key: &PublicKey, signature: &[u8]) -> String {
    let candidates = [
        Candidate { base: BASE, hint: None },
        Candidate { base: "another base", hint: Some("You signed another base.") },
    ];
    diagnose(algorithm, key, &candidates, signature).join(" ")
}

const MAX_SALT: &RsaSignatureEncoding = &RSA_PSS_SHA512.with_pss_salt_length(RsaPssSaltLength::Max);
const SALT_32: &RsaSignatureEncoding = &RSA_PSS_SHA512.with_pss_salt_length(RsaPssSaltLength::Custom(32));
const SALT_0: &RsaSignatureEncoding = &RSA_PSS_SHA512.with_pss_salt_length(RsaPssSaltLength::Custom(0));
const MAX_SALT_256: &RsaSignatureEncoding = &RSA_PSS_SHA256.with_pss_salt_length(RsaPssSaltLength::Max);

#[test]
fn each_algorithm_takes_its_own_signature_only() {
    let (rsa, p256, ed) = (private("test-key-rsa-pss"), private("test-key-ecc-p256"), private("test-key-ed25519"));
    let made = [
        (&rsa, Algorithm::RsaPssSha512, rsa_sign(&rsa, &RSA_PSS_SHA512, BASE)),
        (&rsa, Algorithm::RsaV15Sha256, rsa_sign(&rsa, &RSA_PKCS1_SHA256, BASE)),
        (&p256, Algorithm::EcdsaP256Sha256, p256_sign(&p256, &ECDSA_P256_SHA256_FIXED_SIGNING, BASE)),
        (&ed, Algorithm::Ed25519, ed25519_sign(&ed, BASE)),
    ];
    for (key, algorithm, signature) in &made {
        let verifying = VerifyingKey::new(&public(key)).unwrap();
        for other in Algorithm::ALL {
            assert_eq!(
                verifying.verify(other, BASE.as_bytes(), signature),
                other == *algorithm,
                "{algorithm} as {other}"
            );
        }
        assert!(!verifying.verify(*algorithm, b"another", signature));
        assert!(!verifying.verify(*algorithm, BASE.as_bytes(), &[]));
    }
}

#[test]
fn a_pss_salt_of_another_length_is_refused_and_named() {
    let rsa = private("test-key-rsa-pss");
    let key = public(&rsa);
    let verifying = VerifyingKey::new(&key).unwrap();
    for (encoding, words) in [(MAX_SALT, "190 bytes"), (SALT_32, "32 bytes"), (SALT_0, "0 bytes")] {
        let signature = rsa_sign(&rsa, encoding, BASE);

        assert!(!verifying.verify(Algorithm::RsaPssSha512, BASE.as_bytes(), &signature));
        assert_eq!(hints(Algorithm::RsaPssSha512, &key, &signature), format!("The salt has {words}; use 64."));
    }
    let ps256 = rsa_sign(&rsa, MAX_SALT_256, BASE);
    assert!(!verifying.verify_jws(JwsAlgorithm::Ps256, BASE.as_bytes(), &ps256));
    assert!(hints(Algorithm::RsaPssSha512, &key, &ps256).contains("SHA-256 and a salt of 222 bytes"));
    assert!(verifying.verify_jws(JwsAlgorithm::Ps256, BASE.as_bytes(), &rsa_sign(&rsa, &RSA_PSS_SHA256, BASE)));
}

#[test]
fn another_padding_der_and_a_line_break_are_named() {
    let (rsa, p256, ed) = (private("test-key-rsa"), private("test-key-ecc-p256"), private("test-key-ed25519"));
    let der = p256_sign(&p256, &ECDSA_P256_SHA256_ASN1_SIGNING, BASE);

    assert!(!VerifyingKey::new(&public(&p256)).unwrap().verify(Algorithm::EcdsaP256Sha256, BASE.as_bytes(), &der));
    assert!(hints(Algorithm::EcdsaP256Sha256, &public(&p256), &der).contains("DER"));
    let v15 = rsa_sign(&rsa, &RSA_PKCS1_SHA256, BASE);
    assert!(hints(Algorithm::RsaPssSha512, &public(&rsa), &v15).contains("rsa-v1_5-sha256"));
    let newline = ed25519_sign(&ed, &format!("{BASE}\n"));
    assert!(hints(Algorithm::Ed25519, &public(&ed), &newline).contains("line break"));
    let other = rsa_sign(&rsa, MAX_SALT, "another base\n");
    let said = hints(Algorithm::RsaPssSha512, &public(&rsa), &other);
    assert!(
        said.starts_with("You signed another base.") && said.contains("line break") && said.contains("190"),
        "{said}"
    );
    assert_eq!(hints(Algorithm::Ed25519, &public(&ed), &ed25519_sign(&ed, "nothing known")), "");
}

#[test]
fn a_mac_keyed_with_the_public_key_is_no_signature() {
    for name in ["test-key-rsa", "test-key-ecc-p256", "test-key-ed25519"] {
        let key = public(&private(name));
        let verifying = VerifyingKey::new(&key).unwrap();
        let secret = serde_json::to_vec(&Jwk::new(key.clone())).unwrap();
        let mac = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &secret), BASE.as_bytes());
        for algorithm in Algorithm::ALL {
            assert!(!verifying.verify(algorithm, BASE.as_bytes(), mac.as_ref()));
            assert_eq!(hints(algorithm, &key, mac.as_ref()), "");
        }
    }
}

#[test]
fn points_of_small_order_and_off_the_curve_are_no_keys() {
    let mut last = [0xff; 32];
    last[31] = 0x7f;
    let mut order_2 = last;
    order_2[0] = 0xec;
    for point in [[0; 32], order_2, {
        let mut one = [0; 32];
        one[0] = 1;
        one[31] = 0x80;
        one
    }] {
        assert!(VerifyingKey::new(&PublicKey::Ed25519(point)).is_err(), "{point:?}");
    }
    assert!(VerifyingKey::new(&PublicKey::P256 { x: [1; 32], y: [2; 32] }).is_err());
}

#[test]
fn diagnosis_of_nonsense_does_not_panic() {
    for name in ["test-key-rsa", "test-key-ecc-p256", "test-key-ed25519"] {
        let key = public(&private(name));
        for length in [0, 1, 63, 64, 65, 255, 256, 257, 1024] {
            for byte in [0, 1, 0x30, 0xff] {
                for algorithm in Algorithm::ALL {
                    assert_eq!(hints(algorithm, &key, &vec![byte; length]), "");
                }
            }
        }
    }
}
