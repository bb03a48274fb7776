//! HTTP signatures on requests and answers: each rule of the profile is one test (RFC 9421, FAPI 2.0 HTTP signatures).

use quanzi_openapi::jose::Jwk;
use quanzi_openapi::signature::{
    Algorithm, ContentDigest, Message, ResponseShape, Signatures, base, encode_debug, examine_response,
};
use quanzi_tests::both_engines;
use quanzi_tests::raw::{Answer, Partner, Ready, Request, TestKey, now};
use quanzi_tests::stage::Stage;
use serde_json::{Value, json};

fn circle(name: &str) -> Value {
    json!({ "name": name })
}

fn components(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| format!("\"{name}\"")).collect()
}

/// Every circle the partner has: a refused request must not add one.
async fn circles(partner: &Partner) -> usize {
    partner.get("/v1/circles").await.expect_status(200)["data"].as_array().expect("a list").len()
}

both_engines! {
    every_algorithm_signs,
    an_unsigned_change_is_refused_and_told_how_to_sign,
    each_component_must_be_covered,
    the_tag_is_required,
    created_must_lie_in_the_window,
    a_past_expiry_is_refused,
    the_key_must_be_the_apps_own,
    a_removed_key_cannot_sign,
    the_algorithm_comes_from_the_key,
    any_change_after_signing_is_noticed,
    the_body_must_be_the_digested_one,
    broken_digests_are_refused,
    every_line_of_a_digest_counts,
    a_proof_that_is_sent_must_be_covered,
    an_answer_to_unreadable_signature_headers_is_signed_too,
    a_nonce_is_good_once_and_a_failing_request_burns_none,
    a_signature_refused_for_scope_leaves_its_nonce_usable,
    what_a_signature_lacks_is_named,
    of_sixteen_replays_at_once_one_wins,
    forwarded_headers_do_not_change_the_target,
    two_signatures_with_our_tag_are_refused_and_foreign_ones_ignored,
    malformed_signature_headers_are_never_a_failure_of_ours,
    the_sandbox_shows_its_base_and_the_first_difference,
    the_sandbox_guesses_what_was_signed_instead,
    a_signature_is_explained_without_being_executed,
    changes_are_answered_signed_and_refusals_too,
    a_read_is_answered_signed_when_asked,
}

async fn every_algorithm_signs(stage: Stage) {
    let rsa_v1_5 = match TestKey::rsa() {
        TestKey::Rsa(pair, _) => TestKey::Rsa(pair, Algorithm::RsaV15Sha256),
        other => other,
    };
    for key in [TestKey::ed25519(), TestKey::p256(), TestKey::rsa()] {
        let partner = Partner::register_with(stage.url(), key).await;

        partner.post("/v1/circles", circle("Signed")).await.expect_status(201);
    }
    let partner = Partner::register_with(stage.url(), rsa_v1_5).await;
    partner.post("/v1/circles", circle("Not opted in")).await.expect_refusal(401, "signature_mismatch");
}

async fn an_unsigned_change_is_refused_and_told_how_to_sign(stage: Stage) {
    let partner = Partner::register(stage.url()).await;

    let answer = partner.request("POST", "/v1/circles").json(&circle("Unsigned")).unsigned().send().await;

    answer.expect_refusal(401, "signature_missing");
    let wanted = answer.header("accept-signature").expect("Accept-Signature");
    assert!(wanted.contains("\"content-digest\"") && wanted.contains("tag=\"fapi-2-request\""), "{wanted}");
    assert_eq!(circles(&partner).await, 0);
}

async fn each_component_must_be_covered(stage: Stage) {
    let partner = Partner::register(stage.url()).await;
    let all = ["@method", "@target-uri", "authorization", "content-digest", "content-type", "idempotency-key"];

    for left_out in all {
        let covered: Vec<&str> = all.into_iter().filter(|name| *name != left_out).collect();
        let request = partner.request("POST", "/v1/circles").header("idempotency-key", "k").json(&circle("Uncovered"));
        let answer = request.signing(|signing| signing.components = Some(components(&covered))).send().await;

        let body = answer.expect_refusal(401, "coverage_missing");
        assert_eq!(body["signature"]["missing"], json!([format!("\"{left_out}\"")]));
    }
    assert_eq!(circles(&partner).await, 0);
}

