//! Keys: read, written, and signing what the vectors of the contract sign.

use quanzi_openapi::jose::Jwk;
use quanzi_openapi::signature::{Algorithm, Message, Signatures, base};
use serde_json::Value;

use crate::verifier::fits;
use crate::{ErrorKind, Key};

/// The test key of RFC 9421, B.1.3, in SEC 1; public for everybody.
pub(super) const P256_PEM: &str = "-----BEGIN EC PARAMETERS-----
BggqhkjOPQMBBw==
-----END EC PARAMETERS-----
-----BEGIN EC PRIVATE KEY-----
MHcCAQEEIFKbhfNZfpDsW43+0+JjUr9K+bTeuxopu653+hBaXGA7oAoGCCqGSM49
AwEHoUQDQgAEqIVYZVLCrPZHGHjP17CTW0/+D9Lfw0EkjqF7xB4FivAxzic30tMM
4GF+hR6Dxh71Z50VGGdldkkDXZCnTNnoXQ==
-----END EC PRIVATE KEY-----
";

fn vectors() -> Value {
    serde_json::from_str(include_str!("../../../openapi/vectors/profile.json")).unwrap()
}

fn private(name: &str) -> Key {
    Key::from_jwk(&vectors()["keys"][name]["private"].to_string()).unwrap()
}

/// The test key of RFC 9421, B.1.2, in PKCS#1.
pub(super) fn rsa_pem() -> String {
    private("rsa-pss-sha512").to_pkcs1_pem().unwrap()
}

#[test]
fn the_vectors_of_the_contract_are_signed_alike() {
    let vectors = vectors();
    for vector in vectors["valid"].as_array().unwrap() {
        let name = vector["key"].as_str().unwrap();
        let algorithm: Algorithm = name.parse().unwrap();
        // The primes of this key have different lengths, which ring alone does not support.
        if algorithm == Algorithm::RsaV15Sha256 && cfg!(not(feature = "rsa")) {
            continue;
        }
        let key = private(name).with_algorithm(algorithm).unwrap();
        let lines = vector["signature_base"].as_array().unwrap();
        let base: Vec<&str> = lines.iter().map(|line| line.as_str().unwrap()).collect();
        let base = base.join("\n");

        let signature = key.sign(base.as_bytes()).unwrap();

        let id = &vector["id"];
        let given = given(vector);
        assert_eq!(key.thumbprint(), vectors["keys"][name]["keyid"], "{id}");
        match algorithm {
            Algorithm::Ed25519 | Algorithm::RsaV15Sha256 => assert_eq!(signature, given, "{id}"),
            _ => {
                assert!(fits(&key.public_jwk().key, base.as_bytes(), &signature), "{id}");
                assert!(fits(&key.public_jwk().key, base.as_bytes(), &given), "{id}");
            }
        }
    }
}

fn given(vector: &Value) -> Vec<u8> {
    let header = |name: &str| {
        let headers = vector["message"]["headers"].as_array().unwrap();
        let found = headers.iter().find(|pair| pair[0].as_str().unwrap().eq_ignore_ascii_case(name));
        found.unwrap()[1].as_str().unwrap().as_bytes().to_vec()
    };
    let tag = if vector["message"]["status"].is_null() { "fapi-2-request" } else { "fapi-2-response" };
    Signatures::parse(&header("signature-input"), &header("signature")).unwrap().choose(tag).unwrap().bytes
}

#[test]
fn a_request_of_ours_is_the_vectors_request() {
    let vectors = vectors();
    let vector = &vectors["valid"][0];
    let headers: Vec<(&str, &[u8])> = vector["message"]["headers"]
        .as_array()
        .unwrap()
        .iter()
        .map(|pair| (pair[0].as_str().unwrap(), pair[1].as_str().unwrap().as_bytes()))
        .collect();
    let message = Message::request("GET", vector["message"]["url"].as_str().unwrap(), &headers).unwrap();
    let signature = Signatures::read(&message).unwrap().choose("fapi-2-request").unwrap();

    let base = base(&message, &signature).unwrap();

    assert!(fits(&private("ed25519").public_jwk().key, base.as_bytes(), &signature.bytes));
}

#[test]
fn a_key_survives_its_texts() {
    for key in [Key::generate().unwrap(), Key::from_pem(P256_PEM).unwrap(), Key::from_pem(&rsa_pem()).unwrap()] {
        let again = Key::from_pem(&key.to_pem()).unwrap();

        assert_eq!(again.thumbprint(), key.thumbprint());
        assert_eq!(again.to_pem(), key.to_pem());
        assert!(fits(&key.public_jwk().key, b"text", &again.sign(b"text").unwrap()));
        let public = serde_json::to_string(key.public_jwk()).unwrap();
        assert_eq!(Jwk::from_json(&public).unwrap().thumbprint(), key.thumbprint());
        assert!(key.public_pem().starts_with("-----BEGIN PUBLIC KEY-----\n"));
    }
}

