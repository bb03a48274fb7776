//! Partners: registration in the sandbox, reading and changing one's own.

use quanzi::partners::PartnerChange;
use quanzi::{Edit, ErrorCode};
use quanzi_tests::both_engines;
use quanzi_tests::raw::{Answer, Partner, TestKey};
use quanzi_tests::stage::{Stage, code, partner};
use serde_json::{Value, json};

async fn register(stage: &Stage, body: &Value) -> Answer {
    let request = quanzi_tests::raw::client().post(format!("{}/sandbox/v1/partners", stage.url())).json(body);
    Answer::read(request.send().await.expect("an answer")).await
}

fn with_key(key: Value) -> Value {
    json!({ "name": "P", "legal_name": "P Ltd.", "app": { "name": "a", "jwks": { "keys": [key] } } })
}

const RSA_PRIVATE: &str =
    "-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQ==\n-----END PRIVATE KEY-----";

both_engines! {
    a_partner_reads_and_changes_itself,
    a_key_is_taken_in_every_usual_format,
    a_private_key_is_refused_and_kept_nowhere,
    a_wrong_key_is_named_by_what_it_is,
    one_partner_sees_nothing_of_another,
}

async fn a_partner_reads_and_changes_itself(stage: Stage) {
    let client = partner(&stage).await;
    let before = client.partner().get().await.expect("the partner");

    let mut change = PartnerChange::default();
    change.name = Some("Whisker".into());
    change.website = Edit::Set("https://whisker.example/".into());
    let after = client.partner().change(change.clone()).if_match(before.version).await.expect("changed");

    assert_eq!((after.name.as_str(), after.version), ("Whisker", before.version + 1));
    assert_eq!(after.legal_name, before.legal_name);
    assert_eq!(
        code(client.partner().change(change.clone()).if_match(before.version).await),
        ErrorCode::VersionMismatch
    );
    let same = client.partner().change(change).if_match(after.version).await.expect("nothing to change");
    assert_eq!(same, after);
}

async fn a_key_is_taken_in_every_usual_format(stage: Stage) {
    let key = quanzi::Key::generate().expect("a key");
    let pem = key.public_pem();
    let one_line: String = pem.lines().filter(|line| !line.starts_with("-----")).collect();
    let jwk = serde_json::to_value(TestKey::p256().jwk()).expect("json");

    for key in [json!(pem), jwk] {
        register(&stage, &with_key(key)).await.expect_status(201);
    }
    // Another partner may register the same public key: nobody can take it away from its owner by being first.
    register(&stage, &with_key(json!(one_line))).await.expect_status(201);
}

async fn a_private_key_is_refused_and_kept_nowhere(stage: Stage) {
    let mut jwk = serde_json::to_value(TestKey::ed25519().jwk()).expect("json");
    jwk["d"] = json!("n4Ni-HpISpVObnQMW0wOhCKROaIKqKtW_2ZYb2p9KcU");

    for (key, secret) in [(json!(RSA_PRIVATE), "MIIEvQIBADANBg"), (jwk, "n4Ni-HpISp")] {
        let answer = register(&stage, &with_key(key)).await;
        let body = answer.expect_refusal(422, "key_is_private");
        assert_eq!(body["pointer"], "/app/jwks/keys/0");
        assert!(!body.to_string().contains(secret), "{body}");
    }
    assert_eq!(stage.count("partner").await, 0);
}

async fn a_wrong_key_is_named_by_what_it_is(stage: Stage) {
    for (key, wanted) in [
        (json!("-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----"), "key_format_unknown"),
        (json!("ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIA== me@host"), "key_format_unknown"),
        (json!("nonsense"), "key_format_unknown"),
        (json!({ "kty": "oct", "k": "c2VjcmV0" }), "key_is_private"),
        (json!({ "kty": "EC", "crv": "P-384", "x": "AA", "y": "AA" }), "key_type_unsupported"),
        (json!({ "kty": "RSA", "n": "AQAB", "e": "AQAB" }), "key_too_weak"),
    ] {
        let body = register(&stage, &with_key(key.clone())).await.expect_refusal(422, wanted);
        assert!(body["detail"].as_str().is_some_and(|text| text.len() > 20), "{key}: {body}");
    }
}

async fn one_partner_sees_nothing_of_another(stage: Stage) {
    let one = Partner::register(stage.url()).await;
    let two = Partner::register(stage.url()).await;

    two.get(&format!("/v1/apps/{}", one.app)).await.expect_refusal(404, "app_not_found");
    let own = two.get("/v1/partner").await.expect_status(200);

    assert_eq!(own["id"], two.id);
}
