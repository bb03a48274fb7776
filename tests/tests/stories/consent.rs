//! Fans sign in and consent: from the pushed request through the real pages to the token, and back again; each rule is one test.

use std::time::Duration;

use quanzi_openapi::ErrorCode;
use quanzi_openapi::jose::{Compact, Jwk, PublicKey};
use quanzi_tests::both_engines;
use quanzi_tests::browser::{Asking, Back, Browser, Wish, exchange_form, field, form_code, leads_to, text};
use quanzi_tests::provider::Provider;
use quanzi_tests::raw::{Answer, REDIRECT_URI, TestKey};
use quanzi_tests::stage::{Knobs, Stage};
use serde_json::{Value, json};

const SOME: &str = "openid profile:nickname circles:join";

fn claims(token: &str) -> Value {
    Compact::parse(token).expect("a JWS").claims().expect("claims")
}

/// Whether a key of the gateway's set made this ES256 token.
fn is_signed_by(token: &str, keys: &Value) -> bool {
    let jws = Compact::parse(token).expect("a JWS");
    let keys: Vec<Jwk> = serde_json::from_value(keys["keys"].clone()).expect("keys");
    let key = keys.iter().find(|key| key.kid == jws.header.kid).expect("the key of the token");
    let PublicKey::P256 { x, y } = &key.key else { return false };
    let point = [&[4][..], &x[..], &y[..]].concat();
    let verifying = aws_lc_rs::signature::UnparsedPublicKey::new(&aws_lc_rs::signature::ECDSA_P256_SHA256_FIXED, point);
    verifying.verify(jws.signed.as_bytes(), &jws.signature).is_ok()
}

/// A code for these scopes, granted by a new person.
async fn code(app: &Asking<'_>, wish: &Wish) -> String {
    let mut browser = Browser::new();
    let url = app.address(wish).await;
    let page = browser.sign_in(&url, "Mei").await;
    browser.decide(&url, &page, "allow", false).await.code()
}

fn header<'a>(answer: &'a Answer, name: &str) -> &'a str {
    answer.header(name).unwrap_or_else(|| panic!("{name}"))
}

both_engines! {
    a_fan_signs_in_consents_and_the_app_gets_tokens,
    a_nickname_is_shown_only_where_the_fan_chose_it,
    a_fan_is_the_same_at_one_partner_and_another_at_the_next,
    no_means_access_denied_and_a_request_is_completed_once,
    looking_uses_nothing_up_and_ninety_seconds_are_the_end,
    nothing_but_a_pushed_request_of_the_same_client_is_looked_at,
    what_is_pushed_is_checked_before_anybody_sees_it,
    a_code_needs_everything_it_is_bound_to,
    a_code_can_be_bound_to_a_key,
    a_code_that_comes_twice_ends_what_was_issued_for_it,
    of_eight_exchanges_at_once_one_wins,
    a_code_is_good_for_a_minute,
    a_refresh_token_stays_the_same_and_gives_no_more_than_was_granted,
    a_hundred_who_ask_at_once_are_served_and_none_waits_for_another,
    a_revoked_refresh_token_ends_its_access_tokens_and_nobody_else_can_revoke_it,
    what_a_fan_takes_back_every_gateway_refuses_within_two_seconds,
    a_fan_takes_back_nothing_of_others,
    a_partner_sees_its_grants_and_gives_them_up,
    a_token_of_the_other_kind_is_refused_and_told_so,
    a_form_that_is_not_from_the_page_changes_nothing,
    a_session_is_new_with_every_sign_in_and_its_cookie_is_guarded,
    a_tester_can_be_an_invented_person_of_the_own_partner_only,
    without_a_page_the_app_is_told_what_is_missing,
    an_app_can_want_a_fresh_sign_in_and_a_fresh_consent,
    more_is_a_change_of_the_grant_and_less_is_another,
    a_fan_reads_the_page_in_chinese_and_names_stay_text,
    userinfo_by_post_needs_no_signature_but_the_proof,
    the_metadata_says_what_the_profile_wants,
    a_live_gateway_without_a_sign_in_says_so,
    in_live_mode_a_fan_signs_in_at_the_operators_provider,
    a_sign_in_is_as_old_as_the_provider_says,
}

async fn a_fan_signs_in_consents_and_the_app_gets_tokens(stage: Stage) {
    let app = Asking::new(&stage).await;
    let mut browser = Browser::new();
    let wish = Wish::new(SOME);
    let pushed = app.push(&wish).await;
    let body = pushed.expect_status(201);
    assert_eq!((&body["expires_in"], pushed.header("cache-control")), (&json!(90), Some("no-store")));
    let url = app.address_of(field(&body, "request_uri"));

    let page = browser.sign_in(&url, "Mei").await;
    let shown = text(&page);
    let back = browser.decide(&url, &page, "allow", true).await;
    let answer = app.exchange(&wish, &back.code()).await;
    let tokens = answer.expect_status(200);

    assert!(
        shown.contains("Raw partner") && shown.contains("Raw Partner Ltd.") && shown.contains("Join and leave circles"),
        "{shown}"
    );
    assert_eq!((back.to.as_str(), back.get("kept")), ("https://app.example/back", Some("1")));
    assert_eq!((back.get("state"), back.get("iss")), (Some("st&te"), Some(stage.url())));
    assert_eq!(
        (&tokens["token_type"], &tokens["expires_in"], &tokens["scope"]),
        (&json!("DPoP"), &json!(300), &json!(SOME))
    );
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    let access = claims(field(&tokens, "access_token"));
    let id = claims(field(&tokens, "id_token"));
    assert!(field(&access, "sub").starts_with("fan_") && field(&access, "grant").starts_with("grt_"), "{access}");
    assert!(access.to_string().find("psn_").is_none() && id.to_string().find("psn_").is_none());
    assert_eq!((&id["iss"], &id["aud"], &id["nonce"]), (&json!(stage.url()), &json!(app.partner.app), &json!("n0nce")));
    assert_eq!((&id["sub"], &access["client_id"]), (&access["sub"], &id["aud"]));
    assert!(id["auth_time"].as_i64() <= id["iat"].as_i64() && id["exp"].as_i64() > id["iat"].as_i64());
    assert!(is_signed_by(field(&tokens, "id_token"), &app.partner.get("/oauth/jwks").await.expect_status(200)));
    let token = field(&tokens, "access_token");
    let shared = app.read("/oauth/userinfo", token).await.expect_status(200);
    assert_eq!(shared, json!({ "sub": id["sub"], "nickname": "Mei" }));
    let told = app.question("/oauth/introspect", token).await.expect_status(200);
    assert_eq!((&told["active"], &told["sub"], &told["scope"]), (&json!(true), &id["sub"], &json!(SOME)));
    let told = app.question("/oauth/introspect", field(&tokens, "refresh_token")).await.expect_status(200);
    assert_eq!((&told["active"], &told["sub"]), (&json!(true), &id["sub"]));
}

