//! Nothing secret is ever printed.

use std::io::Write;
use std::sync::{Arc, Mutex};

use serde_json::json;

use super::gateway::{Gateway, Reply, circle};
use crate::circles::NewCircle;
use crate::{Key, Method};

#[test]
fn a_key_prints_only_what_everybody_may_know() {
    for pem in [Key::generate().unwrap().to_pem(), super::keys::P256_PEM.to_owned(), super::keys::rsa_pem()] {
        let key = Key::from_pem(&pem).unwrap();

        let shown = format!("{key:?} {key:#?}");

        assert!(shown.contains(key.thumbprint()));
        assert!(shown.len() < 400, "{shown}");
    }
}

#[test]
fn a_broken_key_is_not_quoted() {
    for text in ["{\"kty\":\"OKP\",\"d\":\"secret\",", "{\"kty\":\"secret\",\"d\":\"c2VjcmV0\"}", "-----BEGIN secret"] {
        let refused = Key::from_jwk(text).unwrap_err();

        assert!(!format!("{refused:?}").contains("secret"), "{refused:?}");
    }
}

#[tokio::test]
async fn tokens_do_not_show() {
    let gateway =
        Gateway::start(|_, before| if before == 0 { Reply::json(200, &circle(&json!({}))) } else { Reply::cut() })
            .await;
    let client = gateway.client();

    client.circles().create(NewCircle::new("a")).await.unwrap();
    let error = client.circles().create(NewCircle::new("a")).retries(0).await.unwrap_err();
    let prepared = client.raw(Method::Get, "/v1/partner").prepare().await.unwrap();

    let shown = format!("{client:?} {error:?} {error} {prepared:?}");
    assert!(prepared.headers().any(|(_, value)| value.contains("secret-token-1")));
    assert!(!shown.contains("secret-token") && !shown.contains("sig=:"), "{shown}");
}

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn the_log_tells_the_call_and_no_secret() {
    let gateway = Gateway::start(|_, before| match before {
        0 => Reply::problem(quanzi_openapi::ErrorCode::Internal, &json!({})),
        _ => Reply::json(200, &circle(&json!({ "name": "private-name" }))),
    })
    .await;
    let client = gateway.client();
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_span_events(tracing_subscriber::fmt::format::FmtSpan::CLOSE)
        .with_ansi(false)
        .with_writer(move || writer.clone())
        .finish();

    {
        let _guard = tracing::subscriber::set_default(subscriber);
        client.circles().create(NewCircle::new("private-name")).idempotency_key("private-key").await.unwrap();
        client.raw(Method::Get, "/v1/memberships/mem_01JD8Z6T5M3Q9V0K7W2X4Y6Z8A?who=private").await.unwrap();
    }

    let log = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    for told in [
        "method=\"POST\" path=\"/v1/circles\"",
        "attempts=2",
        "request_id=\"req_test\"",
        "path=\"/v1/memberships/{id}\"",
    ] {
        assert!(log.contains(told), "{told} is missing in {log}");
    }
    for secret in ["secret-token", "private", "mem_01", "eyJ", "sig=:"] {
        assert!(!log.contains(secret), "{secret} stands in {log}");
    }
}