async fn the_tag_is_required(stage: Stage) {
    let partner = Partner::register(stage.url()).await;

    for tag in ["fapi-2-response", "another"] {
        let request = partner.request("GET", "/v1/partner").signing(|signing| signing.tag = Some(tag.to_owned()));
        request.send().await.expect_refusal(401, "tag_missing");
    }
}

async fn created_must_lie_in_the_window(stage: Stage) {
    let partner = Partner::register(stage.url()).await;
    let at =
        |seconds: i64| partner.request("GET", "/v1/partner").signing(|signing| signing.created = Some(now() + seconds));

    for seconds in [-80, -50, 0, 20] {
        at(seconds).send().await.expect_status(200);
    }
    for seconds in [-3_600, -100, 45, 3_600] {
        let body = at(seconds).send().await.expect_refusal(401, "created_out_of_window");
        let skew = body["signature"]["skew_seconds"].as_i64().expect("the skew");
        assert!((skew - seconds).abs() <= 2, "{skew}");
        assert!(body["signature"]["server_time"].is_i64());
    }
}

async fn a_past_expiry_is_refused(stage: Stage) {
    let partner = Partner::register(stage.url()).await;

    let expired = format!(";expires={}", now() - 1);
    let request = partner.request("GET", "/v1/partner").signing(|signing| signing.extra_params = expired);

    request.send().await.expect_refusal(401, "signature_expired");
}

async fn the_key_must_be_the_apps_own(stage: Stage) {
    let partner = Partner::register(stage.url()).await;
    let other = Partner::register(stage.url()).await;
    let with = |keyid: String| partner.request("GET", "/v1/partner").signing(|signing| signing.keyid = Some(keyid));

    with(TestKey::ed25519().kid()).send().await.expect_refusal(401, "keyid_unknown");
    with(other.key.kid()).send().await.expect_refusal(401, "key_of_other_client");
    with("x".repeat(300)).send().await.expect_refusal(401, "keyid_unknown");
}

async fn a_removed_key_cannot_sign(stage: Stage) {
    let mut partner = Partner::register(stage.url()).await;
    let old = partner.key.kid();
    let new = TestKey::ed25519();
    let keys = format!("/v1/apps/{}/keys", partner.app);
    partner.post(&keys, json!({ "key": new.jwk() })).await.expect_status(201);
    let old_key = std::mem::replace(&mut partner.key, new);
    partner.renew(None).await;
    partner.request("DELETE", &format!("{keys}/{old}")).send().await.expect_status(204);

    partner.key = old_key;
    let answer = partner.get("/v1/partner").await;

    answer.expect_refusal(401, "key_revoked");
}

async fn the_algorithm_comes_from_the_key(stage: Stage) {
    let partner = Partner::register(stage.url()).await;
    let with = |alg: &str| {
        let param = format!(";alg=\"{alg}\"");
        partner.request("GET", "/v1/partner").signing(|signing| signing.extra_params = param)
    };

    with("ed25519").send().await.expect_status(200);
    for alg in ["hmac-sha256", "rsa-pss-sha512", "ecdsa-p256-sha256", "none"] {
        let body = with(alg).send().await.expect_refusal(401, "alg_mismatch");
        assert_eq!(body["signature"]["registered_algorithm"], "ed25519");
    }
}

async fn any_change_after_signing_is_noticed(stage: Stage) {
    let partner = Partner::register(stage.url()).await;
    let ready = || partner.request("GET", "/v1/circles?limit=2").ready();
    let send = |ready: Ready| ready.send(&partner.http);

    let other_path = Ready { url: format!("{}/v1/apps?limit=2", partner.url), ..ready() };
    let other_query = Ready { url: format!("{}/v1/circles?limit=3", partner.url), ..ready() };
    let added_query = Ready { url: format!("{}/v1/circles?limit=2&status=open", partner.url), ..ready() };
    let encoded_query = Ready { url: format!("{}/v1/circles?l%69mit=2", partner.url), ..ready() };
    for changed in [other_path, other_query, added_query, encoded_query] {
        send(changed).await.expect_refusal(401, "signature_mismatch");
    }
    send(ready().tampered("signature-input", |text| text.replace("nonce=\"", "nonce=\"x")))
        .await
        .expect_refusal(401, "signature_mismatch");
    let broken = ready().tampered("signature", |text| {
        let (before, rest) = text.split_at(8);
        let other = if rest.starts_with('A') { 'B' } else { 'A' };
        format!("{before}{other}{}", &rest[1..])
    });
    assert_eq!(send(broken).await.status, 401);
}

