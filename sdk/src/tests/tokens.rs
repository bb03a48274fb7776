//! Tokens come and go without anybody noticing.

use std::sync::atomic::Ordering;
use std::time::Duration;

use futures_util::future::join_all;
use quanzi_openapi::ErrorCode;
use serde_json::json;

use super::gateway::{Gateway, Reply, Seal, circle};
use crate::{ErrorKind, Scope};

const ID: &str = "cir_01JD8Z6T5M3Q9V0K7W2X4Y6Z8A";

async fn gateway() -> Gateway {
    Gateway::start(|_, _| Reply::json(200, &circle(&json!({})))).await
}

#[tokio::test]
async fn one_token_serves_many_calls_at_once() {
    let gateway = gateway().await;
    let client = gateway.client();

    let read = join_all((0..20).map(|_| async { client.circles().get(ID.parse().unwrap()).await })).await;

    assert!(read.iter().all(Result::is_ok));
    assert_eq!(gateway.count("/oauth/token"), 1);
    assert_eq!(gateway.count("/oauth/jwks"), 1);
    assert_eq!(gateway.count("/.well-known/oauth-authorization-server"), 1);
}

#[tokio::test]
async fn a_token_is_renewed_before_it_ends() {
    let gateway = gateway().await;
    let client = gateway.client();
    let read = || async { client.circles().get(ID.parse().unwrap()).await.unwrap() };

    read().await;
    gateway.pass(&client, Duration::from_secs(230));
    read().await;
    let at_230_seconds = gateway.count("/oauth/token");
    gateway.pass(&client, Duration::from_secs(15));
    read().await;

    assert_eq!((at_230_seconds, gateway.count("/oauth/token")), (1, 2));
}

#[tokio::test]
async fn a_good_token_outlives_a_failed_renewal() {
    let gateway = gateway().await;
    let client = gateway.client();
    client.circles().get(ID.parse().unwrap()).await.unwrap();
    gateway.pass(&client, Duration::from_secs(250));
    let broken = Reply::json(
        400,
        &json!({ "error": "invalid_scope", "error_description": "no", "error_uri": "http://q.test/", "request_id": "r" }),
    );
    *gateway.state.token_answers.lock().unwrap() = vec![broken.seal(Seal::None)];

    let read = client.circles().get(ID.parse().unwrap()).await;

    assert!(read.is_ok(), "{read:?}");
}

#[tokio::test]
async fn a_refused_token_is_replaced_once() {
    let gateway = gateway().await;
    let client = gateway.client();
    client.circles().get(ID.parse().unwrap()).await.unwrap();
    gateway.state.revoked.store(1, Ordering::Relaxed);

    let replaced = client.circles().get(ID.parse().unwrap()).await;
    gateway.state.revoked.store(100, Ordering::Relaxed);
    let refused = client.circles().get(ID.parse().unwrap()).await.unwrap_err();

    assert!(replaced.is_ok());
    assert!(refused.is(ErrorCode::TokenRevoked));
    assert_eq!((gateway.count("/oauth/token"), gateway.calls().len()), (3, 5));
}

#[tokio::test]
async fn a_nonce_is_brought_when_asked_for_and_kept() {
    let gateway = gateway().await;
    gateway.state.wants_dpop_nonce.store(true, Ordering::Relaxed);
    let client = gateway.client();

    client.circles().get(ID.parse().unwrap()).await.unwrap();
    gateway.pass(&client, Duration::from_secs(290));
    client.circles().get(ID.parse().unwrap()).await.unwrap();

    assert_eq!(gateway.count("/oauth/token"), 3);
}

#[tokio::test]
async fn a_clock_wrong_by_hours_still_gets_a_token() {
    for hours in [-5, 5] {
        let gateway = gateway().await;
        let client = gateway.client();
        client.system().test.wrong_seconds.store(hours * 3_600, Ordering::Relaxed);

        let read = client.circles().get(ID.parse().unwrap()).await;

        assert!(read.is_ok(), "{read:?}");
        assert_eq!((gateway.count("/oauth/token"), gateway.calls().len()), (2, 1));
    }
}

#[tokio::test]
async fn a_busy_authorization_server_is_asked_again() {
    let gateway = gateway().await;
    let busy = |code: ErrorCode| Reply::problem(code, &json!({})).seal(Seal::None);
    *gateway.state.token_answers.lock().unwrap() =
        vec![busy(ErrorCode::Overloaded), busy(ErrorCode::RateLimited), Reply::cut()];

    let read = gateway.client().circles().get(ID.parse().unwrap()).await;

    assert!(read.is_ok(), "{read:?}");
    assert_eq!(gateway.count("/oauth/token"), 4);
}

#[tokio::test]
async fn a_refused_app_is_told_so() {
    let gateway = gateway().await;
    let refusal = json!({ "error": "invalid_client", "error_description": "The client could not be authenticated.", "error_uri": "http://q.test/errors/invalid_client", "request_id": "req_token" });
    *gateway.state.token_answers.lock().unwrap() = vec![Reply::json(401, &refusal).seal(Seal::None); 9];

    let refused = gateway.client().circles().get(ID.parse().unwrap()).await.unwrap_err();

    assert_eq!((refused.kind(), refused.code()), (ErrorKind::TokenRefused, Some(ErrorCode::InvalidClient)));
    assert_eq!((gateway.count("/oauth/token"), gateway.calls().len()), (1, 0));
    assert!(refused.to_string().starts_with("POST /oauth/token: no token, invalid_client: The client"), "{refused}");
}

#[tokio::test]
async fn a_bearer_token_is_not_used() {
    let gateway = gateway().await;
    let bearer = json!({ "access_token": "secret-token-1", "token_type": "Bearer", "expires_in": 300, "scope": "" });
    *gateway.state.token_answers.lock().unwrap() = vec![Reply::json(200, &bearer).seal(Seal::None)];

    let refused = gateway.client().circles().get(ID.parse().unwrap()).await.unwrap_err();

    assert_eq!(refused.kind(), ErrorKind::ResponseUnreadable);
    assert_eq!(gateway.calls().len(), 0);
}

#[tokio::test]
async fn scopes_can_be_narrowed() {
    let gateway = gateway().await;
    let client = gateway.builder().scopes([Scope::CirclesRead, Scope::ContentRead]).build().unwrap();

    client.circles().get(ID.parse().unwrap()).await.unwrap();

    assert_eq!(gateway.token_form("scope").as_deref(), Some("circles:read content:read"));
}
