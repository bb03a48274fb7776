//! Only the gateway's own answer to this very request is believed.

use std::sync::atomic::Ordering;
use std::time::Duration;

use serde_json::json;

use super::gateway::{Gateway, Reply, Seal, circle};
use crate::circles::NewCircle;
use crate::{ErrorCode, ErrorKind, Key};

const ID: &str = "cir_01JD8Z6T5M3Q9V0K7W2X4Y6Z8A";

fn good() -> Reply {
    Reply::json(200, &circle(&json!({})))
}

#[tokio::test]
async fn an_answer_that_is_not_provably_the_gateways_is_an_error() {
    for seal in [Seal::None, Seal::ForeignKey, Seal::OtherBody, Seal::OtherRequest] {
        let gateway = Gateway::start(move |_, _| good().seal(seal)).await;

        let read = gateway.client().circles().get(ID.parse().unwrap()).await.unwrap_err();
        let made = gateway.client().circles().create(NewCircle::new("a")).await.unwrap_err();

        assert_eq!(read.kind(), ErrorKind::ResponseNotVerified, "{read}");
        assert!(!read.outcome_unknown() && made.outcome_unknown());
        assert_eq!(read.request_id(), Some("req_test"));
        assert_eq!(gateway.calls().len(), 2);
    }
}

#[tokio::test]
async fn a_refusal_must_be_signed_too() {
    let refusal = Reply::problem(ErrorCode::CircleNotFound, &json!({}));
    let gateway =
        Gateway::start(move |_, before| refusal.clone().seal(if before == 0 { Seal::None } else { Seal::Good })).await;
    let client = gateway.client();

    let unsigned = client.circles().get(ID.parse().unwrap()).await.unwrap_err();
    let signed = client.circles().get(ID.parse().unwrap()).await.unwrap_err();

    assert_eq!(
        (unsigned.kind(), unsigned.code(), unsigned.status()),
        (ErrorKind::ResponseNotVerified, None, Some(404))
    );
    assert!(signed.is(ErrorCode::CircleNotFound));
}

#[tokio::test]
async fn an_unsigned_answer_cannot_set_our_clock() {
    let lie = Reply::problem(ErrorCode::CreatedOutOfWindow, &json!({ "signature": { "server_time": 5 } }));
    let gateway = Gateway::start(move |_, _| lie.clone().seal(Seal::None)).await;
    let client = gateway.client();
    let before = client.system().now_seconds();

    let refused = client.circles().get(ID.parse().unwrap()).await.unwrap_err();

    assert_eq!(refused.kind(), ErrorKind::ResponseNotVerified);
    assert!(client.system().now_seconds() >= before);
}

#[tokio::test]
async fn a_proxy_that_cannot_reach_the_gateway_is_unavailable() {
    let mut page = Reply::json(502, &json!({})).header("content-type", "text/html").seal(Seal::None);
    page.body = b"<h1>502 Bad Gateway</h1>".to_vec();
    let gateway = Gateway::start(move |_, _| page.clone()).await;

    let lost = gateway.client().circles().get(ID.parse().unwrap()).await.unwrap_err();

    assert_eq!((lost.kind(), lost.status(), lost.is_retryable()), (ErrorKind::Unavailable, Some(502), true));
    assert!(lost.to_string().contains("502 Bad Gateway"), "{lost}");
    assert_eq!(gateway.calls().len(), 4);
}

#[tokio::test]
async fn verification_can_be_switched_off() {
    let gateway = Gateway::start(|_, _| good().seal(Seal::None)).await;
    let client = gateway.builder().verify_responses(false).build().unwrap();

    assert!(client.circles().get(ID.parse().unwrap()).await.is_ok());
    assert_eq!(gateway.calls()[0].header("accept-signature"), None);
    assert_eq!(gateway.count("/oauth/jwks"), 0);
}

#[tokio::test]
async fn a_new_key_of_the_gateway_is_fetched_at_most_once_a_minute() {
    let gateway = Gateway::start(|_, _| good()).await;
    let client = gateway.client();
    let read = || async { client.circles().get(ID.parse().unwrap()).await };

    assert!(read().await.is_ok());
    gateway.rotate();
    let too_early = read().await.unwrap_err();
    gateway.pass(&client, Duration::from_secs(61));
    let in_time = read().await;
    gateway.state.publishes_keys.store(false, Ordering::Relaxed);
    gateway.rotate();
    let (_, _) = (read().await, read().await);

    assert_eq!(too_early.kind(), ErrorKind::ResponseNotVerified);
    assert!(in_time.is_ok(), "{in_time:?}");
    assert_eq!(gateway.count("/oauth/jwks"), 2);
}

#[tokio::test]
async fn a_call_is_not_sent_when_its_answer_could_not_be_verified() {
    let gateway = Gateway::start(|_, _| good()).await;
    *gateway.state.name.lock().unwrap() = "http://other.test".to_owned();

    let refused = gateway.client().circles().create(NewCircle::new("a")).await.unwrap_err();

    assert_eq!(refused.kind(), ErrorKind::Configuration);
    assert_eq!(gateway.calls().len(), 0);
}

#[tokio::test]
async fn a_gateway_may_sign_with_any_kind_of_key() {
    for pem in [super::keys::P256_PEM.to_owned(), super::keys::rsa_pem()] {
        let gateway = Gateway::start(|_, _| good()).await;
        gateway.signs_with(Key::from_pem(&pem).unwrap());

        assert!(gateway.client().circles().get(ID.parse().unwrap()).await.is_ok());
    }
}