async fn the_body_must_be_the_digested_one(stage: Stage) {
    let partner = Partner::register(stage.url()).await;
    let ready = partner.request("POST", "/v1/circles").json(&circle("Digested")).ready();

    let changed = Ready { body: Some(circle("Forged").to_string().into_bytes()), ..ready.clone() };
    let answer = changed.send(&partner.http).await;

    let body = answer.expect_refusal(401, "digest_mismatch");
    assert!(body["signature"]["digest_received"].is_string() && body["signature"]["digest_computed"].is_string());
    let spaced = Ready { body: Some(b"{ \"name\": \"Digested\" }".to_vec()), ..ready };
    let body = spaced.send(&partner.http).await.expect_refusal(401, "digest_mismatch");
    assert!(body["signature"]["hints"][0].as_str().is_some_and(|hint| hint.contains("without spaces")), "{body}");
    assert_eq!(circles(&partner).await, 0);
}

async fn broken_digests_are_refused(stage: Stage) {
    let partner = Partner::register(stage.url()).await;

    for (field, code) in [
        ("md5=:1B2M2Y8AsgTpgAmY7PhCfg==:", "digest_unsupported"),
        ("unixsum=30637", "digest_unsupported"),
        ("sha-256=:short:", "digest_malformed"),
        ("sha-256", "digest_malformed"),
        ("((", "digest_malformed"),
    ] {
        let mut ready = partner.request("POST", "/v1/circles").json(&circle("Digest"));
        ready = ready.signing(|_| ());
        let ready = ready.ready().tampered("content-digest", |_| field.to_owned());
        let answer = ready.send(&partner.http).await;
        // The signature covers the digest, so it breaks first; signed anew the digest itself is refused.
        assert_eq!(answer.status, 401, "{code}");
    }
    assert_eq!(circles(&partner).await, 0);
}

async fn every_line_of_a_digest_counts(stage: Stage) {
    let partner = Partner::register(stage.url()).await;
    let wrong = format!("sha-512=:{}:", "A".repeat(86) + "==");

    let answer =
        partner.request("POST", "/v1/circles").json(&circle("Lines")).header("content-digest", &wrong).send().await;

    answer.expect_refusal(401, "digest_mismatch");
    assert_eq!(circles(&partner).await, 0);
}

async fn a_proof_that_is_sent_must_be_covered(stage: Stage) {
    let partner = Partner::register(stage.url()).await;
    let proof = partner.key.proof("GET", &format!("{}/v1/partner", partner.url), now(), Some(&partner.token));
    let request = partner.request("GET", "/v1/partner").header("dpop", &proof);

    let uncovered = components(&["@method", "@target-uri", "authorization"]);
    let answer = request.signing(|signing| signing.components = Some(uncovered)).send().await;

    assert_eq!(answer.expect_refusal(401, "coverage_missing")["signature"]["missing"], json!(["\"dpop\""]));
}

async fn an_answer_to_unreadable_signature_headers_is_signed_too(stage: Stage) {
    let partner = Partner::register(stage.url()).await;
    let keys = gateway_keys(&partner).await;
    let ready = partner.request("POST", "/v1/circles").json(&circle("No")).ready();
    let broken = Ready { headers: vec![("signature".to_owned(), "caf\u{e9}".to_owned())], ..ready };

    let answer = broken.clone().send(&partner.http).await;

    answer.expect_status(401);
    assert!(verify_answer(&Ready { headers: Vec::new(), ..broken }, &answer, 401, &keys));
}

async fn a_nonce_is_good_once_and_a_failing_request_burns_none(stage: Stage) {
    let partner = Partner::register(stage.url()).await;
    let ready = partner.request("POST", "/v1/circles").json(&circle("Once")).ready();
    let forged = Ready { body: Some(b"{}".to_vec()), ..ready.clone() };

    forged.send(&partner.http).await.expect_refusal(401, "digest_mismatch");
    ready.clone().send(&partner.http).await.expect_status(201);
    ready.send(&partner.http).await.expect_refusal(401, "nonce_replayed");
}

