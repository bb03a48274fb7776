//! The road end to end, and what holds for all of it: documented equals mounted, and requests in flight are finished.

use quanzi::content::{NewPost, PostsQuery};
use quanzi::gates::GateRule;
use quanzi::memberships::NewMembership;
use quanzi::sandbox::NewSandboxFan;
use quanzi_openapi::OPERATIONS;
use quanzi_tests::both_engines;
use quanzi_tests::patience::until;
use quanzi_tests::raw::{Partner, Ready};
use quanzi_tests::stage::{Stage, gated_circle, partner};
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

both_engines! {
    a_partner_opens_a_circle_lets_fans_in_and_publishes,
    what_is_documented_is_mounted,
    a_request_in_flight_is_finished_before_the_gateway_goes,
    secrets_stay_out_of_debug_output,
    a_live_gateway_has_nothing_of_the_sandbox,
}

async fn a_partner_opens_a_circle_lets_fans_in_and_publishes(stage: Stage) {
    let client = partner(&stage).await;
    let circle = gated_circle(&client, "The road", [GateRule::Adult {}, GateRule::Approval {}]).await;
    let fan = client.sandbox().create_fan(NewSandboxFan::new("Mei").adult()).await.expect("a fan");

    let waiting = client.memberships().join(circle.id, NewMembership::new(fan.id)).await.expect("waiting");
    let member = client.memberships().approve(waiting.id).await.expect("approved");
    let post = client.posts().create(circle.id, NewPost::new("Hello").author(member.id)).await.expect("a post");
    let feed = client.posts().list(circle.id, PostsQuery::default()).page().await.expect("the feed");

    assert_eq!(feed.data, [post]);
    assert!(!feed.has_more);
}

async fn what_is_documented_is_mounted(stage: Stage) {
    let mounted: std::collections::BTreeSet<_> = stage.inside().mounted().into_iter().collect();
    let documented: std::collections::BTreeSet<_> =
        OPERATIONS.iter().map(|operation| (operation.method, operation.path.to_owned())).collect();

    assert_eq!(mounted, documented);
}

async fn a_request_in_flight_is_finished_before_the_gateway_goes(stage: Stage) {
    let raw = Partner::register(stage.url()).await;
    let address = stage.address();
    let mut in_flight = Vec::new();
    for number in 0..20 {
        let ready = raw.request("POST", "/v1/circles").json(&json!({ "name": format!("C{number}") })).ready();
        in_flight.push(InFlight::begin(&address, &ready).await);
    }

    let answers = async {
        // It takes no more requests, and those it has still lack their bodies.
        until("the gateway stops listening", async || TcpStream::connect(&address).await.is_err()).await;
        futures_util::future::join_all(in_flight.into_iter().map(InFlight::finish)).await
    };
    let ((), answers) = futures_util::future::join(stage.close(), answers).await;

    assert_eq!(answers.len(), 20);
    for answer in answers {
        assert!(answer.starts_with("HTTP/1.1 201"), "{answer}");
    }
}

/// A request that the gateway has taken, and whose body it waits for.
struct InFlight {
    stream: TcpStream,
    body: Vec<u8>,
}

impl InFlight {
    async fn begin(address: &str, ready: &Ready) -> Self {
        let path = ready.url.split_once("://").and_then(|(_, rest)| rest.find('/').map(|at| &rest[at..]));
        let body = ready.body.clone().unwrap_or_default();
        let mut head = format!("{} {} HTTP/1.1\r\nhost: {address}\r\n", ready.method, path.expect("a path"));
        for (name, value) in &ready.headers {
            head = head + name.as_str() + ": " + value.as_str() + "\r\n";
        }
        let length = body.len();
        head = format!("{head}content-length: {length}\r\nexpect: 100-continue\r\nconnection: close\r\n\r\n");
        let mut stream = TcpStream::connect(address).await.expect("a connection");
        stream.write_all(head.as_bytes()).await.expect("written");
        let mut told = [0; b"HTTP/1.1 100 Continue\r\n\r\n".len()];
        stream.read_exact(&mut told).await.expect("it goes on");
        assert_eq!(&told, b"HTTP/1.1 100 Continue\r\n\r\n");
        Self { stream, body }
    }

    async fn finish(mut self) -> String {
        self.stream.write_all(&self.body).await.expect("written");
        let mut answer = String::new();
        self.stream.read_to_string(&mut answer).await.expect("an answer");
        answer
    }
}

async fn secrets_stay_out_of_debug_output(stage: Stage) {
    let raw = Partner::register(stage.url()).await;

    let shown = stage.inside().debug_output();

    assert!(!shown.contains(&raw.token));
    assert!(!shown.contains("PRIVATE"));
}

async fn a_live_gateway_has_nothing_of_the_sandbox(stage: Stage) {
    let stage = stage.reopen(&quanzi_tests::stage::Knobs { live: true, ..quanzi_tests::stage::Knobs::default() }).await;
    let http = quanzi_tests::raw::client();
    let at = |path: &str| format!("http://{}{path}", stage.address());

    for operation in OPERATIONS.iter().filter(|operation| operation.path.starts_with("/sandbox/")) {
        let method = operation.method.as_str().parse().expect("a method");
        let answer = http.request(method, at(&operation.path.replace(['{', '}'], ""))).send().await.expect("an answer");
        assert_eq!(answer.status(), 404, "{}", operation.path);
    }
    let unsigned = http.post(at("/v1/circles")).body("{}").send().await.expect("an answer");
    let text = unsigned.text().await.expect("a body");
    assert!(!text.contains("signature_base") && !text.contains("hints"), "{text}");
    let metadata: serde_json::Value = http
        .get(at("/.well-known/oauth-authorization-server"))
        .send()
        .await
        .expect("an answer")
        .json()
        .await
        .expect("json");
    assert_eq!(metadata["issuer"], "https://api.quanzi.example");
    assert!(!metadata["scopes_supported"].as_array().expect("scopes").contains(&json!("sandbox")));
    assert_eq!(stage.scalar("select count(*) from gateway_key where sealed").await, "2");
}
