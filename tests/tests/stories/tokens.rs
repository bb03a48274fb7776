//! Tokens: client authentication, DPoP, access tokens at the API, introspection, revocation; each rule is one test.

use quanzi_openapi::jose::{ClientAssertion, DpopClaims};
use quanzi_openapi::oauth::ASSERTION_TYPE;
use quanzi_tests::both_engines;
use quanzi_tests::raw::{Answer, Partner, TestKey, now, random_text};
use quanzi_tests::stage::Stage;
use serde_json::{Value, json};

fn form(assertion: String) -> Vec<(&'static str, String)> {
    vec![
        ("grant_type", "client_credentials".to_owned()),
        ("client_assertion_type", ASSERTION_TYPE.to_owned()),
        ("client_assertion", assertion),
    ]
}

/// A token request with this assertion and a good proof.
async fn with_assertion(partner: &Partner, assertion: String) -> Answer {
    let proof = partner.key.proof("POST", &format!("{}/oauth/token", partner.url), now(), None);
    partner.form("/oauth/token", &form(assertion), Some(&proof)).await
}

/// A token request with a good assertion and this proof.
async fn with_proof(partner: &Partner, proof: Option<&str>) -> Answer {
    partner.form("/oauth/token", &form(partner.key.assertion(&partner.app, &partner.url, now())), proof).await
}

fn claims(partner: &Partner) -> Value {
    serde_json::to_value(ClientAssertion::new(&partner.app, &partner.url, &random_text(), now(), 60)).expect("json")
}

fn changed(mut claims: Value, name: &str, value: Value) -> Value {
    if value.is_null() {
        claims.as_object_mut().expect("claims").remove(name)
    } else {
        claims.as_object_mut().expect("claims").insert(name.to_owned(), value)
    };
    claims
}

both_engines! {
    a_token_is_bound_short_lived_and_never_cached,
    only_the_issuer_as_a_string_is_the_audience,
    every_way_to_fail_authentication_looks_alike,
    an_assertion_is_good_once,
    of_eight_uses_of_an_assertion_at_once_one_wins,
    a_secret_or_a_second_method_is_refused,
    a_doubled_parameter_a_json_body_and_a_get_are_refused,
    only_client_credentials_and_known_scopes_are_granted,
    a_proof_is_required_and_checked_claim_by_claim,
    a_proof_is_good_once,
    a_clock_that_is_off_gets_a_nonce_and_then_a_token,
    the_assertion_survives_a_nonce_challenge,
    a_bound_token_needs_its_key,
    a_token_is_taken_from_the_header_only_and_whole,
    a_forged_token_is_refused,
    a_token_ends_after_five_minutes,
    a_scope_opens_what_it_names_and_nothing_else,
    a_revoked_token_ends_at_once,
    introspection_answers_the_owner_only,
    the_metadata_agrees_with_itself,
}

async fn a_token_is_bound_short_lived_and_never_cached(stage: Stage) {
    let partner = Partner::register(stage.url()).await;

    let answer = partner.fetch_token(Some("circles:read")).await;

    let token = answer.expect_status(200);
    assert_eq!(
        (&token["token_type"], &token["expires_in"], &token["scope"]),
        (&json!("DPoP"), &json!(300), &json!("circles:read"))
    );
    assert_eq!(answer.header("cache-control"), Some("no-store"));
}

async fn only_the_issuer_as_a_string_is_the_audience(stage: Stage) {
    let partner = Partner::register(stage.url()).await;
    let issuer = partner.url.clone();

    for audience in
        [json!(format!("{issuer}/oauth/token")), json!(format!("{issuer}/")), json!([issuer]), Value::Null, json!("")]
    {
        let assertion = partner.key.jwt(json!({}), &changed(claims(&partner), "aud", audience));
        with_assertion(&partner, assertion).await.expect_oauth_error(401, "invalid_client");
    }
}

