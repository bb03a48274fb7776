//! The cases of our profile: what is accepted, and one or more refusals for every code.

use quanzi_openapi::signature::{Algorithm, content_digest};

use crate::{
    maker::{Maker, NOW, Vector},
    vector::VectorMessage,
};

/// Where the example API lives.
pub const ORIGIN: &str = "https://api.quanzi.example";
const BODY: &str = "{\"name\":\"Letters\",\"topic\":\"书信\"}";
const ALL: &str =
    "(\"@method\" \"@target-uri\" \"authorization\" \"content-digest\" \"content-type\" \"idempotency-key\" \"dpop\")";

pub fn get(path_and_query: &str) -> VectorMessage {
    VectorMessage {
        method: Some("GET".to_owned()),
        url: Some(format!("{ORIGIN}{path_and_query}")),
        status: None,
        headers: vec![
            ("Host".to_owned(), "api.quanzi.example".to_owned()),
            ("Authorization".to_owned(), "DPoP example.access.token".to_owned()),
        ],
        body: String::new(),
    }
}

pub fn post() -> VectorMessage {
    let mut message = get("/v1/circles");
    message.method = Some("POST".to_owned());
    BODY.clone_into(&mut message.body);
    message.set("Content-Type", "application/json");
    message.set("Content-Digest", content_digest(BODY.as_bytes()));
    message.set("Idempotency-Key", "k-0001");
    message.set("DPoP", "example.dpop.proof");
    message
}

pub fn answer(status: u16, content_type: &str, body: &str) -> VectorMessage {
    let mut message =
        VectorMessage { method: None, url: None, status: Some(status), headers: Vec::new(), body: body.to_owned() };
    message.set("Request-Id", "req_example");
    if !body.is_empty() {
        message.set("Content-Type", content_type);
        message.set("Content-Digest", content_digest(body.as_bytes()));
    }
    message
}

pub fn valid_vectors(maker: &Maker) -> Vec<Vector> {
    let mut out = Vec::new();
    for alg in Algorithm::ALL {
        out.push(maker.valid(&format!("{alg}-get"), "GET without a body", alg, get("/v1/circles"), None));
        out.push(maker.valid(
            &format!("{alg}-post"),
            "POST with body, idempotency key and DPoP proof",
            alg,
            post(),
            None,
        ));
        let query = get("/v1/posts/a%2Fb?q=%E5%9C%88%E5%AD%90&tag=x&tag=y&empty=&plus=a+b");
        out.push(maker.valid(
            &format!("{alg}-query"),
            "percent-encoding and repeated parameters stay as sent",
            alg,
            query,
            None,
        ));
    }
    let ed = Algorithm::Ed25519;
    let signed_post = maker.valid("ed25519-post", "", ed, post(), None).message;
    let created = answer(201, "application/json", "{\"id\":\"cir_example\"}");
    out.push(maker.valid(
        "response-to-signed-post",
        "binds status, body and the whole signed request",
        ed,
        created,
        Some(signed_post.clone()),
    ));
    let refused = answer(409, "application/problem+json", "{\"code\":\"circle_name_taken\"}");
    out.push(maker.valid("response-error", "errors are signed as well", ed, refused, Some(signed_post)));
    let page = answer(200, "application/json", "{\"items\":[]}");
    out.push(maker.valid("response-to-unsigned-get", "without signature;req", ed, page, Some(get("/v1/circles"))));
    let mut delete = get("/v1/circles/cir_example");
    delete.method = Some("DELETE".to_owned());
    out.push(maker.valid("response-without-body", "204 has no digest", ed, answer(204, "", ""), Some(delete)));
    out
}

