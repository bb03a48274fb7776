//! Nothing secret is ever printed.

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