async fn every_way_to_fail_authentication_looks_alike(stage: Stage) {
    let partner = Partner::register(stage.url()).await;
    let stranger = TestKey::ed25519();
    let good = || claims(&partner);
    let sign = |claims: Value| partner.key.jwt(json!({}), &claims);

    let mut bad = vec![
        stranger.jwt(json!({}), &good()),
        sign(changed(good(), "iss", json!("app_0000000000000000000000000Z"))),
        sign(changed(good(), "sub", json!("somebody"))),
        sign(changed(good(), "sub", Value::Null)),
        sign(changed(good(), "exp", json!(now() - 120))),
        sign(changed(good(), "exp", Value::Null)),
        sign(changed(good(), "exp", json!(now() + 86_400))),
        sign(changed(good(), "iat", json!(now() + 120))),
        sign(changed(good(), "nbf", json!(now() + 120))),
        sign(changed(good(), "jti", Value::Null)),
        sign(changed(good(), "jti", json!(""))),
        "nonsense".to_owned(),
        "a.b.c".to_owned(),
    ];
    for alg in ["none", "HS256", "RS256"] {
        bad.push(partner.key.jwt(json!({ "alg": alg }), &good()));
    }
    for assertion in bad {
        let answer = with_assertion(&partner, assertion.clone()).await;
        answer.expect_oauth_error(401, "invalid_client");
    }
    let proof = partner.key.proof("POST", &format!("{}/oauth/token", partner.url), now(), None);
    let nobody = partner.form("/oauth/token", &[("grant_type", "client_credentials".to_owned())], Some(&proof)).await;
    nobody.expect_oauth_error(401, "invalid_client");
    let with_iat_ahead = sign(changed(good(), "iat", json!(now() + 9)));
    with_assertion(&partner, with_iat_ahead).await.expect_status(200);
}

async fn an_assertion_is_good_once(stage: Stage) {
    let partner = Partner::register(stage.url()).await;
    let assertion = partner.key.assertion(&partner.app, &partner.url, now());

    with_assertion(&partner, assertion.clone()).await.expect_status(200);

    with_assertion(&partner, assertion).await.expect_oauth_error(401, "invalid_client");
}

async fn of_eight_uses_of_an_assertion_at_once_one_wins(stage: Stage) {
    let partner = Partner::register(stage.url()).await;
    let assertion = partner.key.assertion(&partner.app, &partner.url, now());

    let answers = futures_util::future::join_all((0..8).map(|_| with_assertion(&partner, assertion.clone()))).await;

    assert_eq!(answers.iter().filter(|answer| answer.status == 200).count(), 1, "{answers:?}");
}

async fn a_secret_or_a_second_method_is_refused(stage: Stage) {
    let partner = Partner::register(stage.url()).await;
    let mut both = form(partner.key.assertion(&partner.app, &partner.url, now()));
    both.push(("client_secret", "hunter2".to_owned()));
    let proof = partner.key.proof("POST", &format!("{}/oauth/token", partner.url), now(), None);

    partner.form("/oauth/token", &both, Some(&proof)).await.expect_oauth_error(401, "invalid_client");
}

async fn a_doubled_parameter_a_json_body_and_a_get_are_refused(stage: Stage) {
    let partner = Partner::register(stage.url()).await;
    let url = format!("{}/oauth/token", partner.url);
    let mut doubled = form(partner.key.assertion(&partner.app, &partner.url, now()));
    doubled.push(("grant_type", "client_credentials".to_owned()));

    partner.form("/oauth/token", &doubled, None).await.expect_oauth_error(400, "invalid_request");
    assert_eq!(partner.http.post(&url).json(&json!({})).send().await.expect("an answer").status(), 415);
    assert_eq!(partner.http.get(&url).send().await.expect("an answer").status(), 405);
}

async fn only_client_credentials_and_known_scopes_are_granted(stage: Stage) {
    let partner = Partner::register(stage.url()).await;
    let ask = async |name: &'static str, value: &str| {
        let mut form = form(partner.key.assertion(&partner.app, &partner.url, now()));
        form.retain(|(there, _)| *there != name);
        form.push((name, value.to_owned()));
        let proof = partner.key.proof("POST", &format!("{}/oauth/token", partner.url), now(), None);
        partner.form("/oauth/token", &form, Some(&proof)).await
    };

    for grant in ["password", "implicit", "urn:ietf:params:oauth:grant-type:device_code"] {
        ask("grant_type", grant).await.expect_oauth_error(400, "unsupported_grant_type");
    }
    for scope in ["nonsense", "openid", "offline_access", "circles:read openid"] {
        ask("scope", scope).await.expect_oauth_error(400, "invalid_scope");
    }
    ask("resource", "https://elsewhere.example").await.expect_oauth_error(400, "invalid_target");
    ask("resource", &partner.url).await.expect_status(200);
}

