//! What is tried again, how often, and under which key.

use std::sync::atomic::Ordering;
use std::time::Duration;

use quanzi_openapi::circles::CircleChange;
use serde_json::json;

use super::gateway::{Gateway, Reply, Seal, Seen, circle};
use crate::circles::NewCircle;
use crate::{ErrorCode, ErrorKind, Method};

const ID: &str = "cir_01JD8Z6T5M3Q9V0K7W2X4Y6Z8A";

fn made() -> Reply {
    Reply::json(201, &circle(&json!({})))
}

/// Fails so often, then answers.
async fn failing(times: usize, failure: Reply) -> Gateway {
    Gateway::start(move |_, before| if before < times { failure.clone() } else { made() }).await
}

fn keys(calls: &[Seen]) -> Vec<&str> {
    calls.iter().map(|call| call.header("idempotency-key").unwrap()).collect()
}

#[tokio::test]
async fn whatever_passes_is_tried_again_under_the_same_key_with_a_fresh_nonce() {
    for failure in [
        Reply::cut(),
        Reply::problem(ErrorCode::Internal, &json!({})),
        Reply::problem(ErrorCode::Overloaded, &json!({})),
        Reply::problem(ErrorCode::IdempotencyInFlight, &json!({})),
        Reply::json(502, &json!({})).seal(Seal::None),
        Reply::json(504, &json!({})).seal(Seal::None),
    ] {
        let gateway = failing(2, failure).await;
        let client = gateway.client();

        let made = client.circles().create(NewCircle::new("a")).await;

        assert!(made.is_ok(), "{made:?}");
        let calls = gateway.calls();
        assert_eq!(calls.len(), 3);
        assert!(keys(&calls).windows(2).all(|pair| pair[0] == pair[1]));
        // Full jitter: never more than 200 ms, then 400 ms.
        let slept = client.system().test.slept();
        assert!(slept[0] <= Duration::from_millis(200) && slept[1] <= Duration::from_millis(400), "{slept:?}");
    }
}

#[tokio::test]
async fn two_calls_have_two_keys() {
    let gateway = failing(0, Reply::cut()).await;
    let client = gateway.client();

    client.circles().create(NewCircle::new("a")).await.unwrap();
    client.circles().create(NewCircle::new("a")).await.unwrap();

    let calls = gateway.calls();
    assert_ne!(keys(&calls)[0], keys(&calls)[1]);
}

#[tokio::test]
async fn tries_are_bounded() {
    let gateway = failing(usize::MAX, Reply::problem(ErrorCode::Internal, &json!({}))).await;

    let refused = gateway.client().circles().create(NewCircle::new("a")).await.unwrap_err();
    let once = gateway.client().circles().create(NewCircle::new("a")).retries(0).await.unwrap_err();

    assert!(refused.is(ErrorCode::Internal) && refused.is_retryable());
    assert_eq!((refused.attempts(), once.attempts()), (4, 1));
    assert_eq!(gateway.calls().len(), 5);
    assert!(refused.to_string().contains("after 4 attempts"), "{refused}");
}

#[tokio::test]
async fn a_refusal_is_not_tried_again() {
    let gateway = failing(usize::MAX, Reply::problem(ErrorCode::CircleNameTaken, &json!({}))).await;

    let refused = gateway.client().circles().create(NewCircle::new("a")).await.unwrap_err();

    assert!(refused.is(ErrorCode::CircleNameTaken));
    assert_eq!(gateway.calls().len(), 1);
}

#[tokio::test]
async fn retry_after_is_kept() {
    let limited = |answer: Reply| {
        Reply::problem(ErrorCode::RateLimited, &json!({}))
            .header("retry-after", answer.header("x", "7").headers[0].1.as_str())
    };
    let gateway = failing(1, limited(Reply::empty(200))).await;
    let client = gateway.client();

    client.circles().create(NewCircle::new("a")).await.unwrap();

    let slept = client.system().test.slept();
    assert!(slept[0] >= Duration::from_secs(7) && slept[0] <= Duration::from_millis(7_200), "{slept:?}");
}