#[test]
fn the_public_half_in_pem_is_what_others_write() {
    // RFC 8410, 10.1 and RFC 9421, B.1.3, as openssl writes them.
    let seed = r#"{"kty":"OKP","crv":"Ed25519","d":"1O5y7f__WI1CCLUSoOl_BlkAz3sVIRXnIvLHVWAuwlg","x":"Gb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE"}"#;
    let ed25519 = Key::from_jwk(seed);

    assert!(ed25519.is_err(), "d and x are of two different keys here");
    assert_eq!(
        Key::from_pem(P256_PEM).unwrap().public_pem(),
        "-----BEGIN PUBLIC KEY-----\nMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEqIVYZVLCrPZHGHjP17CTW0/+D9Lf\nw0EkjqF7xB4FivAxzic30tMM4GF+hR6Dxh71Z50VGGdldkkDXZCnTNnoXQ==\n-----END PUBLIC KEY-----\n"
    );
}

#[test]
fn what_is_no_private_key_is_named() {
    let public = Key::generate().unwrap().public_pem();
    let broken = P256_PEM.replace("MHcCAQEE", "MHcCAQIE");
    for (text, says) in [
        ("", "no PEM block"),
        (public.as_str(), "this is a public key"),
        ("-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----", "decrypt it first"),
        (
            "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n\nAAAA\n-----END RSA PRIVATE KEY-----",
            "is encrypted",
        ),
        ("-----BEGIN PRIVATE KEY-----\nMAUCAQAwAA==\n-----END PRIVATE KEY-----", "damaged"),
        ("-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\n-----END OPENSSH PRIVATE KEY-----", "OPENSSH PRIVATE KEY"),
    ] {
        let refused = Key::from_pem(text).unwrap_err();

        assert_eq!(refused.kind(), ErrorKind::Key);
        assert!(refused.to_string().contains(says), "{refused}");
    }
    // Version 2 of an EC private key does not exist, but nothing depends on it.
    assert!(Key::from_pem(&broken).is_ok());
}

#[test]
fn no_cut_of_a_key_panics() {
    for pem in [Key::generate().unwrap().to_pem(), P256_PEM.to_owned(), rsa_pem()] {
        let blocks: Vec<_> =
            crate::key::pem::blocks(&pem).filter_map(|block| Some((block.label, block.der?))).collect();
        for (label, der) in blocks.iter().filter(|(label, _)| label.ends_with("PRIVATE KEY")) {
            for length in 0..der.len() {
                let cut = crate::key::pem::write(label, &der[..length]);

                assert!(Key::from_pem(&cut).is_err(), "{label} {length}");
            }
        }
    }
}

#[test]
fn a_key_signs_only_with_what_it_can() {
    let key = Key::generate().unwrap();

    assert!(key.clone().with_algorithm(Algorithm::Ed25519).is_ok());
    assert!(key.with_algorithm(Algorithm::RsaPssSha512).is_err());
}

#[cfg(feature = "rsa")]
mod rsa {
    use super::{Key, fits, private, vectors};
    use crate::Algorithm;

    #[test]
    fn pure_rust_signs_like_ring() {
        let ring = private("rsa-pss-sha512");
        let pure = ring.clone().in_pure_rust().unwrap();
        let old = |key: Key| key.with_algorithm(Algorithm::RsaV15Sha256).unwrap().sign(b"text").unwrap();

        assert!(fits(&ring.public_jwk().key, b"text", &pure.sign(b"text").unwrap()));
        assert_eq!(old(ring), old(pure));
        assert!(Key::generate().unwrap().in_pure_rust().is_err());
    }

    #[test]
    fn a_new_key_can_sign() {
        let key = Key::generate_rsa(2048).unwrap();

        assert!(fits(&key.public_jwk().key, b"text", &key.sign(b"text").unwrap()));
        assert_eq!(Key::from_pem(&key.to_pkcs1_pem().unwrap()).unwrap().thumbprint(), key.thumbprint());
    }

    #[test]
    fn a_key_without_primes_is_completed() {
        let mut jwk = vectors()["keys"]["rsa-pss-sha512"]["private"].clone();
        for member in ["p", "q", "dp", "dq", "qi"] {
            jwk.as_object_mut().unwrap().remove(member);
        }

        let key = Key::from_jwk(&jwk.to_string()).unwrap();

        assert_eq!(key.thumbprint(), private("rsa-pss-sha512").thumbprint());
        assert!(fits(&key.public_jwk().key, b"text", &key.sign(b"text").unwrap()));
    }

    #[test]
    fn sizes_have_bounds() {
        assert!(Key::generate_rsa(1024).is_err() && Key::generate_rsa(16_384).is_err());
    }
}