async fn a_proof_is_required_and_checked_claim_by_claim(stage: Stage) {
    let partner = Partner::register(stage.url()).await;
    let url = format!("{}/oauth/token", partner.url);
    let good = || {
        serde_json::to_value(DpopClaims::new("POST", &url, &random_text(), now(), None).expect("claims")).expect("json")
    };
    let key = &partner.key;

    with_proof(&partner, None).await.expect_oauth_error(400, "invalid_dpop_proof");
    for claims in [
        changed(good(), "htm", json!("GET")),
        changed(good(), "htu", json!("https://elsewhere.example/oauth/token")),
        changed(good(), "htu", Value::Null),
        changed(good(), "jti", Value::Null),
    ] {
        with_proof(&partner, Some(&key.proof_of(&claims))).await.expect_oauth_error(400, "invalid_dpop_proof");
    }
    let jwk = key.jwk();
    for header in [
        json!({ "typ": "JWT", "jwk": jwk }),
        json!({ "typ": "dpop+jwt" }),
        json!({ "typ": "dpop+jwt", "jwk": jwk, "alg": "none" }),
        json!({ "typ": "dpop+jwt", "jwk": jwk, "crit": ["x"] }),
        json!({ "typ": "dpop+jwt", "jwk": TestKey::ed25519().jwk() }),
    ] {
        with_proof(&partner, Some(&key.jwt(header, &good()))).await.expect_oauth_error(400, "invalid_dpop_proof");
    }
    let upper = url.replace("http://", "HTTP://");
    with_proof(&partner, Some(&key.proof_of(&changed(good(), "htu", json!(upper))))).await.expect_status(200);
    let unknown = changed(good(), "something", json!("else"));
    with_proof(&partner, Some(&key.proof_of(&unknown))).await.expect_status(200);
    let newer_name = key.jwt(json!({ "typ": "dpop+jwt", "jwk": jwk, "alg": "Ed25519" }), &good());
    with_proof(&partner, Some(&newer_name)).await.expect_status(200);
}

async fn a_proof_is_good_once(stage: Stage) {
    let partner = Partner::register(stage.url()).await;
    let proof = partner.key.proof("POST", &format!("{}/oauth/token", partner.url), now(), None);

    with_proof(&partner, Some(&proof)).await.expect_status(200);

    with_proof(&partner, Some(&proof)).await.expect_oauth_error(400, "invalid_dpop_proof");
}

async fn a_clock_that_is_off_gets_a_nonce_and_then_a_token(stage: Stage) {
    let partner = Partner::register(stage.url()).await;
    let url = format!("{}/oauth/token", partner.url);
    let late = || {
        serde_json::to_value(DpopClaims::new("POST", &url, &random_text(), now() - 7_200, None).expect("claims"))
            .expect("json")
    };

    let challenged = with_proof(&partner, Some(&partner.key.proof_of(&late()))).await;
    challenged.expect_oauth_error(400, "use_dpop_nonce");
    let nonce = challenged.header("dpop-nonce").expect("a nonce").to_owned();
    let answered = with_proof(&partner, Some(&partner.key.proof_of(&changed(late(), "nonce", json!(nonce))))).await;
    let forged = with_proof(&partner, Some(&partner.key.proof_of(&changed(late(), "nonce", json!("forged"))))).await;

    answered.expect_status(200);
    forged.expect_oauth_error(400, "use_dpop_nonce");
}