async fn a_nickname_is_shown_only_where_the_fan_chose_it(stage: Stage) {
    let app = Asking::new(&stage).await;
    let mut browser = Browser::new();
    let wish = Wish::new(SOME);
    let url = app.address(&wish).await;

    let page = browser.sign_in(&url, "Mei").await;
    let back = browser.decide(&url, &page, "allow", false).await;
    let tokens = app.exchange(&wish, &back.code()).await.expect_status(200);
    let again = app.address(&wish).await;
    let same = Back::of(&browser.get(&again).await);

    assert!(text(&page).contains("type=\"checkbox\" name=\"nickname\" value=\"show\">"), "not ticked: {}", text(&page));
    assert_eq!(tokens["scope"], "openid circles:join");
    let shared = app.read("/oauth/userinfo", field(&tokens, "access_token")).await.expect_status(200);
    assert_eq!(shared, json!({ "sub": claims(field(&tokens, "id_token"))["sub"] }));
    // Asked once: the next time the fan goes straight through, with the same choice.
    assert_eq!(app.exchange(&wish, &same.code()).await.expect_status(200)["scope"], "openid circles:join");
}

async fn a_fan_is_the_same_at_one_partner_and_another_at_the_next(stage: Stage) {
    let (app, other) = (Asking::new(&stage).await, Asking::new(&stage).await);
    let mut browser = Browser::new();
    let first = app.fan_tokens(&mut browser, "openid").await;
    let wish = Wish::new("openid");

    let again = Back::of(&browser.get(&app.address(&wish).await).await);
    let again = app.exchange(&wish, &again.code()).await.expect_status(200);
    let url = other.address(&wish).await;
    let page = browser.get(&url).await;
    let elsewhere = browser.decide(&url, &page, "allow", false).await;
    let elsewhere = other.exchange(&wish, &elsewhere.code()).await.expect_status(200);

    let sub = |tokens: &Value| claims(field(tokens, "id_token"))["sub"].clone();
    assert_eq!(sub(&first), sub(&again));
    assert_ne!(sub(&first), sub(&elsewhere));
    assert!(text(&page).contains("Mei"), "the session is the person's, not the partner's");
}

async fn no_means_access_denied_and_a_request_is_completed_once(stage: Stage) {
    let app = Asking::new(&stage).await;
    let mut browser = Browser::new();
    let wish = Wish::new(SOME);
    let (refused, allowed) = (app.address(&wish).await, app.address(&wish).await);
    let page = browser.sign_in(&refused, "Mei").await;

    let no = browser.decide(&refused, &page, "deny", false).await;
    let gone = browser.get(&refused).await;
    let page = browser.get(&allowed).await;
    browser.decide(&allowed, &page, "allow", false).await.code();
    let twice = browser.post(&allowed, &[("code", &form_code(&page)), ("decision", "allow")]).await;

    assert_eq!((no.get("error"), no.get("code")), (Some("access_denied"), None));
    assert_eq!((no.get("state"), no.get("iss")), (Some("st&te"), Some(stage.url())));
    for answer in [gone, twice] {
        assert_eq!((answer.status, answer.header("location")), (400, None), "{}", text(&answer));
    }
}

async fn looking_uses_nothing_up_and_ninety_seconds_are_the_end(stage: Stage) {
    let app = Asking::new(&stage).await;
    let wish = Wish::new(SOME);
    let (url, late) = (app.address(&wish).await, app.address(&wish).await);

    for _ in 0..3 {
        assert_eq!(Browser::new().get(&url).await.status, 200, "a preview of the link");
    }
    stage.advance(91);
    let in_time = Browser::new().sign_in(&url, "Mei").await;
    let too_late = Browser::new().get(&late).await;
    stage.advance(600);
    let forgotten = Browser::new().get(&url).await;

    assert!(text(&in_time).contains("Allow <bdi>Raw partner</bdi> to do this?"), "{}", text(&in_time));
    for answer in [too_late, forgotten] {
        assert_eq!((answer.status, answer.header("location")), (400, None));
        assert!(text(&answer).contains("This link is no longer valid"), "{}", text(&answer));
    }
}

