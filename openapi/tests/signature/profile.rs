//! Our own vectors, `vectors/profile.json`: made here, committed for people in every language, checked on every run.
//!
//! Everything but ECDSA and PSS signatures is deterministic; those two are kept from the committed file as long as they
//! verify. `UPDATE=1 cargo test -p quanzi-openapi` rewrites the file; a stale one fails.

use std::collections::BTreeMap;

use quanzi_openapi::signature::{
    Algorithm, ContentDigest, RequestShape, ResponseShape, SignatureError, base, examine_request, examine_response,
};

use crate::{
    cases::{ORIGIN, invalid_vectors, post, valid_vectors},
    keys::verifies,
    maker::{File, Key, Maker, NOW, Vector},
};

const PATH: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/vectors/profile.json");

/// What a server does with a request and a client with a response, in the order of the profile.
fn verify(keys: &BTreeMap<String, Key>, vector: &Vector) -> Result<(), SignatureError> {
    let body = vector.message.body.as_bytes();
    vector.message.view(vector.request.as_ref(), |message| {
        let signature = if message.is_request() {
            examine_request(message, &RequestShape::of(message, !body.is_empty()), NOW)?
        } else {
            examine_response(message, &ResponseShape::of(message, !body.is_empty()), NOW)?
        };
        let keyid = signature.keyid.clone().unwrap();
        let context = vector.context.as_deref();
        let key = &keys[&vector.key];
        match context {
            Some("key_revoked") => return Err(SignatureError::KeyRevoked { keyid }),
            Some("key_of_other_client") => return Err(SignatureError::KeyOfOtherClient { keyid }),
            _ if key.keyid != keyid => return Err(SignatureError::KeyidUnknown { keyid }),
            _ => {}
        }
        signature.check_algorithm(key.alg)?;
        if !verifies(key.alg, &key.public.key, base(message, &signature)?.as_bytes(), &signature.bytes) {
            return Err(SignatureError::Mismatch);
        }
        ContentDigest::check_message(message.header("content-digest").next(), body)?;
        if context == Some("nonce_seen") { Err(SignatureError::NonceReplayed) } else { Ok(()) }
    })
}

#[test]
fn the_committed_vectors_are_fresh_and_come_out_as_they_say() {
    let committed = std::fs::read_to_string(PATH).unwrap_or_default();
    let maker = Maker::new(serde_json::from_str(&committed).ok());
    let (valid, invalid) = (valid_vectors(&maker), invalid_vectors(&maker));

    for vector in &valid {
        assert_eq!(verify(&maker.keys, vector), Ok(()), "{}", vector.id);
    }
    for vector in &invalid {
        let code = verify(&maker.keys, vector).map_err(|error| error.code().to_owned());
        assert_eq!(code.err(), vector.code, "{}", vector.id);
    }

    let about = "Vectors of the Quanzi signature profile; see README.md. The keys are the public test keys of RFC 9421, appendix B.1.";
    let file = File { about: about.to_owned(), now: NOW, keys: maker.keys, valid, invalid };
    let fresh = serde_json::to_string_pretty(&file).unwrap() + "\n";
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(PATH, &fresh).unwrap();
    } else {
        assert!(fresh == committed, "vectors/profile.json is stale: run the tests once with UPDATE=1 and commit it");
    }
}

#[test]
fn a_response_does_not_verify_for_another_request_or_status() {
    let maker = Maker::new(None);
    let good = valid_vectors(&maker).into_iter().find(|vector| vector.id == "response-to-signed-post").unwrap();
    let mut other_status = good.clone();
    other_status.message.status = Some(200);
    let mut other_request = good.clone();
    other_request.request.as_mut().unwrap().url = Some(format!("{ORIGIN}/v1/other"));
    let mut other_nonce = good.clone();
    other_nonce.request = Some(maker.valid("another", "", Algorithm::Ed25519, post(), None).message);

    for vector in [other_status, other_request, other_nonce] {
        assert_eq!(verify(&maker.keys, &vector), Err(SignatureError::Mismatch));
    }
}