#[tokio::test]
async fn a_wait_beyond_the_end_of_the_call_is_not_begun() {
    let limit =
        json!({ "limit": { "name": "bands", "allowed": 3, "window_seconds": 86400, "resets_in_seconds": 40000 } });
    let gateway = failing(usize::MAX, Reply::problem(ErrorCode::GateBandLimitReached, &limit)).await;
    let client = gateway.client();

    let refused = client.circles().create(NewCircle::new("a")).await.unwrap_err();

    assert_eq!(refused.problem().unwrap().limit.as_ref().unwrap().resets_in_seconds, 40_000);
    assert_eq!((gateway.calls().len(), client.system().test.slept().len()), (1, 0));
}

#[tokio::test]
async fn what_could_happen_twice_is_not_repeated_blindly() {
    let gateway = failing(1, Reply::cut()).await;
    let client = gateway.client();

    let lost = client.raw(Method::Post, "/v1/novelties").json(&json!({})).await.unwrap_err();

    assert_eq!(lost.kind(), ErrorKind::Connection);
    assert!(lost.outcome_unknown() && lost.is_retryable());
    assert_eq!(gateway.calls().len(), 1);
}

#[tokio::test]
async fn what_surely_did_not_happen_is_repeated() {
    let gateway = failing(1, Reply::problem(ErrorCode::RateLimited, &json!({}))).await;

    let reply = gateway.client().raw(Method::Post, "/v1/novelties").json(&json!({})).await.unwrap();

    assert_eq!((reply.status(), gateway.calls().len()), (201, 2));
}

#[tokio::test]
async fn a_change_that_may_have_been_made_says_so() {
    let gateway = Gateway::start(|_, before| match before {
        0 => Reply::cut(),
        _ => Reply::problem(ErrorCode::VersionMismatch, &json!({})),
    })
    .await;

    let refused =
        gateway.client().circles().change(ID.parse().unwrap(), CircleChange::default()).if_match(1).await.unwrap_err();

    assert!(refused.is(ErrorCode::VersionMismatch) && refused.outcome_unknown());
}

#[tokio::test]
async fn nobody_there_is_a_connection_error() {
    let gateway = failing(0, Reply::cut()).await;
    let client =
        crate::Client::builder("http://127.0.0.1:9").app(gateway.app, gateway.key.clone()).retries(1).build().unwrap();

    let lost = client.circles().get(ID.parse().unwrap()).await.unwrap_err();

    assert!(lost.is_connection() && !lost.outcome_unknown(), "{lost:?}");
    assert_eq!(client.system().test.slept().len(), 1);
}

#[tokio::test]
async fn a_silent_gateway_times_out() {
    let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", silent.local_addr().unwrap());
    let client = crate::Client::builder(url).retries(0).timeout(Duration::from_millis(20)).build().unwrap();

    let lost = client.raw(Method::Get, "/v1/partner").unsigned().await.unwrap_err();

    assert!(lost.is_timeout() && lost.is_retryable(), "{lost:?}");
}

#[tokio::test]
async fn a_wrong_clock_is_corrected_once_by_the_gateways() {
    let gateway = failing(0, Reply::cut()).await;
    let client = gateway.client();
    client.circles().create(NewCircle::new("a")).await.unwrap();
    gateway.state.ahead_seconds.store(3_600, Ordering::Relaxed);

    client.circles().create(NewCircle::new("b")).await.unwrap();
    client.circles().create(NewCircle::new("c")).await.unwrap();

    // The second call was refused once, the third was right at once.
    assert_eq!(gateway.calls().len(), 4);
    assert_eq!(client.system().test.slept().len(), 0);
}

#[tokio::test]
async fn a_gateway_that_cannot_tell_the_time_does_not_keep_us_for_ever() {
    let late = |_: &Seen, _: usize| {
        Reply::problem(ErrorCode::CreatedOutOfWindow, &json!({ "signature": { "server_time": 1 } }))
    };
    let gateway = Gateway::start(late).await;

    let refused = gateway.client().circles().get(ID.parse().unwrap()).await.unwrap_err();

    assert!(refused.is(ErrorCode::CreatedOutOfWindow));
    assert!(gateway.calls().len() <= 2);
}