async fn nothing_but_a_pushed_request_of_the_same_client_is_looked_at(stage: Stage) {
    let (app, other) = (Asking::new(&stage).await, Asking::new(&stage).await);
    let pushed = app.push(&Wish::new(SOME)).await.expect_status(201);
    let request_uri = field(&pushed, "request_uri");
    let origin = stage.url();
    let id = &app.partner.app;

    for url in [
        format!("{origin}/oauth/authorize"),
        format!(
            "{origin}/oauth/authorize?client_id={id}&response_type=code&redirect_uri={REDIRECT_URI}&scope=openid&code_challenge_method=S256"
        ),
        app.address_of("urn:ietf:params:oauth:request_uri:nonsense"),
        app.address_of("https://app.example/request"),
        other.address_of(request_uri),
        format!("{}&client_id={id}", app.address_of(request_uri)),
    ] {
        let page = Browser::new().get(&url).await;

        assert_eq!((page.status, page.header("location")), (400, None), "{url}");
        assert!(text(&page).contains("This link is no longer valid"), "{}", text(&page));
    }
    // What the browser adds changes nothing.
    let added = format!("{}&scope=payments:mandate&redirect_uri=https://evil.example", app.address_of(request_uri));
    let mut browser = Browser::new();
    let page = browser.sign_in(&added, "Mei").await;
    assert!(!text(&page).contains("pre-approve"), "{}", text(&page));
    assert_eq!(browser.decide(&added, &page, "allow", false).await.to, "https://app.example/back");
}

async fn what_is_pushed_is_checked_before_anybody_sees_it(stage: Stage) {
    let app = Asking::new(&stage).await;
    let good = || Wish::new(SOME);

    for (wish, error) in [
        (good().without("response_type"), "invalid_request"),
        (good().with("response_type", "token"), "unsupported_response_type"),
        (good().with("response_mode", "fragment"), "invalid_request"),
        (good().without("redirect_uri"), "invalid_request"),
        (good().with("redirect_uri", "https://evil.example/back?kept=1"), "invalid_request"),
        (good().with("redirect_uri", "https://app.example/back?kept=1&more=1"), "invalid_request"),
        (good().with("redirect_uri", "https://app.example/back"), "invalid_request"),
        (good().with("redirect_uri", "https://app.example@evil.example/back?kept=1"), "invalid_request"),
        (good().without("code_challenge"), "invalid_request"),
        (good().with("code_challenge", "short"), "invalid_request"),
        (good().with("code_challenge_method", "plain"), "invalid_request"),
        (good().without("code_challenge_method"), "invalid_request"),
        (good().without("scope"), "invalid_scope"),
        (good().with("scope", "nonsense"), "invalid_scope"),
        (good().with("scope", "circles:read"), "invalid_scope"),
        (good().with("scope", "openid circles:write"), "invalid_scope"),
        (good().with("prompt", "none login"), "invalid_request"),
        (good().with("prompt", "create"), "invalid_request"),
        (good().with("max_age", "-1"), "invalid_request"),
        (good().with("request", "eyJhbGciOiJub25lIn0.e30."), "invalid_request"),
        (good().with("request_uri", "urn:ietf:params:oauth:request_uri:x"), "invalid_request"),
        (good().with("resource", "https://elsewhere.example"), "invalid_target"),
        (good().with("state", &"x".repeat(2_001)), "invalid_request"),
        (good().with("dpop_jkt", "nonsense"), "invalid_request"),
    ] {
        app.push(&wish).await.expect_oauth_error(400, error);
    }
    let mut doubled = good();
    doubled.form.push(("scope", "openid".to_owned()));
    app.push(&doubled).await.expect_oauth_error(400, "invalid_request");
    app.push(&good().with("client_secret", "s3cret")).await.expect_oauth_error(401, "invalid_client");
    let unknown = app.partner.form("/oauth/par", &good().form, None).await;
    unknown.expect_oauth_error(401, "invalid_client");
    app.push(&good().with("state", &"x".repeat(1_000)).with("nonce", &"n".repeat(64))).await.expect_status(201);
    app.partner.request("GET", "/oauth/par").send().await.expect_status(405);
}

async fn a_code_needs_everything_it_is_bound_to(stage: Stage) {
    let (app, other) = (Asking::new(&stage).await, Asking::new(&stage).await);
    let wish = Wish::new(SOME);
    let code = code(&app, &wish).await;
    let changed = |name: &'static str, value: &str| {
        let mut form = exchange_form(&wish, &code);
        form.retain(|(there, _)| *there != name);
        form.extend((!value.is_empty()).then(|| (name, value.to_owned())));
        form
    };

    for form in [
        changed("code_verifier", ""),
        changed("code_verifier", &Wish::new("openid").verifier),
        changed("redirect_uri", ""),
        changed("redirect_uri", "https://app.example/back"),
        changed("code", "nonsense"),
    ] {
        app.ask(&form).await.expect_oauth_error(400, "invalid_grant");
    }
    app.ask(&changed("code", "")).await.expect_oauth_error(400, "invalid_request");
    other.exchange(&wish, &code).await.expect_oauth_error(400, "invalid_grant");
    // Who guesses does not use it up for the one it was made for.
    app.exchange(&wish, &code).await.expect_status(200);
}

async fn a_code_can_be_bound_to_a_key(stage: Stage) {
    let app = Asking::new(&stage).await;
    let stranger = TestKey::ed25519();
    let other_key = Wish::new(SOME).with("dpop_jkt", &stranger.kid());
    let own_key = Wish::new(SOME).with("dpop_jkt", &app.partner.key.kid());

    let refused = app.exchange(&other_key, &code(&app, &other_key).await).await;
    let taken = app.exchange(&own_key, &code(&app, &own_key).await).await;

    refused.expect_oauth_error(400, "invalid_grant");
    taken.expect_status(200);
}

async fn a_code_that_comes_twice_ends_what_was_issued_for_it(stage: Stage) {
    let app = Asking::new(&stage).await;
    let wish = Wish::new(SOME);
    let code = code(&app, &wish).await;
    let tokens = app.exchange(&wish, &code).await.expect_status(200);
    let next = app.refresh(field(&tokens, "refresh_token"), None).await.expect_status(200);
    app.read("/oauth/userinfo", field(&next, "access_token")).await.expect_status(200);

    app.exchange(&wish, &code).await.expect_oauth_error(400, "invalid_grant");

    app.refresh(field(&tokens, "refresh_token"), None).await.expect_oauth_error(400, "invalid_grant");
    for token in [field(&tokens, "access_token"), field(&next, "access_token")] {
        app.read("/oauth/userinfo", token).await.expect_refusal(401, "token_revoked");
    }
}

