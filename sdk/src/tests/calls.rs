//! Calls: what is sent, what comes back, pages, the way out.

use std::future::IntoFuture as _;

use quanzi_openapi::circles::CircleChange;
use serde_json::json;

use super::gateway::{Gateway, Reply, circle};
use crate::apps::NewApp;
use crate::circles::{CirclesQuery, NewCircle};
use crate::sandbox::NewPartner;
use crate::{Client, Cursor, ErrorCode, ErrorKind, Key, Limit, Method, Open};

#[tokio::test]
async fn a_call_is_signed_and_its_answer_typed() {
    let gateway = Gateway::start(|_, _| Reply::json(201, &circle(&json!({ "name": "Letters" })))).await;

    let made = gateway.client().circles().create(NewCircle::new("Letters")).await.unwrap();

    let call = &gateway.calls()[0];
    assert_eq!(made.name, "Letters");
    assert_eq!((call.method.as_str(), call.target.as_str()), ("POST", "/v1/circles"));
    assert_eq!(serde_json::from_slice::<serde_json::Value>(&call.body).unwrap(), json!({ "name": "Letters" }));
    assert_eq!(call.header("content-type"), Some("application/json"));
    assert_eq!(call.header("dpop"), None);
    let input = call.header("signature-input").unwrap();
    for covered in ["@method", "@target-uri", "authorization", "content-digest", "content-type", "idempotency-key"] {
        assert!(input.contains(&format!("\"{covered}\"")), "{covered}");
    }
}

#[tokio::test]
async fn every_kind_of_key_can_sign() {
    for pem in [Key::generate().unwrap().to_pem(), super::keys::P256_PEM.to_owned(), super::keys::rsa_pem()] {
        let key = Key::from_pem(&pem).unwrap();
        let gateway = Gateway::start_for(key, |_, _| Reply::json(200, &circle(&json!({})))).await;
        let id = "cir_01JD8Z6T5M3Q9V0K7W2X4Y6Z8A".parse().unwrap();

        let read = gateway.client().circles().get(id).await;

        assert!(read.is_ok(), "{read:?}");
    }
}

#[tokio::test]
async fn options_reach_the_wire() {
    let gateway = Gateway::start(|_, _| Reply::json(200, &circle(&json!({})))).await;
    let circles = gateway.client().circles();
    let id = "cir_01JD8Z6T5M3Q9V0K7W2X4Y6Z8A".parse().unwrap();

    circles.create(NewCircle::new("a")).idempotency_key("k-1").header("X-Mine", "yes").await.unwrap();
    circles.change(id, CircleChange::default()).if_match(7).await.unwrap();

    let calls = gateway.calls();
    assert_eq!(calls[0].header("idempotency-key"), Some("k-1"));
    assert_eq!(calls[0].header("x-mine"), Some("yes"));
    assert_eq!(calls[1].header("if-match"), Some("\"7\""));
    assert_eq!(calls[1].header("idempotency-key"), None);
    assert_eq!(calls[1].path(), "/v1/circles/cir_01JD8Z6T5M3Q9V0K7W2X4Y6Z8A");
}

#[tokio::test]
async fn an_empty_answer_is_nothing() {
    let gateway = Gateway::start(|_, _| Reply::empty(204)).await;
    let app = gateway.app;

    gateway.client().apps().remove_key(app, "odd/kid?#").await.unwrap();

    assert_eq!(gateway.calls()[0].target, format!("/v1/apps/{app}/keys/odd%2Fkid%3F%23"));
}

#[tokio::test]
async fn a_path_value_cannot_name_another_endpoint() {
    let gateway = Gateway::start(|_, _| Reply::empty(204)).await;

    for kid in ["", ".", ".."] {
        let refused = gateway.client().apps().remove_key(gateway.app, kid).await.unwrap_err();

        assert_eq!(refused.kind(), ErrorKind::Configuration);
    }
    assert_eq!(gateway.calls().len(), 0);
}

#[tokio::test]
async fn pages_are_walked_to_the_end() {
    let gateway = Gateway::start(|seen, _| {
        let second = seen.target.contains("cursor=");
        let data = if second {
            vec![circle(&json!({ "name": "c" }))]
        } else {
            vec![circle(&json!({ "name": "a" })), circle(&json!({ "name": "b" }))]
        };
        let mut page = json!({ "data": data, "has_more": !second });
        if !second {
            // Nothing that this version could have made: a cursor is the gateway's own matter.
            page["next_cursor"] = json!("v2.after~b=&");
        }
        Reply::json(200, &page)
    })
    .await;
    let mut query = CirclesQuery::default();
    query.limit = Some(Limit::new(2));

    let names: Vec<String> = {
        let circles = gateway.client().circles().list(query.clone()).stream().take(10).await.unwrap();
        circles.into_iter().map(|circle| circle.name.to_string()).collect()
    };
    let page = gateway.client().circles().list(query).page().await.unwrap();

    assert_eq!(names, ["a", "b", "c"]);
    assert_eq!((page.data.len(), page.has_more), (2, true));
    let calls = gateway.calls();
    assert_eq!(calls[0].target, "/v1/circles?limit=2");
    let asked = url::form_urlencoded::parse(calls[1].target.split_once('?').unwrap().1.as_bytes()).into_owned();
    let asked: Vec<(String, String)> = asked.collect();
    assert_eq!(asked, [("limit".to_owned(), "2".to_owned()), ("cursor".to_owned(), "v2.after~b=&".to_owned())]);
}

