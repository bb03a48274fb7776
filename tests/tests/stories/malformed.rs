//! Malformed requests: each gets a proper refusal that names what is wrong, and nothing is written.

use quanzi_tests::both_engines;
use quanzi_tests::raw::{Answer, Partner, now};
use quanzi_tests::stage::{Knobs, Stage};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

/// Sends bytes as they are and reads the whole answer.
async fn speak(stage: &Stage, bytes: &[u8]) -> String {
    let address = stage.url().trim_start_matches("http://").to_owned();
    let mut stream = tokio::net::TcpStream::connect(address).await.expect("a connection");
    stream.write_all(bytes).await.expect("sent");
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.ok();
    String::from_utf8_lossy(&answer).into_owned()
}

both_engines! {
    an_unknown_address_and_a_wrong_method_are_problems,
    a_field_is_named_by_its_pointer,
    a_body_that_is_not_json_is_refused_with_its_place,
    another_media_type_is_refused,
    a_body_larger_than_allowed_is_refused,
    a_chunked_body_larger_than_allowed_is_refused,
    a_body_that_comes_too_slowly_is_refused,
    too_many_headers_are_refused,
    a_malformed_id_names_the_parameter,
    a_wrong_query_names_the_parameter,
    if_match_must_be_there_and_fit,
    another_partners_object_is_as_good_as_missing,
    nothing_internal_leaks_when_the_database_is_gone,
}

async fn an_unknown_address_and_a_wrong_method_are_problems(stage: Stage) {
    let partner = Partner::register(stage.url()).await;

    partner.get("/v1/nothing").await.expect_refusal(404, "route_not_found");
    partner.get("/v1/circles/").await.expect_refusal(404, "route_not_found");
    let refused = partner.request("DELETE", "/v1/circles").send().await;

    refused.expect_refusal(405, "method_not_allowed");
    assert_eq!(refused.header("allow"), Some("GET, POST"));
    let page = partner.http.post(format!("{}/docs", partner.url)).send().await.expect("an answer");
    Answer::read(page).await.expect_refusal(405, "method_not_allowed");
}

async fn a_field_is_named_by_its_pointer(stage: Stage) {
    let partner = Partner::register(stage.url()).await;

    for (body, pointer) in [
        (json!({}), ""),
        (json!({ "name": "" }), "/name"),
        (json!({ "name": "   " }), "/name"),
        (json!({ "name": "x".repeat(61) }), "/name"),
        (json!({ "name": "zero\u{0}byte" }), "/name"),
        (json!({ "name": 7 }), "/name"),
        (json!({ "name": "A", "colour": "red" }), "/colour"),
        (json!({ "name": "A", "category": "nonsense" }), "/category"),
        (json!({ "name": "A", "slug": "Not A Slug" }), "/slug"),
        (json!({ "name": "A", "cover": "javascript:alert(1)" }), "/cover"),
        (json!({ "name": "A", "language": "!" }), "/language"),
        (json!({ "name": "A", "limits": { "posts_per_member_per_day": -1 } }), "/limits/posts_per_member_per_day"),
    ] {
        let refused = partner.post("/v1/circles", body.clone()).await.expect_refusal(400, "field_invalid");
        assert_eq!(refused["pointer"].as_str().unwrap_or_default(), pointer, "{body}: {refused}");
    }
    assert_eq!(partner.get("/v1/circles").await.json()["data"], json!([]));
}

async fn a_body_that_is_not_json_is_refused_with_its_place(stage: Stage) {
    let partner = Partner::register(stage.url()).await;
    let send = |bytes: &[u8]| partner.request("POST", "/v1/circles").bytes("application/json", bytes.to_vec());

    for bytes in [&b"{"[..], b"", b"{\"name\":\"A\"} x", b"\xff\xfe", b"nul"] {
        let refused = send(bytes).send().await;
        refused.expect_refusal(400, "body_malformed");
    }
    let deep = "[".repeat(10_000);
    assert_eq!(send(deep.as_bytes()).send().await.status, 400);
}

async fn another_media_type_is_refused(stage: Stage) {
    let partner = Partner::register(stage.url()).await;
    let send =
        |media_type: &str| partner.request("POST", "/v1/circles").bytes(media_type, b"{\"name\":\"A\"}".to_vec());

    send("text/plain").send().await.expect_refusal(415, "content_type_unsupported");
    send("application/json")
        .header("content-encoding", "gzip")
        .send()
        .await
        .expect_refusal(415, "content_type_unsupported");
    send("application/json; charset=utf-8").send().await.expect_status(201);
}

async fn a_body_larger_than_allowed_is_refused(stage: Stage) {
    let partner = Partner::register(stage.url()).await;
    let large = json!({ "name": "x".repeat(2 * 1024 * 1024) });

    partner.post("/v1/circles", large).await.expect_refusal(413, "body_too_large");
}

async fn a_chunked_body_larger_than_allowed_is_refused(stage: Stage) {
    let chunk = "x".repeat(65_536);
    let mut bytes = b"POST /sandbox/v1/partners HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n".to_vec();
    for _ in 0..17 {
        bytes.extend_from_slice(format!("{:x}\r\n{chunk}\r\n", chunk.len()).as_bytes());
    }
    bytes.extend_from_slice(b"0\r\n\r\n");

    let answer = speak(&stage, &bytes).await;

    assert!(answer.starts_with("HTTP/1.1 413"), "{answer}");
    assert!(answer.contains("body_too_large"), "{answer}");
}