async fn of_eight_exchanges_at_once_one_wins(stage: Stage) {
    let app = Asking::new(&stage).await;
    let wish = Wish::new(SOME);
    let code = code(&app, &wish).await;

    let answers = futures_util::future::join_all((0..8).map(|_| app.exchange(&wish, &code))).await;

    let (won, lost): (Vec<_>, Vec<_>) = answers.into_iter().partition(|answer| answer.status == 200);
    assert_eq!((won.len(), lost.len()), (1, 7));
    for answer in lost {
        answer.expect_oauth_error(400, "invalid_grant");
    }
}

async fn a_code_is_good_for_a_minute(stage: Stage) {
    let app = Asking::new(&stage).await;
    let wish = Wish::new(SOME);
    let (one, other) = (code(&app, &wish).await, code(&app, &wish).await);

    stage.advance(58);
    let in_time = app.exchange(&wish, &one).await;
    stage.advance(3);
    let too_late = app.exchange(&wish, &other).await;

    in_time.expect_status(200);
    too_late.expect_oauth_error(400, "invalid_grant");
}

async fn a_refresh_token_stays_the_same_and_gives_no_more_than_was_granted(stage: Stage) {
    let (app, other) = (Asking::new(&stage).await, Asking::new(&stage).await);
    let tokens = app.fan_tokens(&mut Browser::new(), "openid circles:join content:post").await;
    let refresh_token = field(&tokens, "refresh_token");

    let all = app.refresh(refresh_token, None).await.expect_status(200);
    let less = app.refresh(refresh_token, Some("openid")).await.expect_status(200);

    assert_eq!((&all["scope"], &less["scope"]), (&json!("openid circles:join content:post"), &json!("openid")));
    assert!(all.get("refresh_token").is_none() && all.get("id_token").is_none());
    app.read("/oauth/userinfo", field(&less, "access_token")).await.expect_status(200);
    app.refresh(refresh_token, Some("openid payments:tip")).await.expect_oauth_error(400, "invalid_scope");
    app.refresh("nonsense", None).await.expect_oauth_error(400, "invalid_grant");
    other.refresh(refresh_token, None).await.expect_oauth_error(400, "invalid_grant");
    stage.advance(90 * 24 * 3_600 + 1);
    app.refresh(refresh_token, None).await.expect_oauth_error(400, "invalid_grant");
}

async fn a_hundred_who_ask_at_once_are_served_and_none_waits_for_another(stage: Stage) {
    let app = Asking::new(&stage).await;
    let tokens = app.fan_tokens(&mut Browser::new(), "openid").await;
    let refresh_token = field(&tokens, "refresh_token");

    // More than there are connections, and each of them reads and writes.
    let answers = futures_util::future::join_all((0..100).map(|_| app.refresh(refresh_token, None))).await;

    for answer in answers {
        answer.expect_status(200);
    }
}

async fn a_revoked_refresh_token_ends_its_access_tokens_and_nobody_else_can_revoke_it(stage: Stage) {
    let (app, other) = (Asking::new(&stage).await, Asking::new(&stage).await);
    let tokens = app.fan_tokens(&mut Browser::new(), "openid").await;
    let (access, refresh) = (field(&tokens, "access_token"), field(&tokens, "refresh_token"));

    other.question("/oauth/revoke", refresh).await.expect_status(200);
    let foreign = other.question("/oauth/introspect", refresh).await.expect_status(200);
    app.refresh(refresh, None).await.expect_status(200);
    app.question("/oauth/revoke", refresh).await.expect_status(200);

    assert_eq!(foreign, json!({ "active": false }));
    app.refresh(refresh, None).await.expect_oauth_error(400, "invalid_grant");
    app.read("/oauth/userinfo", access).await.expect_refusal(401, "token_revoked");
    assert_eq!(app.question("/oauth/introspect", refresh).await.expect_status(200), json!({ "active": false }));
}

async fn what_a_fan_takes_back_every_gateway_refuses_within_two_seconds(stage: Stage) {
    let app = Asking::new(&stage).await;
    let second = stage.second_gateway_of_the_same_name().await;
    let there = format!("http://{}", second.address());
    let mut browser = Browser::new();
    let tokens = app.fan_tokens(&mut browser, "openid").await;
    let token = field(&tokens, "access_token");
    app.read_at(&there, "/oauth/userinfo", token).await.expect_status(200);
    let me = format!("{}/me", stage.url());
    let page = browser.get(&me).await;
    let shown = text(&page);
    let hidden = |name: &str| {
        shown.split_once(&format!("name=\"{name}\" value=\"")).expect(name).1.split('"').next().expect(name).to_owned()
    };
    let (code, partner, grant) = (form_code(&page), hidden("partner"), hidden("grant"));

    let form = [("code", code.as_str()), ("decision", "revoke_grant"), ("partner", &partner), ("grant", &grant)];
    let taken_back = browser.post(&me, &form).await;
    let here = app.read("/oauth/userinfo", token).await;
    let refused_there = tokio::time::timeout(Duration::from_secs(2), async {
        loop {
            let answer = app.read_at(&there, "/oauth/userinfo", token).await;
            if answer.status == 401 {
                return answer;
            }
        }
    });
    let refused_there = refused_there.await.expect("within two seconds");

    assert_eq!((taken_back.status, taken_back.header("location")), (303, Some("/me")));
    here.expect_refusal(401, "token_revoked");
    refused_there.expect_refusal(401, "token_revoked");
    app.refresh(field(&tokens, "refresh_token"), None).await.expect_oauth_error(400, "invalid_grant");
    assert!(!text(&browser.get(&me).await).contains(&grant));
    // The next time the fan is asked again.
    let url = app.address(&Wish::new("openid")).await;
    assert!(text(&browser.get(&url).await).contains("do this?"));
    second.stop().await.expect("stopped");
}

