//! Every vector of RFC 9421 (appendix B, sections 2.4 and 3.2) verifies, or fails, as the RFC says.

use std::collections::BTreeMap;

use quanzi_openapi::signature::{Algorithm, Signatures, base};
use serde::Deserialize;

use crate::{
    keys::{PrivateJwk, public_half, verifies},
    vector::VectorMessage,
};

#[derive(Deserialize)]
struct File {
    keys: BTreeMap<String, PrivateJwk>,
    vectors: Vec<Vector>,
}

#[derive(Deserialize)]
struct Vector {
    id: String,
    alg: String,
    key: String,
    label: String,
    message: VectorMessage,
    request: Option<VectorMessage>,
    signature_base: Option<String>,
    signature_input: String,
    signature: String,
    expect: String,
}

#[test]
fn every_vector_of_the_rfc_comes_out_as_it_says() {
    let file: File = serde_json::from_str(include_str!("../../vectors/rfc9421.json")).unwrap();
    let mut verified = 0;
    for vector in &file.vectors {
        let id = &vector.id;
        let Ok(algorithm) = vector.alg.parse::<Algorithm>() else {
            assert_eq!(vector.alg, "hmac-sha256", "{id}: the only algorithm we refuse by not knowing it");
            continue;
        };
        let all = Signatures::parse(vector.signature_input.as_bytes(), vector.signature.as_bytes()).unwrap();
        let signature = all.get(&vector.label).unwrap().unwrap();
        let text = vector.message.view(vector.request.as_ref(), |message| base(message, &signature).unwrap());

        if let Some(expected) = &vector.signature_base {
            assert_eq!(&text, expected, "{id}");
        }
        let key = public_half(&file.keys[&vector.key]).key;
        assert_eq!(verifies(algorithm, &key, text.as_bytes(), &signature.bytes), vector.expect == "valid", "{id}");
        verified += 1;
    }
    assert!(verified >= 16, "only {verified} vectors were checked");
}
