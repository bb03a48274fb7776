//! Captures a delivery of the gateway at `QUANZI_URL` and prints it as JSON: secret, headers, body. For libraries in other languages,
//! which must believe it.
#![expect(clippy::expect_used, clippy::print_stdout, reason = "a tool of the tests")]

use quanzi::apps::NewApp;
use quanzi::sandbox::NewPartner;
use quanzi::webhook::EventType;
use quanzi::webhook_endpoints::NewWebhookEndpoint;
use quanzi::{Client, Key};
use quanzi_tests::receiver::Receiver;
use serde_json::json;

#[tokio::main]
async fn main() {
    let gateway = std::env::var("QUANZI_URL").expect("QUANZI_URL is set");
    let visitor = Client::builder(gateway).build().expect("a client");
    let key = Key::generate().expect("a key");
    let partner = NewPartner::new("Capture", "Capture Ltd.", NewApp::new("Capture", [key.public()]));
    let registered = visitor.sandbox().register_partner(partner).await.expect("registered");
    let client = visitor.with_app(registered.app.id, key);
    let receiver = Receiver::start();
    let made = client.webhook_endpoints().create(NewWebhookEndpoint::new(receiver.url())).await.expect("an endpoint");
    // Two secrets, so that the header carries what it can carry at most.
    let rotated = client.webhook_endpoints().rotate_secret(made.endpoint.id).await.expect("rotated");
    client.webhook_endpoints().ping(made.endpoint.id).await.expect("a ping");
    let received = receiver.received();
    // The endpoint's own events come as well, when they like.
    let one = received.iter().find(|one| one.event().r#type == EventType::WebhookEndpointPing).expect("the ping");
    let body = String::from_utf8(one.body.clone()).expect("text");
    let secrets = [rotated.secret.expose(), made.secret.expose()];
    println!("{}", json!({ "secrets": secrets, "headers": one.headers, "body": body }));
    receiver.stop().await;
}