async fn a_fan_takes_back_nothing_of_others(stage: Stage) {
    let app = Asking::new(&stage).await;
    let tokens = app.fan_tokens(&mut Browser::new(), "openid").await;
    let grant = claims(field(&tokens, "access_token"))["grant"].as_str().expect("a grant").to_owned();
    let mut stranger = Browser::new();
    app.fan_tokens(&mut stranger, "openid").await;
    let me = format!("{}/me", stage.url());
    let code = form_code(&stranger.get(&me).await);

    let form = [("code", code.as_str()), ("decision", "revoke_grant"), ("partner", &app.partner.id), ("grant", &grant)];
    let refused = stranger.post(&me, &form).await;

    assert_eq!(refused.status, 404, "{}", text(&refused));
    app.read("/oauth/userinfo", field(&tokens, "access_token")).await.expect_status(200);
}

async fn a_partner_sees_its_grants_and_gives_them_up(stage: Stage) {
    let (app, other) = (Asking::new(&stage).await, Asking::new(&stage).await);
    let tokens = app.fan_tokens(&mut Browser::new(), "openid circles:join").await;
    let listed = app.partner.get("/v1/grants").await.expect_status(200);
    let grant = &listed["data"][0];
    let path = format!("/v1/grants/{}", field(grant, "id"));

    other.partner.request("DELETE", &path).send().await.expect_refusal(404, "grant_not_found");
    app.partner.request("DELETE", &path).send().await.expect_status(204);
    app.partner.request("DELETE", &path).send().await.expect_status(204);

    assert_eq!(
        (&grant["status"], &grant["scopes"], &grant["app"]),
        (&json!("active"), &json!(["openid", "circles:join"]), &json!(app.partner.app))
    );
    assert_eq!(grant["fan"], claims(field(&tokens, "id_token"))["sub"]);
    assert_eq!(other.partner.get("/v1/grants").await.expect_status(200)["data"], json!([]));
    app.read("/oauth/userinfo", field(&tokens, "access_token")).await.expect_refusal(401, "token_revoked");
    let events = app.partner.get("/v1/events?types=grant.created,grant.revoked").await.expect_status(200);
    let types: Vec<&str> =
        events["data"].as_array().expect("events").iter().map(|event| field(event, "type")).collect();
    assert_eq!(types, ["grant.created", "grant.revoked"]);
}

async fn a_token_of_the_other_kind_is_refused_and_told_so(stage: Stage) {
    let app = Asking::new(&stage).await;
    let tokens = app.fan_tokens(&mut Browser::new(), "openid circles:join").await;

    let fan = app.read("/v1/partner", field(&tokens, "access_token")).await.expect_refusal(403, "wrong_token_kind");
    let partner = app.partner.get("/oauth/userinfo").await.expect_refusal(403, "wrong_token_kind");
    let without = app.fan_tokens(&mut Browser::new(), "circles:join").await;
    let scope = app.read("/oauth/userinfo", field(&without, "access_token")).await;

    assert!(
        field(&fan, "detail").contains("requires a partner token")
            && field(&partner, "detail").contains("requires a fan token")
    );
    scope.expect_refusal(403, "scope_missing");
    assert!(header(&scope, "www-authenticate").contains("scope=\"openid\""));
    assert!(without.get("id_token").is_none());
    app.read("/oauth/userinfo", field(&tokens, "id_token")).await.expect_refusal(401, "token_invalid");
    let asked = app.ask(&[("grant_type", "client_credentials".to_owned()), ("scope", "circles:join".to_owned())]).await;
    asked.expect_oauth_error(400, "invalid_scope");
}

async fn a_form_that_is_not_from_the_page_changes_nothing(stage: Stage) {
    let app = Asking::new(&stage).await;
    let mut browser = Browser::new();
    let url = app.address(&Wish::new(SOME)).await;
    let page = browser.sign_in(&url, "Mei").await;
    let (own, foreign) = (form_code(&page), form_code(&Browser::new().get(&url).await));

    let without = browser.post(&url, &[("decision", "allow")]).await;
    let of_another = browser.post(&url, &[("code", &foreign), ("decision", "allow")]).await;
    let cross =
        browser.post_with(&url, &[("code", &own), ("decision", "allow")], &[("sec-fetch-site", "cross-site")]).await;
    let origin =
        browser.post_with(&url, &[("code", &own), ("decision", "allow")], &[("origin", "https://evil.example")]).await;
    let no_cookie = Browser::new().post(&url, &[("code", &own), ("decision", "allow")]).await;
    let at_me = browser.post(&format!("{}/me", stage.url()), &[("code", &foreign), ("decision", "sign_out")]).await;

    for answer in [without, of_another, cross, origin, no_cookie, at_me] {
        assert_eq!((answer.status, answer.header("location")), (403, None), "{}", text(&answer));
    }
    browser.decide(&url, &page, "allow", false).await.code();
}

async fn a_session_is_new_with_every_sign_in_and_its_cookie_is_guarded(stage: Stage) {
    let app = Asking::new(&stage).await;
    let mut browser = Browser::new();
    let url = app.address(&Wish::new(SOME)).await;
    let first = browser.get(&url).await;
    let before = browser.cookies();

    let page = browser.sign_in(&url, "Mei").await;
    let after = browser.cookies();
    let page_code = form_code(&page);
    let left = browser.post(&url, &[("code", &page_code), ("decision", "leave")]).await;
    let signed_out = browser.get(&url).await;

    for part in ["Path=/", "HttpOnly", "SameSite=Lax"] {
        assert!(header(&first, "set-cookie").contains(part), "{}", header(&first, "set-cookie"));
    }
    assert_ne!(before, after);
    assert_eq!(left.status, 303);
    assert!(text(&signed_out).contains("Who are you signing in as?") && text(&signed_out).contains("Mei"));
    let policy = header(&page, "content-security-policy");
    assert!(policy.contains("frame-ancestors 'none'") && policy.ends_with("form-action 'self'"), "{policy}");
    assert!(policy.contains("default-src 'none'") && !policy.contains("script"), "{policy}");
    assert_eq!((page.header("x-frame-options"), page.header("cache-control")), (Some("DENY"), Some("no-store")));
    assert!(page.header("access-control-allow-origin").is_none());
    let kept = stage.scalar("select count(*) from fan_session").await;
    assert_eq!(kept, "0", "a session that is over is gone");
}

