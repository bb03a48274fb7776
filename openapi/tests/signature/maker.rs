//! Makes vectors: signs as the SDK and the gateway do, and keeps randomised signatures that are already committed.

use std::collections::BTreeMap;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use quanzi_openapi::{
    jose::Jwk,
    signature::{Algorithm, Draft, RequestShape, ResponseShape, Signatures, base, lines},
};
use serde::{Deserialize, Serialize};

use crate::{
    keys::{PrivateJwk, public_half, sign, verifies},
    vector::VectorMessage,
};

/// The clock of all vectors, unix seconds.
pub const NOW: i64 = 1_800_000_000;

#[derive(Serialize, Deserialize)]
pub struct File {
    pub about: String,
    pub now: i64,
    pub keys: BTreeMap<String, Key>,
    pub valid: Vec<Vector>,
    pub invalid: Vec<Vector>,
}

#[derive(Serialize, Deserialize)]
pub struct Key {
    pub alg: Algorithm,
    pub keyid: String,
    pub public: Jwk,
    pub private: PrivateJwk,
}

#[derive(Clone, Serialize, Deserialize)]
pub struct Vector {
    pub id: String,
    pub about: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    pub key: String,
    /// What the verifier knows besides the message: `key_revoked`, `key_of_other_client`, `nonce_seen`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub context: Option<String>,
    pub message: VectorMessage,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request: Option<VectorMessage>,
    /// Absent when the base cannot be built.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub signature_base: Option<Vec<String>>,
}

/// Makes vectors; knows the committed file, to keep randomised signatures.
pub struct Maker {
    pub keys: BTreeMap<String, Key>,
    committed: Vec<Vector>,
}

impl Maker {
    pub fn new(committed: Option<File>) -> Self {
        #[derive(Deserialize)]
        struct Rfc {
            keys: BTreeMap<String, PrivateJwk>,
        }
        let rfc: Rfc = serde_json::from_str(include_str!("../../vectors/rfc9421.json")).unwrap();
        let keys = [
            ("test-key-ed25519", Algorithm::Ed25519),
            ("test-key-ecc-p256", Algorithm::EcdsaP256Sha256),
            ("test-key-rsa-pss", Algorithm::RsaPssSha512),
            ("test-key-rsa", Algorithm::RsaV15Sha256),
        ]
        .into_iter()
        .map(|(name, alg)| {
            let private = rfc.keys[name].clone();
            let public = public_half(&private);
            (alg.to_string(), Key { alg, keyid: public.thumbprint(), public, private })
        })
        .collect();
        Self { keys, committed: committed.map(|file| file.valid).unwrap_or_default() }
    }

    fn bytes(&self, id: &str, key: &Key, text: &str) -> Vec<u8> {
        let kept = self.committed.iter().find(|vector| vector.id == id).and_then(|vector| {
            let (input, signature) = (vector.message.header("signature-input")?, vector.message.header("signature")?);
            let all = Signatures::parse(input.as_bytes(), signature.as_bytes()).ok()?;
            let bytes = all.get(all.labels().next()?).ok()??.bytes;
            verifies(key.alg, &key.public.key, text.as_bytes(), &bytes).then_some(bytes)
        });
        kept.unwrap_or_else(|| sign(key.alg, &key.private, text.as_bytes()))
    }

    /// A valid vector, signed as the SDK (request) or the gateway (response) does.
    pub fn valid(
        &self,
        id: &str,
        about: &str,
        alg: Algorithm,
        mut message: VectorMessage,
        request: Option<VectorMessage>,
    ) -> Vector {
        let key = &self.keys[alg.as_str()];
        let has_body = !message.body.is_empty();
        let (draft, text) = message.view(request.as_ref(), |view| {
            let draft = if view.is_request() {
                Draft::request(&RequestShape::of(view, has_body), NOW - 1, &format!("nonce-{id}"), &key.keyid)
            } else {
                Draft::response(&ResponseShape::of(view, has_body), NOW, &key.keyid)
            }
            .unwrap();
            let text = draft.base(view).unwrap();
            (draft, text)
        });
        let headers = draft.finish("sig", &self.bytes(id, key, &text)).unwrap();
        message.set("Signature-Input", headers.signature_input);
        message.set("Signature", headers.signature);
        Vector {
            id: id.to_owned(),
            about: about.to_owned(),
            code: None,
            key: alg.to_string(),
            context: None,
            message,
            request,
            signature_base: Some(lines(&text).map(str::to_owned).collect()),
        }
    }

    /// A request that fails with `code`: `signed` is what gets signed under `input`, then `change` alters what is sent.
    pub fn invalid(
        &self,
        id: &str,
        code: &str,
        about: &str,
        input: &str,
        signed: VectorMessage,
        change: impl FnOnce(&mut VectorMessage),
    ) -> Vector {
        let key = &self.keys["ed25519"];
        let signature_input = format!("sig={input}");
        let built = Signatures::parse(signature_input.as_bytes(), b"sig=:AA==:")
            .and_then(|all| all.get("sig"))
            .and_then(|signature| signed.view(None, |message| base(message, &signature.unwrap())));
        let text = built.unwrap_or_else(|_| "not signable".to_owned());
        let mut message = signed;
        message.set("Signature-Input", signature_input);
        message.set("Signature", format!("sig=:{}:", STANDARD.encode(sign(key.alg, &key.private, text.as_bytes()))));
        change(&mut message);
        Vector {
            id: id.to_owned(),
            about: about.to_owned(),
            code: Some(code.to_owned()),
            key: key.alg.to_string(),
            context: None,
            signature_base: server_base(&message),
            message,
            request: None,
        }
    }
}

/// The base a verifier builds from what arrived, if it can.
pub fn server_base(message: &VectorMessage) -> Option<Vec<String>> {
    message.view(None, |view| {
        let all = Signatures::read(view).ok()?;
        let signature = all.get(all.labels().next()?).ok()??;
        Some(lines(&base(view, &signature).ok()?).map(str::to_owned).collect())
    })
}