async fn the_assertion_survives_a_nonce_challenge(stage: Stage) {
    let partner = Partner::register(stage.url()).await;
    let url = format!("{}/oauth/token", partner.url);
    let assertion = partner.key.assertion(&partner.app, &partner.url, now());
    let late =
        serde_json::to_value(DpopClaims::new("POST", &url, &random_text(), now() - 7_200, None).expect("claims"))
            .expect("json");

    let challenged = partner.form("/oauth/token", &form(assertion.clone()), Some(&partner.key.proof_of(&late))).await;
    challenged.expect_oauth_error(400, "use_dpop_nonce");

    with_assertion(&partner, assertion).await.expect_status(200);
}

async fn a_bound_token_needs_its_key(stage: Stage) {
    let partner = Partner::register(stage.url()).await;
    let path = format!("{}/v1/partner", partner.url);
    let unsigned = || partner.request("GET", "/v1/partner").unsigned();
    let good = || partner.key.proof("GET", &path, now(), Some(&partner.token));

    unsigned().send().await.expect_refusal(401, "proof_missing");
    unsigned().header("dpop", &good()).send().await.expect_status(200);
    let stranger = TestKey::ed25519();
    unsigned()
        .header("dpop", &stranger.proof("GET", &path, now(), Some(&partner.token)))
        .send()
        .await
        .expect_refusal(401, "proof_invalid");
    unsigned()
        .header("dpop", &partner.key.proof("POST", &path, now(), Some(&partner.token)))
        .send()
        .await
        .expect_refusal(401, "proof_invalid");
    unsigned()
        .header("dpop", &partner.key.proof("GET", &path, now(), None))
        .send()
        .await
        .expect_refusal(401, "proof_invalid");
    unsigned()
        .header("dpop", &partner.key.proof("GET", &path, now(), Some("other")))
        .send()
        .await
        .expect_refusal(401, "proof_invalid");
    let once = good();
    unsigned().header("dpop", &once).send().await.expect_status(200);
    unsigned().header("dpop", &once).send().await.expect_refusal(401, "proof_invalid");
}

async fn a_token_is_taken_from_the_header_only_and_whole(stage: Stage) {
    let partner = Partner::register(stage.url()).await;
    let with = |value: Option<String>| partner.request("GET", "/v1/partner").authorization(value.as_deref());

    let bare = partner.request("GET", "/v1/partner").unsigned().authorization(None).send().await;
    bare.expect_refusal(401, "token_missing");
    let challenge = bare.header("www-authenticate").expect("a challenge");
    assert!(
        challenge.starts_with("DPoP ") && !challenge.contains("error=") && challenge.contains("resource_metadata="),
        "{challenge}"
    );
    with(Some(format!("Bearer {}", partner.token))).send().await.expect_refusal(401, "token_invalid");
    with(Some(format!("dpop {}", partner.token))).send().await.expect_status(200);
    with(Some("DPoP nonsense".to_owned())).send().await.expect_refusal(401, "token_invalid");
    let mut altered = partner.token.clone();
    altered.replace_range(altered.len() - 6.., "AAAAAA");
    let refused = with(Some(format!("DPoP {altered}"))).send().await;
    refused.expect_refusal(401, "token_invalid");
    assert!(refused.header("www-authenticate").is_some_and(|text| text.contains("error=\"invalid_token\"")));
    let in_query = partner.request("GET", &format!("/v1/partner?access_token={}", partner.token)).send().await;
    in_query.expect_refusal(401, "token_invalid");
}

async fn a_forged_token_is_refused(stage: Stage) {
    let partner = Partner::register(stage.url()).await;
    let payload: Vec<&str> = partner.token.split('.').collect();
    let bytes = quanzi_openapi::jose::decode_base64url(payload[1]).expect("base64url");
    let real: Value = serde_json::from_slice(&bytes).expect("claims");
    let own = |header: Value, claims: &Value| format!("DPoP {}", partner.key.jwt(header, claims));

    for forged in [
        own(json!({ "typ": "at+jwt" }), &real),
        own(json!({ "typ": "at+jwt", "alg": "none" }), &real),
        own(json!({ "typ": "JWT" }), &real),
    ] {
        partner
            .request("GET", "/v1/partner")
            .authorization(Some(&forged))
            .send()
            .await
            .expect_refusal(401, "token_invalid");
    }
    for name in ["iss", "aud", "sub", "exp", "iat", "jti", "client_id", "scope", "cnf"] {
        assert!(!real[name].is_null(), "{name}");
    }
    assert_eq!(real["sub"], partner.app);
}