async fn a_tester_can_be_an_invented_person_of_the_own_partner_only(stage: Stage) {
    let (app, other) = (Asking::new(&stage).await, Asking::new(&stage).await);
    let invent = async |at: &Asking<'_>, name: &str| {
        let fan = at.partner.post("/sandbox/v1/fans", json!({ "nickname": name })).await.expect_status(201);
        field(&fan, "id").to_owned()
    };
    let (own, foreign) = (invent(&app, "Mei").await, invent(&other, "Bo").await);
    let mut browser = Browser::new();
    let wish = Wish::new("openid");
    let url = app.address(&wish).await;
    let page = browser.get(&url).await;
    let code = form_code(&page);

    let refused = browser.post(&url, &[("code", &code), ("decision", "sign_in"), ("fan", &foreign)]).await;
    let nobody = browser.post(&url, &[("code", &code), ("decision", "sign_in")]).await;
    let unnamed = browser.post(&url, &[("code", &code), ("decision", "invent"), ("nickname", " ")]).await;
    let signed_in = browser.post(&url, &[("code", &code), ("decision", "sign_in"), ("fan", &own)]).await;
    let consent = browser.get(&url).await;
    let back = browser.decide(&url, &consent, "allow", false).await;
    let tokens = app.exchange(&wish, &back.code()).await.expect_status(200);

    assert!(text(&page).contains(&own) && !text(&page).contains(&foreign));
    assert_eq!((refused.status, nobody.status, unnamed.status, signed_in.status), (404, 404, 400, 303));
    assert_eq!(claims(field(&tokens, "id_token"))["sub"], json!(own));
}

async fn without_a_page_the_app_is_told_what_is_missing(stage: Stage) {
    let app = Asking::new(&stage).await;
    let mut browser = Browser::new();
    let none = Wish::new("openid").with("prompt", "none");

    let stranger = Back::of(&browser.get(&app.address(&none).await).await);
    app.fan_tokens(&mut browser, "openid").await;
    let known = Back::of(&browser.get(&app.address(&none).await).await);
    let more = Back::of(&browser.get(&app.address(&none.clone().with("scope", "openid circles:join")).await).await);

    assert_eq!(
        (stranger.get("error"), stranger.get("state"), stranger.get("iss")),
        (Some("login_required"), Some("st&te"), Some(stage.url()))
    );
    app.exchange(&none, &known.code()).await.expect_status(200);
    assert_eq!(more.get("error"), Some("consent_required"));
}

async fn an_app_can_want_a_fresh_sign_in_and_a_fresh_consent(stage: Stage) {
    let app = Asking::new(&stage).await;
    let mut browser = Browser::new();
    app.fan_tokens(&mut browser, "openid").await;
    stage.advance(100);
    let page = async |browser: &mut Browser, wish: &Wish| browser.get(&app.address(wish).await).await;
    let login = Wish::new("openid").with("prompt", "login");

    let old_enough = page(&mut browser, &Wish::new("openid").with("max_age", "3600")).await;
    let too_old = page(&mut browser, &Wish::new("openid").with("max_age", "60")).await;
    let consent = page(&mut browser, &Wish::new("openid").with("prompt", "consent")).await;
    let url = app.address(&login).await;
    let again = browser.get(&url).await;
    let next = browser.sign_in(&url, "Bo").await;
    let back = browser.decide(&url, &next, "allow", false).await;
    let tokens = app.exchange(&login, &back.code()).await.expect_status(200);

    Back::of(&old_enough).code();
    for page in [too_old, again] {
        assert!(text(&page).contains("Sign in to continue"), "{}", text(&page));
    }
    assert!(text(&consent).contains("do this?"), "{}", text(&consent));
    let id = claims(field(&tokens, "id_token"));
    assert!(id["iat"].as_i64().expect("iat") - id["auth_time"].as_i64().expect("auth_time") < 60, "{id}");
}

async fn more_is_a_change_of_the_grant_and_less_is_another(stage: Stage) {
    let app = Asking::new(&stage).await;
    let mut browser = Browser::new();
    let consent = async |browser: &mut Browser, scope: &str, nickname: bool| {
        let wish = Wish::new(scope).with("prompt", "consent");
        let url = app.address(&wish).await;
        let page = browser.get(&url).await;
        let back = browser.decide(&url, &page, "allow", nickname).await;
        app.exchange(&wish, &back.code()).await.expect_status(200)
    };
    let first = app.fan_tokens(&mut browser, "openid").await;

    let more = consent(&mut browser, SOME, true).await;
    app.read("/oauth/userinfo", field(&first, "access_token")).await.expect_status(200);
    let less = consent(&mut browser, SOME, false).await;

    let grant = |tokens: &Value| claims(field(tokens, "access_token"))["grant"].clone();
    assert_eq!(grant(&first), grant(&more));
    assert_ne!(grant(&more), grant(&less));
    assert_eq!(less["scope"], "openid circles:join");
    app.refresh(field(&more, "refresh_token"), None).await.expect_oauth_error(400, "invalid_grant");
    app.read("/oauth/userinfo", field(&less, "access_token")).await.expect_status(200);
    let events = app.partner.get("/v1/events?types=grant.created,grant.changed,grant.revoked").await.expect_status(200);
    let types: Vec<&str> =
        events["data"].as_array().expect("events").iter().map(|event| field(event, "type")).collect();
    assert_eq!(types, ["grant.created", "grant.changed", "grant.revoked", "grant.created"]);
}

