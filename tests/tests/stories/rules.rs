//! Rules of the authorization server that no other story states; `docs/security-rules.md` has all of them, with their tests.

use aws_lc_rs::hmac::{self, HMAC_SHA256};
use quanzi_openapi::jose::{Compact, DpopClaims, Jwk, PublicKey, assemble, signing_input};
use quanzi_tests::both_engines;
use quanzi_tests::browser::{Asking, Browser, Wish, exchange_form, field};
use quanzi_tests::raw::{Answer, TestKey, now, random_text};
use quanzi_tests::stage::Stage;
use serde_json::{Value, json};

const CLIENT_ENDPOINTS: [&str; 4] = ["/oauth/par", "/oauth/token", "/oauth/introspect", "/oauth/revoke"];

fn claims(token: &str) -> Value {
    Compact::parse(token).expect("a JWS").claims().expect("claims")
}

/// A DPoP proof for the token endpoint, as it must be, issued so many seconds from now.
fn proof_claims(app: &Asking<'_>, seconds: i64) -> Value {
    let url = format!("{}/oauth/token", app.partner.url);
    let claims = DpopClaims::new("POST", &url, &random_text(), now() + seconds, None);
    serde_json::to_value(claims.expect("claims")).expect("json")
}

/// A token for the app itself, asked for with this proof.
async fn with_proof(app: &Asking<'_>, proof: Option<&str>) -> Answer {
    let form = app.authenticated(&[("grant_type", "client_credentials".to_owned())]);
    app.partner.form("/oauth/token", &form, proof).await
}

/// The ways a careless server might turn a public key into a shared secret.
fn secrets(key: &Jwk) -> Vec<Vec<u8>> {
    let PublicKey::Ed25519(bytes) = &key.key else { panic!("an Ed25519 key") };
    let json = serde_json::to_value(key).expect("json");
    vec![bytes.to_vec(), field(&json, "x").as_bytes().to_vec(), json.to_string().into_bytes(), Vec::new()]
}

fn hs256(secret: &[u8], mut header: Value, claims: &Value) -> String {
    header["alg"] = json!("HS256");
    let input = signing_input(&header, claims).expect("json");
    let tag = hmac::sign(&hmac::Key::new(HMAC_SHA256, secret), input.as_bytes());
    assemble(&input, tag.as_ref())
}

both_engines! {
    the_metadata_names_nothing_weak,
    the_resource_says_how_it_is_asked,
    published_keys_are_public_and_told_apart,
    an_app_cannot_name_an_address_for_its_keys,
    a_public_key_is_no_secret,
    each_endpoint_of_clients_wants_an_assertion,
    a_request_uri_cannot_be_guessed,
    a_pushed_request_is_a_small_form,
    a_resource_is_ours_at_every_step,
    no_grant_gives_a_token_without_a_proof,
    a_proof_shows_a_public_key_only,
    a_proof_may_be_ten_seconds_off,
    the_api_asks_for_a_nonce_when_the_clock_is_off,
    a_token_in_a_body_is_no_credential,
    a_refresh_token_is_the_clients_and_takes_any_key,
    an_id_token_says_who_and_when_and_nothing_else,
    all_apps_of_a_partner_know_the_same_fan,
}

async fn the_metadata_names_nothing_weak(stage: Stage) {
    let app = Asking::new(&stage).await;

    let read = app.partner.get("/.well-known/openid-configuration").await.expect_status(200);

    let lists: Vec<(&String, &Value)> = read
        .as_object()
        .expect("metadata")
        .iter()
        .filter(|(name, _)| name.ends_with("signing_alg_values_supported"))
        .collect();
    assert!(lists.len() >= 4, "{read}");
    for (name, list) in lists {
        let algorithms = list.as_array().expect("a list");
        assert!(!algorithms.is_empty(), "{name}");
        for algorithm in algorithms {
            assert!(["EdDSA", "Ed25519", "ES256", "PS256"].iter().any(|good| algorithm == good), "{name}: {algorithm}");
        }
    }
    assert!(
        !read["grant_types_supported"].to_string().contains("password")
            && !read["response_types_supported"].to_string().contains("token")
    );
}

async fn the_resource_says_how_it_is_asked(stage: Stage) {
    let app = Asking::new(&stage).await;

    let read = app.partner.get("/.well-known/oauth-protected-resource").await.expect_status(200);

    let origin = stage.url();
    for (name, value) in [
        ("resource", json!(origin)),
        ("authorization_servers", json!([origin])),
        ("bearer_methods_supported", json!(["header"])),
        ("dpop_bound_access_tokens_required", json!(true)),
        ("jwks_uri", json!(format!("{origin}/oauth/jwks"))),
    ] {
        assert_eq!(read[name], value, "{name}");
    }
    assert!(
        read["dpop_signing_alg_values_supported"].as_array().is_some_and(|list| list.contains(&json!("EdDSA"))),
        "{read}"
    );
}