async fn a_body_that_comes_too_slowly_is_refused(stage: Stage) {
    let stage = stage.reopen(&Knobs { body_timeout_seconds: 1, ..Knobs::default() }).await;
    let start = b"POST /sandbox/v1/partners HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-type: application/json\r\ncontent-length: 100\r\n\r\n{";

    let answer = speak(&stage, start).await;

    assert!(answer.starts_with("HTTP/1.1 408"), "{answer}");
    assert!(answer.contains("body_timeout"), "{answer}");
}

async fn too_many_headers_are_refused(stage: Stage) {
    let partner = Partner::register(stage.url()).await;
    let with_headers = |more: usize| {
        let request = partner.request("GET", "/v1/partner");
        (0..more).fold(request, |request, number| request.header(&format!("x-{number}"), "y"))
    };
    let fits = with_headers(80).send().await;
    let many = with_headers(88).send().await;
    let wide = partner.request("GET", "/v1/partner").header("x-wide", &"y".repeat(33_000)).send().await;
    let long = partner.get(&format!("/v1/partner?{}", "q".repeat(9_000))).await;

    fits.expect_status(200);
    many.expect_refusal(431, "headers_too_large");
    wide.expect_refusal(431, "headers_too_large");
    long.expect_refusal(431, "headers_too_large");
}

async fn a_malformed_id_names_the_parameter(stage: Stage) {
    let partner = Partner::register(stage.url()).await;

    for id in [
        "nonsense",
        "cir_",
        "cir_01JD8Z6T5M3Q9V0K7W2X4Y6Z8",
        "pst_01JD8Z6T5M3Q9V0K7W2X4Y6Z8A",
        "cir_01jd8z6t5m3q9v0k7w2x4y6z8a",
        "%00",
        "%ff",
    ] {
        let refused = partner.get(&format!("/v1/circles/{id}")).await.expect_refusal(400, "param_invalid");
        assert_eq!(refused["param"], "circle", "{id}");
    }
}

async fn a_wrong_query_names_the_parameter(stage: Stage) {
    let partner = Partner::register(stage.url()).await;

    for (query, param) in [
        ("limit=0", "limit"),
        ("limit=101", "limit"),
        ("limit=-1", "limit"),
        ("limit=x", "limit"),
        ("limit=1&limit=2", "limit"),
        ("colour=red", "colour"),
        ("status=nonsense", "status"),
        ("cursor=!", "cursor"),
        ("cursor=", "cursor"),
        ("cursor=eyJhIjoxfQ", "cursor"),
        ("cursor=WzFd", "cursor"),
    ] {
        let refused = partner.get(&format!("/v1/circles?{query}")).await.expect_refusal(400, "param_invalid");
        assert_eq!(refused["param"], param, "{query}: {refused}");
    }
}

async fn if_match_must_be_there_and_fit(stage: Stage) {
    let partner = Partner::register(stage.url()).await;
    let circle = partner.post("/v1/circles", json!({ "name": "Matched" })).await;
    let path = format!("/v1/circles/{}", circle.json()["id"].as_str().expect("an id"));
    let change = json!({ "announcement": "Hello" });
    let with = |value: &str| partner.request("PATCH", &path).header("if-match", value).json(&change);

    partner.request("PATCH", &path).json(&change).send().await.expect_refusal(428, "if_match_missing");
    for value in ["3", "\"x\"", "*", "W/\"1\"", "\"\""] {
        let refused = with(value).send().await.expect_refusal(400, "param_invalid");
        assert_eq!(refused["param"], "If-Match");
    }
    with("\"7\"").send().await.expect_refusal(412, "version_mismatch");
    assert_eq!(circle.header("etag"), Some("\"1\""));
    assert_eq!(with("\"1\"").send().await.header("etag"), Some("\"2\""));
}

async fn another_partners_object_is_as_good_as_missing(stage: Stage) {
    let owner = Partner::register(stage.url()).await;
    let stranger = Partner::register(stage.url()).await;
    let id =
        owner.post("/v1/circles", json!({ "name": "Mine" })).await.json()["id"].as_str().expect("an id").to_owned();
    let missing = "cir_01JD8Z6T5M3Q9V0K7W2X4Y6Z8A";
    let without_request_id = |mut body: Value| {
        body["request_id"] = Value::Null;
        body
    };

    let foreign = stranger.get(&format!("/v1/circles/{id}")).await.expect_refusal(404, "circle_not_found");
    let absent = stranger.get(&format!("/v1/circles/{missing}")).await.expect_refusal(404, "circle_not_found");

    assert_eq!(without_request_id(foreign), without_request_id(absent));
}

async fn nothing_internal_leaks_when_the_database_is_gone(stage: Stage) {
    let partner = Partner::register(stage.url()).await;
    stage.break_database().await;

    let answer = partner
        .request("POST", "/v1/circles")
        .json(&json!({ "name": "Broken" }))
        .signing(|signing| signing.created = Some(now()))
        .send()
        .await;

    assert!(matches!(answer.status, 500 | 503), "{}", answer.status);
    let text = String::from_utf8_lossy(&answer.bytes).to_lowercase();
    for word in ["sql", "pool", "database", "postgres", "panicked", "/src/"] {
        assert!(!text.contains(word), "{text}");
    }
    let ready = quanzi_tests::raw::client().get(format!("{}/readyz", stage.url())).send().await.expect("an answer");
    assert_eq!(Answer::read(ready).await.status, 503);
}