async fn a_fan_reads_the_page_in_chinese_and_names_stay_text(stage: Stage) {
    let app = Asking::new(&stage).await;
    let mut browser = Browser::new();
    browser.language = "zh-CN,zh;q=0.9";
    let url = app.address(&Wish::new(SOME)).await;

    let page = browser.sign_in(&url, "<script>小猫</script>").await;

    let shown = text(&page);
    assert!(
        shown.contains("lang=\"zh-Hans\"") && shown.contains("允许") && shown.contains("&#60;script&#62;小猫"),
        "{shown}"
    );
    assert!(!shown.contains("<script"));
    assert_eq!(page.header("content-language"), Some("zh-Hans"));
}

async fn userinfo_by_post_needs_no_signature_but_the_proof(stage: Stage) {
    let app = Asking::new(&stage).await;
    let tokens = app.fan_tokens(&mut Browser::new(), "openid").await;
    let token = field(&tokens, "access_token");
    let url = format!("{}/oauth/userinfo", stage.url());
    let proof = app.partner.key.proof("POST", &url, stage.now().seconds(), Some(token));
    let post = || app.partner.http.post(&url).header("authorization", format!("DPoP {token}"));

    let answer = Answer::read(post().header("dpop", proof).send().await.expect("an answer")).await;
    let without = Answer::read(post().send().await.expect("an answer")).await;

    assert_eq!(answer.expect_status(200)["sub"], claims(token)["sub"]);
    without.expect_refusal(401, "proof_missing");
}

async fn the_metadata_says_what_the_profile_wants(stage: Stage) {
    let app = Asking::new(&stage).await;

    let read = app.partner.get("/.well-known/openid-configuration").await.expect_status(200);
    let same = app.partner.get("/.well-known/oauth-authorization-server").await.expect_status(200);

    assert_eq!(read, same);
    let url = |path: &str| json!(format!("{}{path}", stage.url()));
    for (name, value) in [
        ("issuer", json!(stage.url())),
        ("authorization_endpoint", url("/oauth/authorize")),
        ("pushed_authorization_request_endpoint", url("/oauth/par")),
        ("userinfo_endpoint", url("/oauth/userinfo")),
        ("require_pushed_authorization_requests", json!(true)),
        ("authorization_response_iss_parameter_supported", json!(true)),
        ("code_challenge_methods_supported", json!(["S256"])),
        ("response_types_supported", json!(["code"])),
        ("grant_types_supported", json!(["client_credentials", "authorization_code", "refresh_token"])),
        ("subject_types_supported", json!(["pairwise"])),
        ("id_token_signing_alg_values_supported", json!(["ES256"])),
        ("prompt_values_supported", json!(["none", "login", "consent"])),
        ("token_endpoint_auth_methods_supported", json!(["private_key_jwt"])),
    ] {
        assert_eq!(read[name], value, "{name}");
    }
    let scopes = read["scopes_supported"].as_array().expect("scopes");
    assert!(scopes.contains(&json!("openid")) && scopes.contains(&json!("circles:read")));
}

async fn a_live_gateway_without_a_sign_in_says_so(stage: Stage) {
    let page = {
        let app = Asking::new(&stage).await;
        let pushed = app.push(&Wish::new(SOME)).await.expect_status(201);
        app.address_of(field(&pushed, "request_uri")).replace(stage.url(), "")
    };
    let stage = stage.reopen(&Knobs { live: true, ..Knobs::default() }).await;
    let mut browser = Browser::new();
    let url = format!("http://{}{page}", stage.address());

    let shown = browser.get(&url).await;
    let code = form_code(&shown);
    let forced = browser.post(&url, &[("code", &code), ("decision", "invent"), ("nickname", "Mei")]).await;

    assert!(text(&shown).contains("Sign-in is not available yet"), "{}", text(&shown));
    assert_eq!((forced.status, forced.header("location")), (403, None));
    assert_eq!(stage.scalar("select count(*) from person").await, "0");
    let cookie = header(&shown, "set-cookie");
    assert!(cookie.starts_with("__Host-quanzi=") && cookie.ends_with("; Secure"), "{cookie}");
}