async fn a_token_ends_after_five_minutes(stage: Stage) {
    let partner = Partner::register(stage.url()).await;
    partner.get("/v1/partner").await.expect_status(200);

    stage.advance(301);

    let request = partner.request("GET", "/v1/partner").signing(|signing| signing.created = Some(now() + 301));
    request.send().await.expect_refusal(401, "token_expired");
}

async fn a_scope_opens_what_it_names_and_nothing_else(stage: Stage) {
    let mut partner = Partner::register(stage.url()).await;
    partner.renew(Some("circles:read")).await;

    partner.get("/v1/circles").await.expect_status(200);
    let refused = partner.post("/v1/circles", json!({ "name": "No" })).await;

    refused.expect_refusal(403, "scope_missing");
    let challenge = refused.header("www-authenticate").expect("a challenge");
    assert!(challenge.contains("insufficient_scope") && challenge.contains("scope=\"circles:write\""), "{challenge}");
}

async fn a_revoked_token_ends_at_once(stage: Stage) {
    let partner = Partner::register(stage.url()).await;
    let other = Partner::register(stage.url()).await;
    partner.get("/v1/partner").await.expect_status(200);
    let question = |asker: &Partner, token: &str| {
        let mut form = form(asker.key.assertion(&asker.app, &asker.url, now()));
        form.extend([("token", token.to_owned()), ("token_type_hint", "refresh_token".to_owned())]);
        form
    };

    other.form("/oauth/revoke", &question(&other, &partner.token), None).await.expect_status(200);
    partner.get("/v1/partner").await.expect_status(200);
    partner.form("/oauth/revoke", &question(&partner, "unknown"), None).await.expect_status(200);
    partner.form("/oauth/revoke", &question(&partner, &partner.token), None).await.expect_status(200);

    partner.get("/v1/partner").await.expect_refusal(401, "token_revoked");
}

async fn introspection_answers_the_owner_only(stage: Stage) {
    let partner = Partner::register(stage.url()).await;
    let other = Partner::register(stage.url()).await;
    let ask = async |asker: &Partner, token: &str| {
        let mut form = form(asker.key.assertion(&asker.app, &asker.url, now()));
        form.push(("token", token.to_owned()));
        asker.form("/oauth/introspect", &form, None).await.expect_status(200)
    };

    let own = ask(&partner, &partner.token).await;
    let foreign = ask(&other, &partner.token).await;
    let unknown = ask(&partner, "unknown").await;

    assert_eq!(
        (&own["active"], &own["client_id"], &own["token_type"]),
        (&json!(true), &json!(partner.app), &json!("DPoP"))
    );
    assert_eq!(own["cnf"]["jkt"], partner.key.kid());
    assert_eq!(foreign, json!({ "active": false }));
    assert_eq!(unknown, json!({ "active": false }));
}

async fn the_metadata_agrees_with_itself(stage: Stage) {
    let http = quanzi_tests::raw::client();
    let read = async |path: &str| {
        Answer::read(http.get(format!("{}{path}", stage.url())).send().await.expect("an answer")).await
    };

    let oauth = read("/.well-known/oauth-authorization-server").await.expect_status(200);
    let openid = read("/.well-known/openid-configuration").await.expect_status(200);
    let resource = read("/.well-known/oauth-protected-resource").await.expect_status(200);
    let keys = read("/oauth/jwks").await;

    assert_eq!(oauth, openid);
    assert_eq!(oauth["issuer"], stage.url());
    assert_eq!(resource["resource"], stage.url());
    assert_eq!(resource["dpop_bound_access_tokens_required"], true);
    assert_eq!(oauth["token_endpoint_auth_methods_supported"], json!(["private_key_jwt"]));
    assert!(keys.header("cache-control").is_some_and(|text| text.contains("max-age")));
    for key in keys.json()["keys"].as_array().expect("keys") {
        assert!(key["d"].is_null() && key["kid"].is_string() && key["use"] == "sig" && key["alg"].is_string(), "{key}");
    }
}
