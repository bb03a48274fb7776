//! The road end to end, and what holds for all of it: documented equals mounted, and requests in flight are finished.

use quanzi::content::{NewPost, PostsQuery};
use quanzi::gates::GateRule;
use quanzi::memberships::NewMembership;
use quanzi::sandbox::NewSandboxFan;
use quanzi_openapi::OPERATIONS;
use quanzi_tests::both_engines;
use quanzi_tests::raw::Partner;
use quanzi_tests::stage::{Stage, gated_circle, partner};
use serde_json::json;

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
    let app = stage.app();
    let routes = app.routes();

    let mounted: std::collections::BTreeSet<_> = routes.mounted().collect();
    let documented: std::collections::BTreeSet<_> =
        OPERATIONS.iter().map(|operation| (operation.method, operation.path)).collect();

    assert_eq!(mounted, documented);
}

async fn a_request_in_flight_is_finished_before_the_gateway_goes(stage: Stage) {
    let raw = Partner::register(stage.url()).await;
    let requests =
        (0..20).map(|number| raw.request("POST", "/v1/circles").json(&json!({ "name": format!("C{number}") })).ready());
    let sent: Vec<_> = requests
        .map(|ready| {
            tokio::spawn({
                let http = raw.http.clone();
                async move { ready.send(&http).await.status }
            })
        })
        .collect();
    tokio::time::sleep(std::time::Duration::from_millis(30)).await;

    stage.close().await;

    for answer in sent {
        // Not taken at all (connection refused) would panic inside the task; taken means answered.
        if let Ok(status) = answer.await {
            assert_eq!(status, 201);
        }
    }
}

async fn secrets_stay_out_of_debug_output(stage: Stage) {
    let raw = Partner::register(stage.url()).await;
    let app = stage.app();

    let shown = format!("{:?} {:?}", app.keyring, app.config);

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