#[tokio::test]
async fn a_page_that_leads_to_itself_ends_the_walk() {
    let cursor = Cursor::at(&1).to_string();
    let page = json!({ "data": [], "has_more": true, "next_cursor": cursor });
    let gateway = Gateway::start(move |_, _| Reply::json(200, &page)).await;

    let walked = gateway.client().circles().list(CirclesQuery::default()).stream().take(10).await;

    assert_eq!(walked.unwrap_err().kind(), ErrorKind::ResponseUnreadable);
    assert_eq!(gateway.calls().len(), 2);
}

#[tokio::test]
async fn what_a_newer_gateway_says_survives() {
    let gateway = Gateway::start(|seen, _| match seen.method.as_str() {
        "GET" => Reply::json(200, &circle(&json!({ "status": "hibernating", "mood": "sleepy" }))),
        _ => Reply::problem(ErrorCode::CircleClosed, &json!({ "code": "circle_asleep", "status": 409, "dreams": [1] })),
    })
    .await;
    let id = "cir_01JD8Z6T5M3Q9V0K7W2X4Y6Z8A".parse().unwrap();

    let read = gateway.client().circles().get(id).await.unwrap();
    let raw: serde_json::Value = gateway.client().circles().get(id).raw().await.unwrap().json().unwrap();
    let refused = gateway.client().circles().open(id).await.unwrap_err();

    assert_eq!(read.status, Open::Unknown("hibernating".into()));
    let written = serde_json::to_value(&read).unwrap();
    assert_eq!((&written["status"], written.get("mood")), (&json!("hibernating"), None));
    assert_eq!(raw["mood"], "sleepy");
    assert_eq!((refused.code(), refused.code_text().as_deref()), (None, Some("circle_asleep")));
    assert_eq!(refused.status(), Some(409));
}

#[tokio::test]
async fn a_key_of_a_type_that_is_not_known_yet_can_be_read() {
    let jwk = json!({ "kty": "AKP", "alg": "ML-DSA-65", "pub": "AAAA" });
    let key = json!({ "kid": "k", "algorithm": "ml-dsa-65", "jwk": jwk, "created_at": "2026-11-20T08:30:00Z" });
    let gateway = Gateway::start(move |_, _| Reply::json(200, &json!({ "data": [key] }))).await;

    let keys = gateway.client().apps().keys(gateway.app).await.unwrap();

    assert_eq!(keys.data[0].jwk, Open::Unknown(jwk));
}

#[tokio::test]
async fn a_refusal_says_what_where_and_under_which_id() {
    let more = json!({ "pointer": "/name", "detail": "expected 1 to 60 characters" });
    let gateway = Gateway::start(move |_, _| Reply::problem(ErrorCode::FieldInvalid, &more)).await;

    let refused = gateway.client().circles().create(NewCircle::new("")).await.unwrap_err();

    assert!(refused.is(ErrorCode::FieldInvalid) && !refused.is_retryable() && !refused.outcome_unknown());
    assert_eq!(refused.request_id(), Some("req_test"));
    assert_eq!(
        refused.to_string(),
        "POST /v1/circles: field_invalid (400): expected 1 to 60 characters (at /name) [request req_test]"
    );
}

#[tokio::test]
async fn the_way_out_is_signed_as_well() {
    let gateway = Gateway::start(|seen, _| {
        let status = if seen.target == "/v1/novelties?of=today" { 202 } else { 404 };
        Reply::json(status, &json!({ "new": true })).header("etag", "\"3\"")
    })
    .await;
    let client = gateway.client();

    let reply = client.raw(Method::Post, "/v1/novelties").query("of", "today").json(&json!({})).await.unwrap();
    let typed = client.circles().list(CirclesQuery::default()).raw().await.unwrap();

    assert_eq!((reply.status(), reply.header("ETag"), reply.request_id()), (202, Some("\"3\""), Some("req_test")));
    assert_eq!(reply.json::<serde_json::Value>().unwrap()["new"], true);
    assert_eq!((typed.status(), typed.is_success()), (404, false));
}

#[tokio::test]
async fn a_token_is_not_sent_to_another_host() {
    let gateway = Gateway::start(|_, _| Reply::empty(204)).await;

    for path in ["//evil.example/v1", "/\\evil.example/", "http://evil.example/", "v1", "", "/\t/evil.example"] {
        let refused = gateway.client().raw(Method::Get, path).await.unwrap_err();

        assert_eq!(refused.kind(), ErrorKind::Configuration, "{path}");
    }
}