async fn a_signature_refused_for_scope_leaves_its_nonce_usable(stage: Stage) {
    fn with_nonce(request: Request<'_>) -> Request<'_> {
        request.signing(|signing| signing.nonce = Some("used-for-real".to_owned()))
    }
    let mut partner = Partner::register(stage.url()).await;
    partner.renew(Some("circles:read")).await;
    let beyond = with_nonce(partner.request("POST", "/v1/circles").json(&circle("Beyond"))).ready();
    let within = with_nonce(partner.request("GET", "/v1/circles")).ready();

    for _ in 0..2 {
        beyond.clone().send(&partner.http).await.expect_refusal(403, "scope_missing");
    }
    within.clone().send(&partner.http).await.expect_status(200);
    within.send(&partner.http).await.expect_refusal(401, "nonce_replayed");
}

async fn what_a_signature_lacks_is_named(stage: Stage) {
    let partner = Partner::register(stage.url()).await;
    let ready = || partner.request("POST", "/v1/circles").json(&circle("Lacking")).ready();
    let without = |param: &str| {
        let cut = |text: &str| {
            let (before, rest) = text.split_once(&format!(";{param}=")).expect("the parameter");
            format!("{before}{}", rest.find(';').map_or("", |end| &rest[end..]))
        };
        ready().tampered("signature-input", cut)
    };
    let mut undigested = ready();
    undigested.headers.retain(|(name, _)| name != "content-digest");

    for (param, code) in [("created", "created_missing"), ("nonce", "nonce_missing"), ("keyid", "keyid_missing")] {
        without(param).send(&partner.http).await.expect_refusal(401, code);
    }
    let invented = ready().tampered("signature-input", |text| text.replacen("=(", "=(\"x-not-sent\" ", 1));
    invented.send(&partner.http).await.expect_refusal(401, "component_unusable");
    let garbled = ready().tampered("signature-input", |text| format!("{text};;"));
    garbled.send(&partner.http).await.expect_refusal(401, "signature_malformed");
    undigested.send(&partner.http).await.expect_refusal(401, "component_unusable");
    assert_eq!(circles(&partner).await, 0);
}

async fn of_sixteen_replays_at_once_one_wins(stage: Stage) {
    let partner = Partner::register(stage.url()).await;
    let ready = partner.request("GET", "/v1/partner").ready();

    let answers = futures_util::future::join_all((0..16).map(|_| ready.clone().send(&partner.http))).await;

    let statuses: Vec<u16> = answers.iter().map(|answer| answer.status).collect();
    assert_eq!(statuses.iter().filter(|status| **status == 200).count(), 1, "{statuses:?}");
    assert_eq!(statuses.iter().filter(|status| **status == 401).count(), 15, "{statuses:?}");
}

async fn forwarded_headers_do_not_change_the_target(stage: Stage) {
    let partner = Partner::register(stage.url()).await;
    let spoofed = || {
        let request = partner.request("GET", "/v1/partner");
        request
            .header("host", "evil.example")
            .header("x-forwarded-host", "evil.example")
            .header("x-forwarded-proto", "https")
    };

    spoofed().send().await.expect_status(200);
    let evil = spoofed().signed_for("https://evil.example/v1/partner").send().await;

    evil.expect_refusal(401, "signature_mismatch");
}

async fn two_signatures_with_our_tag_are_refused_and_foreign_ones_ignored(stage: Stage) {
    let partner = Partner::register(stage.url()).await;
    let doubled = |tag: &str| {
        let ready = partner.request("GET", "/v1/partner").ready();
        let second = format!(", proxy=(\"@method\");created={};keyid=\"p\";tag=\"{tag}\"", now());
        ready
            .tampered("signature-input", |text| format!("{text}{second}"))
            .tampered("signature", |text| format!("{text}, proxy=:AAAA:"))
    };

    doubled("fapi-2-request").send(&partner.http).await.expect_refusal(401, "signature_ambiguous");
    doubled("some-proxy").send(&partner.http).await.expect_status(200);
}

async fn malformed_signature_headers_are_never_a_failure_of_ours(stage: Stage) {
    let partner = Partner::register(stage.url()).await;
    let inputs = [
        "",
        "(",
        "sig",
        "sig=",
        "sig=(",
        "sig=()",
        "sig=(\"@method\" \"@method\")",
        "sig=(\"@nonsense\")",
        "sig=(\"@method\";req)",
        "sig=(\"@method\";bs)",
        "sig=(\"x-absent\")",
        "sig=1",
        "sig=\"text\"",
        "sig=(\"@query-param\")",
        "a=(), b=(), c=(), d=(), e=()",
        "sig=(\"authorization\";sf)",
        "sig=(\"@method\");created=99999999999999999999",
        "sig=(\"@method\");created=\"now\"",
        "sig=(1 2)",
    ];

    for input in inputs {
        let ready = partner.request("GET", "/v1/partner").ready();
        let parameters =
            format!("{input};created={};keyid=\"{}\";nonce=\"n\";tag=\"fapi-2-request\"", now(), partner.key.kid());
        for text in [input.to_owned(), parameters] {
            let answer = ready.clone().tampered("signature-input", |_| text.clone()).send(&partner.http).await;
            assert_eq!(answer.status, 401, "{text}: {}", String::from_utf8_lossy(&answer.bytes));
            assert!(answer.json()["code"].is_string(), "{text}");
        }
    }
    for value in ["", "sig=1", "sig=:!:", "other=:AAAA:", "sig=:AAAA:"] {
        let ready = partner.request("GET", "/v1/partner").ready();
        assert_eq!(ready.tampered("signature", |_| value.to_owned()).send(&partner.http).await.status, 401, "{value}");
    }
}

async fn the_sandbox_shows_its_base_and_the_first_difference(stage: Stage) {
    let partner = Partner::register(stage.url()).await;
    let ready = partner.request("GET", "/v1/partner").signed_for("https://127.0.0.1/v1/partner").ready();
    let base = ready.base.clone();
    let mut debugged = ready;
    debugged.headers.push(("signature-debug".to_owned(), encode_debug(&base)));

    let body = debugged.send(&partner.http).await.expect_refusal(401, "signature_mismatch");

    let report = &body["signature"];
    let lines: Vec<&str> =
        report["signature_base"].as_array().expect("lines").iter().filter_map(Value::as_str).collect();
    assert!(lines.contains(&"\"@method\": GET"), "{lines:?}");
    assert!(!body.to_string().contains(&partner.token), "the token must not be echoed");
    assert_eq!(report["first_difference"]["line"], 2);
    assert!(report["first_difference"]["client"].as_str().is_some_and(|line| line.contains("https://")), "{report}");
}

async fn the_sandbox_guesses_what_was_signed_instead(stage: Stage) {
    let partner = Partner::register(stage.url()).await;
    let https = format!("{}/v1/partner", stage.url().replace("http://", "https://"));

    let scheme =
        partner.request("GET", "/v1/partner").signed_for(&https).send().await.expect_refusal(401, "signature_mismatch");
    let method =
        partner.request("GET", "/v1/partner").signed_as("POST").send().await.expect_refusal(401, "signature_mismatch");

    let hint = |body: &Value| body["signature"]["hints"][0].as_str().unwrap_or_default().to_owned();
    assert!(hint(&scheme).contains(&https), "{scheme}");
    assert!(hint(&method).contains("POST"), "{method}");
}

async fn a_signature_is_explained_without_being_executed(stage: Stage) {
    let partner = Partner::register(stage.url()).await;
    let ready = partner.request("POST", "/v1/circles").json(&circle("Explained")).ready();
    let headers: Vec<Value> =
        ready.headers.iter().map(|(name, value)| json!({ "name": name, "value": value })).collect();
    let body = String::from_utf8(ready.body.clone().expect("a body")).expect("text");
    let check = |url: &str, body: &str| json!({ "method": "POST", "url": url, "headers": headers, "body": body, "signature_base": ready.base });
    let ask = |question: Value| {
        let request = partner.http.post(format!("{}/sandbox/v1/signature/check", partner.url)).json(&question);
        async move { Answer::read(request.send().await.expect("an answer")).await.expect_status(200) }
    };

    let good = ask(check(&ready.url, &body)).await;
    let forged = ask(check(&ready.url, "{}")).await;
    let elsewhere = ask(check(&ready.url.replace("circles", "apps"), &body)).await;

    assert_eq!(good["valid"], true, "{good}");
    assert!(good["signature"]["signature_base"].as_array().is_some_and(|lines| lines.len() >= 5), "{good}");
    assert_eq!((&forged["valid"], &forged["code"]), (&json!(false), &json!("digest_mismatch")));
    assert_eq!(elsewhere["code"], "signature_mismatch");
    assert_eq!(circles(&partner).await, 0);
    // The nonce is still good: nothing was used up.
    ready.send(&partner.http).await.expect_status(201);
}

async fn changes_are_answered_signed_and_refusals_too(stage: Stage) {
    let partner = Partner::register(stage.url()).await;
    let keys = gateway_keys(&partner).await;
    let good = partner.request("POST", "/v1/circles").json(&circle("Answered")).ready();
    let bad = partner.request("POST", "/v1/circles").json(&json!({ "name": "" })).ready();
    let unsigned = partner.request("POST", "/v1/circles").json(&circle("No")).unsigned().ready();

    for (ready, status) in [(good, 201), (bad, 400), (unsigned, 401)] {
        let answer = ready.clone().send(&partner.http).await;

        answer.expect_status(status);
        assert!(verify_answer(&ready, &answer, answer.status, &keys), "{status}");
        assert!(!verify_answer(&ready, &answer, 299, &keys), "another status must not verify");
        let other = Ready { url: format!("{}x", ready.url), ..ready };
        assert!(!verify_answer(&other, &answer, answer.status, &keys), "another request must not verify");
    }
}

async fn a_read_is_answered_signed_when_asked(stage: Stage) {
    let partner = Partner::register(stage.url()).await;
    let keys = gateway_keys(&partner).await;
    let asked =
        partner.request("GET", "/v1/partner").header("accept-signature", "sig=();tag=\"fapi-2-response\"").ready();

    let plain = partner.get("/v1/partner").await;
    let signed = asked.clone().send(&partner.http).await;

    assert_eq!(plain.header("signature"), None);
    assert!(verify_answer(&asked, &signed, 200, &keys));
    assert!(signed.header("vary").is_some_and(|vary| vary.contains("accept-signature")));
    let missing = Ready { url: format!("{}/nowhere", partner.url), ..asked };
    let not_found = missing.clone().send(&partner.http).await;
    not_found.expect_refusal(404, "route_not_found");
    assert!(verify_answer(&missing, &not_found, 404, &keys));
}

async fn gateway_keys(partner: &Partner) -> Vec<Jwk> {
    let read = async |url: String| {
        let answer = partner.http.get(url).send().await.expect("an answer");
        serde_json::from_slice::<Value>(&answer.bytes().await.expect("a body")).expect("json")
    };
    let metadata = read(format!("{}/.well-known/oauth-protected-resource", partner.url)).await;
    let keys = read(metadata["jwks_uri"].as_str().expect("jwks_uri").to_owned()).await;
    serde_json::from_value(keys["keys"].clone()).expect("keys")
}

/// Whether the answer, seen with this status, is signed by the gateway for this request.
fn verify_answer(ready: &Ready, answer: &Answer, status: u16, keys: &[Jwk]) -> bool {
    let request_headers: Vec<(&str, &[u8])> =
        ready.headers.iter().map(|(name, value)| (name.as_str(), value.as_bytes())).collect();
    let request = Message::request(&ready.method, &ready.url, &request_headers).expect("a request");
    let headers: Vec<(&str, &[u8])> =
        answer.headers.iter().map(|(name, value)| (name.as_str(), value.as_bytes())).collect();
    let message = Message::response(status, &headers, Some(&request));
    let has_body = !answer.bytes.is_empty();
    let Ok(signature) = examine_response(&message, &ResponseShape::of(&message, has_body), now()) else { return false };
    let digest = answer.header("content-digest").map(str::as_bytes);
    if ContentDigest::check_message(digest, &answer.bytes).is_err() || Signatures::read(&message).is_err() {
        return false;
    }
    let key = keys.iter().find(|key| key.kid.as_deref() == signature.keyid.as_deref()).expect("a known key");
    let quanzi_openapi::jose::PublicKey::Ed25519(public) = &key.key else { return false };
    let base = base(&message, &signature).expect("a base");
    let public = aws_lc_rs::signature::UnparsedPublicKey::new(&aws_lc_rs::signature::ED25519, public);
    public.verify(base.as_bytes(), &signature.bytes).is_ok()
}