async fn in_live_mode_a_fan_signs_in_at_the_operators_provider(stage: Stage) {
    let provider = Provider::start();
    let app = Asking::new(&stage).await;
    let mut paths = Vec::new();
    for wish in [Wish::new("openid profile:nickname"), Wish::new("openid").with("prompt", "login"), Wish::new("openid")]
    {
        let pushed = app.push(&wish).await.expect_status(201);
        paths.push(app.address_of(field(&pushed, "request_uri")).replace(stage.url(), ""));
    }
    let origin = stage.url().to_owned();
    drop(app);
    let stage = stage.reopen(&Knobs { live: true, sign_in_issuer: Some(provider.issuer), ..Knobs::default() }).await;
    let at = |path: &str| {
        format!("http://{}{}", stage.address(), path.replace("https://api.quanzi.example", "").replace(&origin, ""))
    };
    let now = stage.now().seconds();
    let mut browser = Browser::new();
    let url = at(&paths[0]);

    let page = browser.get(&url).await;
    let shown = text(&page);
    let sent = browser.post(&url, &[("code", &form_code(&page)), ("decision", "at_provider")]).await;
    let back = at(&provider.sign_in(&leads_to(&sent), now, &json!({ "sub": "u1", "nickname": "小猫", "adult": true })));
    let stranger = Browser::new().get(&back).await;
    let before = browser.cookies();
    let arrived = browser.get(&back).await;

    assert!(shown.contains("Sign in at 127.0.0.1") && !shown.contains("invent"), "{shown}");
    assert!(header(&page, "content-security-policy").ends_with("form-action 'self'"));
    assert_eq!((stranger.status, stranger.header("set-cookie")), (400, None), "another browser");
    assert_eq!((arrived.status, arrived.header("location").map(at)), (303, Some(url.clone())));
    assert_ne!(before, browser.cookies());
    let page = browser.get(&url).await;
    assert!(text(&page).contains("小猫"), "{}", text(&page));
    let code = Back::of(&browser.post(&url, &[("code", &form_code(&page)), ("decision", "allow")]).await);
    assert_eq!((code.get("iss"), code.get("error")), (Some("https://api.quanzi.example"), None));
    assert_eq!(
        stage.scalar("select count(*) || ' ' || sum(case when adult then 1 else 0 end) from person").await,
        "1 1"
    );

    // Signing in again is asked of the provider too; the same subject is the same person, and what is known of it is renewed.
    let mut browser = Browser::new();
    let url = at(&paths[1]);
    let page = browser.get(&url).await;
    let sent = browser.post(&url, &[("code", &form_code(&page)), ("decision", "at_provider")]).await;
    assert!(leads_to(&sent).contains("prompt=login") && leads_to(&sent).contains("max_age=0"), "{}", leads_to(&sent));
    let back = at(&provider.sign_in(&leads_to(&sent), now, &json!({ "sub": "u1" })));
    assert_eq!(browser.get(&back).await.status, 303);
    Back::of(&browser.get(&url).await).code();
    assert_eq!(
        stage.scalar("select count(*) || ' ' || sum(case when adult then 1 else 0 end) from person").await,
        "1 0"
    );

    // What the provider says for somebody else signs nobody in.
    let mut other = Browser::new();
    let url = at(&paths[2]);
    for claims in [
        json!({ "sub": "u2", "nonce": "other" }),
        json!({ "sub": "u2", "aud": "other" }),
        json!({ "sub": "u2", "exp": now - 3_600 }),
    ] {
        let page = other.get(&url).await;
        let sent = other.post(&url, &[("code", &form_code(&page)), ("decision", "at_provider")]).await;
        let refused = other.get(&at(&provider.sign_in(&leads_to(&sent), now, &claims))).await;
        assert_eq!(
            (refused.status, refused.header("set-cookie")),
            (ErrorCode::SignInFailed.status(), None),
            "{claims}"
        );
        assert!(text(&refused).contains("Sign-in failed"), "{}", text(&refused));
    }
    let page = other.get(&url).await;
    let sent = other.post(&url, &[("code", &form_code(&page)), ("decision", "at_provider")]).await;
    let back = at(&provider.sign_in(&leads_to(&sent), now, &json!({ "sub": "u2" })));
    let (start, state) = (back.split_once("code=").expect("a code").0, back.split_once("&state=").expect("a state").1);
    let no_code = other.get(&format!("{start}code=made-up&state={state}")).await;
    assert_eq!((no_code.status, no_code.header("set-cookie")), (ErrorCode::SignInFailed.status(), None));
    assert_eq!(stage.scalar("select count(*) from person").await, "1");

    // One that does not answer is not our own failure.
    let page = other.get(&url).await;
    let sent = other.post(&url, &[("code", &form_code(&page)), ("decision", "at_provider")]).await;
    let back = at(&provider.sign_in(&leads_to(&sent), now, &json!({ "sub": "u2" })));
    provider.stop().await;
    let down = other.get(&back).await;
    assert_eq!((down.status, down.header("set-cookie")), (ErrorCode::SignInUnavailable.status(), None));
    assert!(text(&down).contains("Sign-in is currently unavailable"), "{}", text(&down));
}

async fn a_sign_in_is_as_old_as_the_provider_says(stage: Stage) {
    let provider = Provider::start();
    let app = Asking::new(&stage).await;
    let mut paths = Vec::new();
    for wish in [
        Wish::new("openid").with("max_age", "60"),
        Wish::new("openid").with("prompt", "login"),
        Wish::new("openid"),
        Wish::new("openid").with("max_age", "60"),
    ] {
        let pushed = app.push(&wish).await.expect_status(201);
        paths.push(app.address_of(field(&pushed, "request_uri")).replace(stage.url(), ""));
    }
    let origin = stage.url().to_owned();
    drop(app);
    let stage = stage.reopen(&Knobs { live: true, sign_in_issuer: Some(provider.issuer), ..Knobs::default() }).await;
    let at = |path: &str| {
        format!("http://{}{}", stage.address(), path.replace("https://api.quanzi.example", "").replace(&origin, ""))
    };
    let now = stage.now().seconds();
    let sign_in = async |path: &str, claims: Value| {
        let mut browser = Browser::new();
        let page = browser.get(&at(path)).await;
        let sent = browser.post(&at(path), &[("code", &form_code(&page)), ("decision", "at_provider")]).await;
        let arrived = browser.get(&at(&provider.sign_in(&leads_to(&sent), now, &claims))).await;
        (browser, arrived)
    };

    let (mut old, arrived) = sign_in(&paths[0], json!({ "sub": "u1", "auth_time": now - 300 })).await;
    assert_eq!(arrived.status, 303);
    assert!(text(&old.get(&at(&paths[0])).await).contains("Sign in to continue"), "five minutes are more than one");
    let session = "select max(authenticated_at) / 1000000 from fan_session";
    assert_eq!(stage.scalar(session).await, (now - 300).to_string());
    for path in &paths[..2] {
        let (_, refused) = sign_in(path, json!({ "sub": "u1", "auth_time": null })).await;
        assert_eq!((refused.status, refused.header("set-cookie")), (ErrorCode::SignInAgeUnknown.status(), None));
        assert!(text(&refused).contains("Your sign-in time could not be verified"), "{}", text(&refused));
    }
    // Where nobody asks since when, nobody has to say; it is good for no wish that comes later.
    let (mut unknown, _) = sign_in(&paths[2], json!({ "sub": "u2" })).await;
    assert!(text(&unknown.get(&at(&paths[2])).await).contains("do this?"));
    assert!(text(&unknown.get(&at(&paths[3])).await).contains("Sign in to continue"));
    provider.stop().await;
}