async fn published_keys_are_public_and_told_apart(stage: Stage) {
    let app = Asking::new(&stage).await;

    let answer = app.partner.get("/oauth/jwks").await;

    let read = answer.expect_status(200);
    let keys = read["keys"].as_array().expect("keys");
    let kids: std::collections::BTreeSet<&str> = keys.iter().map(|key| field(key, "kid")).collect();
    assert_eq!((kids.len(), keys.len()), (2, 2), "one for tokens and answers, one for id tokens: {read}");
    for key in keys {
        let members = key.as_object().expect("a key");
        assert!(
            ["d", "p", "q", "dp", "dq", "qi", "k", "oth"].iter().all(|private| !members.contains_key(*private)),
            "{key}"
        );
    }
    assert!(answer.header("cache-control").is_some_and(|text| text.contains("max-age=")));
}

async fn an_app_cannot_name_an_address_for_its_keys(stage: Stage) {
    let app = Asking::new(&stage).await;
    let with_address = json!({ "name": "far away", "jwks_uri": "https://app.example/jwks" });
    let with_both = json!({ "name": "far away", "jwks": { "keys": [TestKey::ed25519().jwk()] }, "jwks_uri": "https://app.example/jwks" });

    for body in [with_address, with_both] {
        app.partner.post("/v1/apps", body).await.expect_status(400);
    }

    assert_eq!(stage.count("app").await, 1);
}

async fn a_public_key_is_no_secret(stage: Stage) {
    let app = Asking::new(&stage).await;
    let partner = &app.partner;
    let own = partner.key.jwk();
    let keys: Vec<Jwk> =
        serde_json::from_value(partner.get("/oauth/jwks").await.expect_status(200)["keys"].take()).expect("keys");
    let gateways = keys.into_iter().find(|key| matches!(key.key, PublicKey::Ed25519(_))).expect("the key of tokens");
    let token = Compact::parse(&partner.token).expect("a JWS");
    let good = claims(&partner.key.assertion(&partner.app, &partner.url, now()));

    for secret in secrets(&own) {
        let assertion = hs256(&secret, json!({ "kid": own.thumbprint() }), &good);
        let form = [
            ("grant_type", "client_credentials".to_owned()),
            ("client_assertion_type", quanzi_openapi::oauth::ASSERTION_TYPE.to_owned()),
            ("client_assertion", assertion),
        ];
        let proof = partner.key.proof_of(&proof_claims(&app, 0));
        partner.form("/oauth/token", &form, Some(&proof)).await.expect_oauth_error(401, "invalid_client");
        let proof = hs256(&secret, json!({ "typ": "dpop+jwt", "jwk": own }), &proof_claims(&app, 0));
        with_proof(&app, Some(&proof)).await.expect_oauth_error(400, "invalid_dpop_proof");
    }
    for secret in secrets(&gateways) {
        let forged = hs256(&secret, json!({ "typ": "at+jwt", "kid": token.header.kid }), &claims(&partner.token));
        let request = partner.request("GET", "/v1/partner").authorization(Some(&format!("DPoP {forged}")));
        request.send().await.expect_refusal(401, "token_invalid");
    }
}

async fn each_endpoint_of_clients_wants_an_assertion(stage: Stage) {
    let app = Asking::new(&stage).await;
    let partner = &app.partner;

    for path in CLIENT_ENDPOINTS {
        let mut form = Wish::new("openid").form;
        form.extend([
            ("grant_type", "client_credentials".to_owned()),
            ("token", partner.token.clone()),
            ("client_id", partner.app.clone()),
        ]);
        let proof = partner.key.proof("POST", &format!("{}{path}", partner.url), now(), None);
        let bare = partner.form(path, &form, Some(&proof)).await;
        let basic = partner
            .http
            .post(format!("{}{path}", partner.url))
            .basic_auth(&partner.app, Some("secret"))
            .form(&form)
            .send()
            .await;
        let mut two = app.authenticated(&form);
        two.push(("client_secret", "secret".to_owned()));
        let two = partner.form(path, &two, Some(&proof)).await;

        for answer in [bare, Answer::read(basic.expect("an answer")).await, two] {
            answer.expect_oauth_error(401, "invalid_client");
        }
    }
    partner.get("/v1/partner").await.expect_status(200);
}

async fn a_request_uri_cannot_be_guessed(stage: Stage) {
    let app = Asking::new(&stage).await;
    let push = async || app.push(&Wish::new("openid")).await.expect_status(201);

    let (one, two) = (push().await, push().await);

    let secret = |pushed: &Value| {
        field(pushed, "request_uri").strip_prefix("urn:ietf:params:oauth:request_uri:").expect("a URN").to_owned()
    };
    let bytes = quanzi_openapi::jose::decode_base64url(&secret(&one)).expect("base64url");
    assert!(bytes.len() >= 16, "128 bits at least");
    assert_ne!(secret(&one), secret(&two));
    assert!((5..600).contains(&one["expires_in"].as_i64().expect("seconds")));
}