pub fn invalid_vectors(maker: &Maker) -> Vec<Vector> {
    let keyid = &maker.keys["ed25519"].keyid;
    let with = |components: &str, params: &str| format!("{components}{params}");
    let params = |nonce: &str| format!(";created={NOW};nonce=\"{nonce}\";keyid=\"{keyid}\";tag=\"fapi-2-request\"");
    let good = |nonce: &str| with(ALL, &params(nonce));
    let keep = |_: &mut VectorMessage| ();
    let mut out = vec![
        maker.invalid("unsigned", "signature_missing", "no signature fields at all", &good("n01"), post(), |m| {
            m.headers.retain(|(name, _)| !name.starts_with("Signature"));
        }),
        maker.invalid(
            "one-field",
            "signature_malformed",
            "Signature-Input without Signature",
            &good("n02"),
            post(),
            |m| {
                m.headers.retain(|(name, _)| name != "Signature");
            },
        ),
        maker.invalid(
            "syntax",
            "signature_malformed",
            "an unquoted component name",
            &with("(@method)", &params("n03")),
            post(),
            keep,
        ),
        maker.invalid(
            "label",
            "signature_malformed",
            "the labels of the two fields differ",
            &good("n04"),
            post(),
            |m| {
                let value = m.header("Signature").unwrap().replacen("sig=", "other=", 1);
                m.set("Signature", value);
            },
        ),
        maker.invalid(
            "not-bytes",
            "signature_malformed",
            "the signature is a string instead of bytes",
            &good("n05"),
            post(),
            |m| {
                let value = m.header("Signature").unwrap().replace(':', "\"");
                m.set("Signature", value);
            },
        ),
        maker.invalid(
            "twice",
            "signature_malformed",
            "one component is covered twice",
            &with("(\"@method\" \"@method\")", &params("n06")),
            post(),
            keep,
        ),
        maker.invalid(
            "unknown-derived",
            "signature_malformed",
            "@host does not exist",
            &with("(\"@host\")", &params("n07")),
            post(),
            keep,
        ),
        maker.invalid(
            "unknown-parameter",
            "signature_malformed",
            "an unknown component parameter",
            &with("(\"@method\";x)", &params("n08")),
            post(),
            keep,
        ),
        maker.invalid(
            "no-tag",
            "tag_missing",
            "created, nonce and keyid, but no tag",
            &good("n09").replace(";tag=\"fapi-2-request\"", ""),
            post(),
            keep,
        ),
        maker.invalid(
            "other-tag",
            "tag_missing",
            "only a foreign tag",
            &good("n10").replace("fapi-2-request", "fapi-2-response"),
            post(),
            keep,
        ),
        maker.invalid(
            "two-of-ours",
            "signature_ambiguous",
            "two signatures carry our tag",
            &good("n11"),
            post(),
            |m| {
                for name in ["Signature-Input", "Signature"] {
                    let value = m.header(name).unwrap().to_owned();
                    let doubled = format!("{value}, {}", value.replacen("sig=", "sig2=", 1));
                    m.set(name, doubled);
                }
            },
        ),
        maker.invalid(
            "no-keyid",
            "keyid_missing",
            "no keyid",
            &good("n12").replace(&format!(";keyid=\"{keyid}\""), ""),
            post(),
            keep,
        ),
        maker.invalid(
            "unknown-keyid",
            "keyid_unknown",
            "no such key is registered",
            &good("n13").replace(keyid.as_str(), "nobody"),
            post(),
            keep,
        ),
        maker.invalid(
            "wrong-alg",
            "alg_mismatch",
            "alg names another algorithm than the key's",
            &format!("{};alg=\"hmac-sha256\"", good("n14")),
            post(),
            keep,
        ),
        maker.invalid(
            "digest-not-covered",
            "coverage_missing",
            "a body whose digest is not covered",
            &good("n15").replace(" \"content-digest\"", ""),
            post(),
            keep,
        ),
        maker.invalid(
            "token-not-covered",
            "coverage_missing",
            "the access token is not covered",
            &good("n16").replace(" \"authorization\"", ""),
            post(),
            keep,
        ),
        maker.invalid(
            "idempotency-key-not-covered",
            "coverage_missing",
            "an idempotency key that is not covered",
            &good("n17").replace(" \"idempotency-key\"", ""),
            post(),
            keep,
        ),
        maker.invalid(
            "proof-not-covered",
            "coverage_missing",
            "a DPoP proof that is not covered",
            &good("n18").replace(" \"dpop\"", ""),
            post(),
            keep,
        ),
        maker.invalid(
            "absent-field",
            "component_unusable",
            "a covered field is not in the message",
            &good("n19").replace("\"dpop\"", "\"dpop\" \"x-absent\""),
            post(),
            keep,
        ),
        maker.invalid(
            "req-in-request",
            "component_unusable",
            "`req` belongs to responses",
            &good("n20").replace("\"dpop\"", "\"dpop\" \"@method\";req"),
            post(),
            keep,
        ),
        maker.invalid(
            "no-created",
            "created_missing",
            "no created",
            &good("n21").replace(&format!(";created={NOW}"), ""),
            post(),
            keep,
        ),
        maker.invalid(
            "too-old",
            "created_out_of_window",
            "91 s old",
            &good("n22").replace(&NOW.to_string(), &(NOW - 91).to_string()),
            post(),
            keep,
        ),
        maker.invalid(
            "too-new",
            "created_out_of_window",
            "31 s ahead",
            &good("n23").replace(&NOW.to_string(), &(NOW + 31).to_string()),
            post(),
            keep,
        ),
        maker.invalid(
            "expired",
            "signature_expired",
            "expires has passed though created is fresh",
            &format!("{};expires={}", good("n24"), NOW - 1),
            post(),
            keep,
        ),
        maker.invalid(
            "no-nonce",
            "nonce_missing",
            "no nonce",
            &good("n25").replace(";nonce=\"n25\"", ""),
            post(),
            keep,
        ),
        maker.invalid(
            "changed-body",
            "digest_mismatch",
            "the body was changed after signing",
            &good("n26"),
            post(),
            |m| m.body.push(' '),
        ),
        maker.invalid(
            "changed-path",
            "signature_mismatch",
            "the path was changed after signing",
            &good("n27"),
            post(),
            |m| m.url = Some(format!("{ORIGIN}/v1/circle")),
        ),
        maker.invalid(
            "added-query",
            "signature_mismatch",
            "a query was added after signing",
            &good("n28"),
            post(),
            |m| m.url = Some(format!("{ORIGIN}/v1/circles?x=1")),
        ),
        maker.invalid(
            "changed-method",
            "signature_mismatch",
            "the method was changed after signing",
            &good("n29"),
            post(),
            |m| m.method = Some("PUT".to_owned()),
        ),
        maker.invalid(
            "changed-token",
            "signature_mismatch",
            "another access token was put in",
            &good("n30"),
            post(),
            |m| m.set("Authorization", "DPoP other.access.token"),
        ),
        maker.invalid(
            "changed-parameter",
            "signature_mismatch",
            "created was changed after signing",
            &good("n31"),
            post(),
            |m| {
                let value = m.header("Signature-Input").unwrap().replace(&NOW.to_string(), &(NOW + 1).to_string());
                m.set("Signature-Input", value);
            },
        ),
    ];
    for (id, code, value) in [
        ("md5-digest", "digest_unsupported", "md5=:AAAAAAAAAAAAAAAAAAAAAA==:"),
        ("short-digest", "digest_malformed", "sha-256=:AAAA:"),
    ] {
        let mut message = post();
        message.set("Content-Digest", value);
        out.push(maker.invalid(id, code, "signed, but the digest is of no use", &good(id), message, keep));
    }
    for (id, about) in [
        ("key_revoked", "context: the key is revoked"),
        ("key_of_other_client", "context: the key belongs to another app than the token"),
        ("nonce_seen", "context: (keyid, nonce) was accepted before"),
    ] {
        let code = if id == "nonce_seen" { "nonce_replayed" } else { id };
        let vector = maker.invalid(&id.replace('_', "-"), code, about, &good(id), post(), keep);
        out.push(Vector { context: Some(id.to_owned()), ..vector });
    }
    out
}