#[tokio::test]
async fn a_prepared_request_is_what_would_be_sent() {
    let gateway = Gateway::start(|_, _| Reply::empty(204)).await;

    let prepared = gateway.client().raw(Method::Get, "/v1/partner").prepare().await.unwrap();

    assert_eq!(gateway.calls().len(), 0);
    assert_eq!(prepared.url(), format!("{}/v1/partner", gateway.url));
    assert!(prepared.headers().any(|(name, _)| name == "signature"));
    assert!(prepared.signature_base().unwrap().starts_with("\"@method\": GET\n"));
}

#[tokio::test]
async fn a_visitor_registers_and_goes_on_as_the_app() {
    let gateway = Gateway::start(|seen, _| match seen.path() {
        "/sandbox/v1/partners" => {
            use quanzi_openapi::endpoint::Reply as _;
            Reply::json(201, &quanzi_openapi::sandbox::Registration::example_value())
        }
        _ => Reply::json(200, &circle(&json!({}))),
    })
    .await;
    let visitor = Client::builder(&gateway.url).build().unwrap();
    let app = NewApp::new("Server", [gateway.key.public()]);

    let registered = visitor.sandbox().register_partner(NewPartner::new("W", "W Ltd.", app)).await.unwrap();
    let circle = visitor.with_app(gateway.app, gateway.key.clone()).circles().create(NewCircle::new("a")).await;
    let refused = visitor.circles().create(NewCircle::new("a")).await.unwrap_err();

    let call = &gateway.calls()[0];
    assert!(call.header("signature").is_none() && call.header("authorization").is_none());
    assert_eq!(
        serde_json::from_slice::<serde_json::Value>(&call.body).unwrap()["app"]["jwks"]["keys"][0]["kty"],
        "OKP"
    );
    assert_eq!(registered.partner.version, 1);
    assert!(circle.is_ok());
    assert_eq!(refused.kind(), ErrorKind::Configuration);
}

#[tokio::test]
async fn a_gateway_behind_a_tunnel_is_signed_for_under_its_own_name() {
    let gateway = Gateway::start(|_, _| Reply::json(200, &circle(&json!({})))).await;
    *gateway.state.name.lock().unwrap() = "https://api.quanzi.test".to_owned();
    let id = "cir_01JD8Z6T5M3Q9V0K7W2X4Y6Z8A".parse().unwrap();

    let lost = gateway.client().circles().get(id).await.unwrap_err();
    let tunnel = gateway.builder().public_url("https://api.quanzi.test").build().unwrap();
    let read = tunnel.circles().get(id).await;

    assert_eq!(lost.kind(), ErrorKind::Configuration);
    assert!(lost.to_string().contains("the gateway's URL is https://api.quanzi.test"), "{lost}");
    assert!(read.is_ok(), "{read:?}");
}

#[test]
fn a_base_url_is_an_origin() {
    for wrong in [
        "",
        "api.example",
        "ftp://api.example",
        "https://api.example/v1",
        "https://a:b@api.example",
        "https://api.example?x",
    ] {
        let refused = Client::builder(wrong).build().unwrap_err();

        assert_eq!(refused.kind(), ErrorKind::Configuration, "{wrong}");
    }
    assert!(Client::builder("http://127.0.0.1:8080/").build().is_ok());
}

#[test]
fn an_app_id_may_be_a_text() {
    let build =
        |app: &str| Client::builder("http://127.0.0.1:8080").app(app.to_owned(), Key::generate().unwrap()).build();

    assert!(build("app_01JD8Z6T5M3Q9V0K7W2X4Y6Z8A").is_ok());
    assert_eq!(build("cir_01JD8Z6T5M3Q9V0K7W2X4Y6Z8A").unwrap_err().kind(), ErrorKind::Configuration);
}

#[test]
fn calls_and_errors_go_between_threads() {
    fn is_send<T: Send>(value: T) -> T {
        value
    }
    fn is_shareable<T: Send + Sync + 'static>() {}
    let client = is_send(Client::builder("http://127.0.0.1:8080").build().unwrap());

    drop(is_send(client.circles().create(NewCircle::new("a")).into_future()));
    drop(is_send(client.circles().list(CirclesQuery::default()).stream()));
    is_shareable::<crate::Error>();
    is_shareable::<Client>();
}

#[cfg(feature = "tls")]
#[test]
fn trust_needs_a_certificate() {
    let refused = Client::builder("https://api.example").trust_pem("-----BEGIN PUBLIC KEY-----").build().unwrap_err();

    assert_eq!(refused.kind(), ErrorKind::Configuration);
    assert!(refused.to_string().contains("BEGIN CERTIFICATE"), "{refused}");
}

#[tokio::test]
async fn what_was_signed_is_sent_along_only_when_asked_for() {
    let gateway = Gateway::start(|_, _| Reply::empty(204)).await;
    let debugging = gateway.builder().signature_debug(true).build().unwrap();

    debugging.raw(Method::Get, "/v1/partner").await.unwrap();
    gateway.client().raw(Method::Get, "/v1/partner").await.unwrap();

    let calls = gateway.calls();
    let base = quanzi_openapi::signature::decode_debug(calls[0].header("signature-debug").unwrap().as_bytes()).unwrap();
    assert!(base.starts_with("\"@method\": GET\n"));
    assert_eq!(calls[1].header("signature-debug"), None);
}