async fn a_pushed_request_is_a_small_form(stage: Stage) {
    let app = Asking::new(&stage).await;
    let url = format!("{}/oauth/par", stage.url());

    let json = app.partner.http.post(&url).json(&json!({ "response_type": "code" })).send().await.expect("an answer");
    let large = app.push(&Wish::new("openid").with("ui_locales", &"x".repeat(2_000_000))).await;

    assert_eq!((json.status().as_u16(), large.status), (415, 413));
}

async fn a_resource_is_ours_at_every_step(stage: Stage) {
    let app = Asking::new(&stage).await;
    let wish = Wish::new("openid").with("resource", stage.url());
    let mut browser = Browser::new();
    let url = app.address(&wish).await;
    let page = browser.sign_in(&url, "Mei").await;
    let code = browser.decide(&url, &page, "allow", false).await.code();
    let with = |mut form: Vec<(&'static str, String)>, resource: &str| {
        form.push(("resource", resource.to_owned()));
        form
    };

    for foreign in
        ["https://elsewhere.example", "/v1", &format!("{}#part", stage.url()), &format!("{}/v1", stage.url())]
    {
        app.push(&Wish::new("openid").with("resource", foreign)).await.expect_oauth_error(400, "invalid_target");
        app.ask(&with(exchange_form(&wish, &code), foreign)).await.expect_oauth_error(400, "invalid_target");
    }
    let tokens = app.ask(&with(exchange_form(&wish, &code), stage.url())).await.expect_status(200);
    let refresh =
        vec![("grant_type", "refresh_token".to_owned()), ("refresh_token", field(&tokens, "refresh_token").to_owned())];
    app.ask(&with(refresh.clone(), "https://elsewhere.example")).await.expect_oauth_error(400, "invalid_target");
    assert_eq!(claims(field(&app.ask(&refresh).await.expect_status(200), "access_token"))["aud"], stage.url());
}

