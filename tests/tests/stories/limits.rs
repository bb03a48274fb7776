//! Rate limits: every answer says what is left, a refusal says how long to wait.

use quanzi_tests::both_engines;
use quanzi_tests::raw::{Answer, Partner, now};
use quanzi_tests::stage::{Knobs, Stage};
use serde_json::json;

both_engines! {
    every_answer_says_what_is_left,
    past_the_limit_requests_wait_and_then_pass,
    registrations_are_limited_by_address,
    an_address_is_limited_before_anything_is_looked_at,
    only_what_the_proxy_wrote_names_the_client,
    a_request_refused_by_a_limit_may_be_sent_again_as_it_is,
}

async fn every_answer_says_what_is_left(stage: Stage) {
    let partner = Partner::register(stage.url()).await;

    let answer = partner.get("/v1/partner").await;

    assert!(answer.header("ratelimit-policy").is_some_and(|text| text.starts_with("\"app-read\";q=")));
    assert!(answer.header("ratelimit").is_some_and(|text| text.starts_with("\"app-read\";r=")));
    let write = partner.post("/v1/circles", json!({ "name": "Written" })).await;
    assert!(write.header("ratelimit").is_some_and(|text| text.starts_with("\"app-write\";r=")));
}

async fn past_the_limit_requests_wait_and_then_pass(stage: Stage) {
    let stage = stage.reopen(&Knobs { reads_per_second: 2, ..Knobs::default() }).await;
    let partner = Partner::register(stage.url()).await;
    let other = Partner::register(stage.url()).await;

    let mut refused = None;
    for _ in 0..10 {
        let answer = partner.get("/v1/partner").await;
        if answer.status == 429 {
            refused = Some(answer);
            break;
        }
    }
    let refused = refused.expect("the limit is hit");

    let body = refused.expect_refusal(429, "rate_limited");
    assert_eq!(
        (&body["limit"]["name"], &body["limit"]["allowed"], &body["retryable"]),
        (&json!("app-read"), &json!(4), &json!(true))
    );
    assert!(refused.header("retry-after").is_some());
    assert!(refused.header("ratelimit").is_some_and(|text| text.starts_with("\"app-read\";r=0")));
    other.get("/v1/partner").await.expect_status(200);
    stage.advance(5);
    let later = partner.request("GET", "/v1/partner").signing(|signing| signing.created = Some(now() + 5));
    later.send().await.expect_status(200);
}

async fn registrations_are_limited_by_address(stage: Stage) {
    let stage = stage.reopen(&Knobs { registrations_per_minute: 2, ..Knobs::default() }).await;
    Partner::register(stage.url()).await;
    Partner::register(stage.url()).await;
    let http = quanzi_tests::raw::client();
    let key = quanzi_tests::raw::TestKey::ed25519();
    let body =
        json!({ "name": "Third", "legal_name": "Third Ltd.", "app": { "name": "a", "jwks": { "keys": [key.jwk()] } } });

    let answer = http.post(format!("{}/sandbox/v1/partners", stage.url())).json(&body).send().await.expect("an answer");

    Answer::read(answer).await.expect_refusal(429, "rate_limited");
}

async fn an_address_is_limited_before_anything_is_looked_at(stage: Stage) {
    let stage = stage.reopen(&Knobs { address_per_second: 3, ..Knobs::default() }).await;
    let http = quanzi_tests::raw::client();
    let mut last = 0;

    for _ in 0..10 {
        last = http.get(format!("{}/v1/partner", stage.url())).send().await.expect("an answer").status().as_u16();
    }

    assert_eq!(last, 429);
}

async fn only_what_the_proxy_wrote_names_the_client(stage: Stage) {
    let stage = stage.reopen(&Knobs { registrations_per_minute: 2, trusts_loopback: true, ..Knobs::default() }).await;
    let http = quanzi_tests::raw::client();
    let register = async |forwarded: &[u8]| {
        let key = quanzi_tests::raw::TestKey::ed25519();
        let body =
            json!({ "name": "P", "legal_name": "P Ltd.", "app": { "name": "a", "jwks": { "keys": [key.jwk()] } } });
        let value = reqwest::header::HeaderValue::from_bytes(forwarded).expect("a header");
        let request =
            http.post(format!("{}/sandbox/v1/partners", stage.url())).header("x-forwarded-for", value).json(&body);
        request.send().await.expect("an answer").status().as_u16()
    };

    assert_eq!(register(b"198.51.100.7").await, 201);
    assert_eq!(register(b"9.9.9.1, 198.51.100.7").await, 201);
    for forged in [
        &b"198.51.100.7"[..],
        b"9.9.9.2, 198.51.100.7",
        b"9.9.9.3, x, 198.51.100.7",
        b"\xff, 198.51.100.7",
        b"9.9.9.4, 198.51.100.7, 127.0.0.1",
    ] {
        assert_eq!(register(forged).await, 429, "{}", String::from_utf8_lossy(forged));
    }
    assert_eq!(register(b"198.51.100.8").await, 201);
}

async fn a_request_refused_by_a_limit_may_be_sent_again_as_it_is(stage: Stage) {
    let stage = stage.reopen(&Knobs { reads_per_second: 1, ..Knobs::default() }).await;
    let partner = Partner::register(stage.url()).await;
    while partner.get("/v1/partner").await.status == 200 {}
    let ready = partner.request("GET", "/v1/partner").ready();

    ready.clone().send(&partner.http).await.expect_refusal(429, "rate_limited");
    stage.advance(5);

    ready.send(&partner.http).await.expect_status(200);
}