async fn no_grant_gives_a_token_without_a_proof(stage: Stage) {
    let app = Asking::new(&stage).await;
    let wish = Wish::new("openid");
    let mut browser = Browser::new();
    let url = app.address(&wish).await;
    let page = browser.sign_in(&url, "Mei").await;
    let code = browser.decide(&url, &page, "allow", false).await.code();
    let unproved =
        async |form: &[(&'static str, String)]| app.partner.form("/oauth/token", &app.authenticated(form), None).await;

    unproved(&exchange_form(&wish, &code)).await.expect_oauth_error(400, "invalid_dpop_proof");
    let tokens = app.exchange(&wish, &code).await.expect_status(200);
    let refresh =
        [("grant_type", "refresh_token".to_owned()), ("refresh_token", field(&tokens, "refresh_token").to_owned())];
    unproved(&refresh).await.expect_oauth_error(400, "invalid_dpop_proof");
    with_proof(&app, None).await.expect_oauth_error(400, "invalid_dpop_proof");

    assert_eq!(tokens["token_type"], "DPoP");
}

async fn a_proof_shows_a_public_key_only(stage: Stage) {
    let app = Asking::new(&stage).await;
    let mut jwk = serde_json::to_value(app.partner.key.jwk()).expect("json");
    let sign = |jwk: &Value| app.partner.key.jwt(json!({ "typ": "dpop+jwt", "jwk": jwk }), &proof_claims(&app, 0));
    let public = sign(&jwk);
    jwk["d"] = json!("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA");
    let private = sign(&jwk);

    with_proof(&app, Some(&private)).await.expect_oauth_error(400, "invalid_dpop_proof");
    with_proof(&app, Some(&sign(&json!({ "kty": "oct", "k": "c2VjcmV0" }))))
        .await
        .expect_oauth_error(400, "invalid_dpop_proof");
    with_proof(&app, Some(&public)).await.expect_status(200);
}

async fn a_proof_may_be_ten_seconds_off(stage: Stage) {
    let app = Asking::new(&stage).await;
    let ask =
        async |seconds: i64| with_proof(&app, Some(&app.partner.key.proof_of(&proof_claims(&app, seconds)))).await;

    for seconds in [-10, 10] {
        ask(seconds).await.expect_status(200);
    }

    for seconds in [-3_600, 3_600] {
        ask(seconds).await.expect_oauth_error(400, "use_dpop_nonce");
    }
}

async fn the_api_asks_for_a_nonce_when_the_clock_is_off(stage: Stage) {
    let app = Asking::new(&stage).await;
    let partner = &app.partner;
    let url = format!("{}/v1/partner", partner.url);
    let read = async |nonce: Option<&str>| {
        let late = DpopClaims::new("GET", &url, &random_text(), now() - 7_200, Some(&partner.token));
        let mut claims = serde_json::to_value(late.expect("claims")).expect("json");
        if let Some(nonce) = nonce {
            claims["nonce"] = json!(nonce);
        }
        partner.request("GET", "/v1/partner").unsigned().header("dpop", &partner.key.proof_of(&claims)).send().await
    };

    let asked = read(None).await;
    let nonce = asked.header("dpop-nonce").expect("a nonce");
    let answered = read(Some(nonce)).await;
    let forged = read(Some("forged")).await;

    for refused in [&asked, &forged] {
        refused.expect_refusal(401, "proof_nonce_required");
        assert!(
            refused.header("www-authenticate").is_some_and(|text| text.starts_with("DPoP error=\"use_dpop_nonce\"")),
            "{refused:?}"
        );
    }
    answered.expect_status(200);
}

async fn a_token_in_a_body_is_no_credential(stage: Stage) {
    let app = Asking::new(&stage).await;
    let tokens = app.fan_tokens(&mut Browser::new(), "openid").await;
    let token = field(&tokens, "access_token");
    let url = format!("{}/oauth/userinfo", stage.url());
    let proof = || app.partner.key.proof("POST", &url, now(), Some(token));

    let in_body = app.partner.form("/oauth/userinfo", &[("access_token", token.to_owned())], Some(&proof())).await;
    let in_query = app.partner.http.post(format!("{url}?access_token={token}")).header("dpop", proof()).send().await;

    assert_eq!(in_body.status, 401, "{in_body:?}");
    assert_eq!(in_query.expect("an answer").status(), 401);
}

async fn a_refresh_token_is_the_clients_and_takes_any_key(stage: Stage) {
    let app = Asking::new(&stage).await;
    let tokens = app.fan_tokens(&mut Browser::new(), "openid").await;
    let form =
        [("grant_type", "refresh_token".to_owned()), ("refresh_token", field(&tokens, "refresh_token").to_owned())];
    let url = format!("{}/oauth/token", stage.url());
    let another = TestKey::p256();
    let proof = another.proof("POST", &url, now(), None);

    let unauthenticated = app.partner.form("/oauth/token", &form, Some(&proof)).await;
    let proof = another.proof("POST", &url, now(), None);
    let next = app.partner.form("/oauth/token", &app.authenticated(&form), Some(&proof)).await.expect_status(200);

    unauthenticated.expect_oauth_error(401, "invalid_client");
    let token = field(&next, "access_token");
    assert_eq!(claims(token)["cnf"]["jkt"], another.kid());
    // And so the key before is none for it.
    app.read("/oauth/userinfo", token).await.expect_refusal(401, "proof_invalid");
}

async fn an_id_token_says_who_and_when_and_nothing_else(stage: Stage) {
    let app = Asking::new(&stage).await;
    let wish = Wish::new("openid profile:nickname").with("max_age", "600");
    let mut browser = Browser::new();
    let url = app.address(&wish).await;
    let page = browser.sign_in(&url, "Mei").await;
    let code = browser.decide(&url, &page, "allow", true).await.code();

    let tokens = app.exchange(&wish, &code).await.expect_status(200);

    let id = claims(field(&tokens, "id_token"));
    let mut names: Vec<&str> = id.as_object().expect("claims").keys().map(String::as_str).collect();
    names.sort_unstable();
    assert_eq!(names, ["aud", "auth_time", "exp", "iat", "iss", "nonce", "sub"]);
    assert_eq!(
        Compact::parse(field(&tokens, "id_token")).expect("a JWS").header.alg,
        quanzi_openapi::jose::JwsAlgorithm::Es256
    );
    let sub = field(&id, "sub");
    assert!(sub.is_ascii() && sub.len() <= 255);
}

async fn all_apps_of_a_partner_know_the_same_fan(stage: Stage) {
    let app = Asking::new(&stage).await;
    let other = app.another_app().await;
    let mut browser = Browser::new();
    let first = app.fan_tokens(&mut browser, "openid").await;
    let wish = Wish::new("openid");
    let url = other.address(&wish).await;

    let page = browser.get(&url).await;
    let code = browser.decide(&url, &page, "allow", false).await.code();
    let stolen = app.exchange(&wish, &code).await;
    let second = other.exchange(&wish, &code).await.expect_status(200);

    let sub = |tokens: &Value| claims(field(tokens, "id_token"))["sub"].clone();
    assert_eq!(sub(&first), sub(&second));
    assert_ne!(
        claims(field(&first, "access_token"))["grant"],
        claims(field(&second, "access_token"))["grant"],
        "each is asked for"
    );
    stolen.expect_oauth_error(400, "invalid_grant");
}
