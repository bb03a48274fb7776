//! Receives webhooks: an actix server that registers itself with a sandbox gateway, creates a circle, and prints the events about it.
//!
//! Start a gateway (`cargo run --release`), then `cargo run -p quanzi-examples --example receive_webhooks`. Exits by itself.

#![expect(clippy::print_stdout, reason = "an example shows what it does")]

use std::time::Duration;

use actix_web::{App, HttpRequest, HttpResponse, HttpServer, web};
use quanzi::apps::NewApp;
use quanzi::circles::NewCircle;
use quanzi::sandbox::NewPartner;
use quanzi::webhook::{Event, Verifier};
use quanzi::webhook_endpoints::{NewReplay, NewWebhookEndpoint};
use quanzi::{Client, Key};
use tokio::sync::{mpsc, watch};

/// State of the receiver. The verifier is set as soon as the secret is known.
#[derive(Clone)]
struct Inbox {
    verifier: watch::Receiver<Option<Verifier>>,
    events: mpsc::Sender<Event>,
}

/// Verify the bytes as they arrived, store the event, respond. Do anything that takes longer afterwards.
async fn receive(inbox: web::Data<Inbox>, request: HttpRequest, body: web::Bytes) -> HttpResponse {
    let Some(verifier) = inbox.verifier.borrow().clone() else { return HttpResponse::ServiceUnavailable().finish() };
    let header = |name: &str| request.headers().get(name).and_then(|value| value.to_str().ok());
    match verifier.verify(header, &body) {
        Ok(event) => match inbox.events.send(event).await {
            Ok(()) => HttpResponse::NoContent().finish(),
            Err(_) => HttpResponse::ServiceUnavailable().finish(),
        },
        Err(error) => {
            println!("Refused: {error}");
            HttpResponse::BadRequest().finish()
        }
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let gateway = std::env::var("QUANZI_URL").unwrap_or_else(|_| "http://127.0.0.1:8080".to_owned());
    let key = Key::generate()?;
    let visitor = Client::builder(gateway).build()?;
    let partner = NewPartner::new(
        "Whisker & Co",
        "Whisker Pet Supplies (Hangzhou) Co., Ltd.",
        NewApp::new("Hooks", [key.public()]),
    );
    let client = visitor.with_app(visitor.sandbox().register_partner(partner).await?.app.id, key);

    // The receiver, on a free port of this machine.
    let (verifier, verifier_of_inbox) = watch::channel(None);
    let (sender, mut events) = mpsc::channel(100);
    let inbox = web::Data::new(Inbox { verifier: verifier_of_inbox, events: sender });
    let server = HttpServer::new(move || App::new().app_data(inbox.clone()).route("/hooks", web::post().to(receive)));
    let server = server.workers(1).disable_signals().bind("127.0.0.1:0")?;
    let url = server.addrs().first().map(|address| format!("http://{address}/hooks")).ok_or("no address")?;
    let server = server.run();
    let handle = server.handle();
    tokio::spawn(server);

    // Register it, and check that the gateway can reach it.
    let made = client.webhook_endpoints().create(NewWebhookEndpoint::new(url.as_str()).description("Example")).await?;
    verifier.send_replace(Some(Verifier::new(made.secret.expose())?));
    let ping = client.webhook_endpoints().ping(made.endpoint.id).await?;
    let status = ping.status.map_or_else(|| "nothing".to_owned(), |status| status.to_string());
    println!("{url} answered the ping with {status} after {} ms.", ping.latency_ms);

    // Something happens; then earlier events are replayed.
    let circle = client.circles().create(NewCircle::new("Cats of Hangzhou")).await?;
    client.circles().open(circle.id).await?;
    println!("Now everything again, from the beginning of the log:");
    client.webhook_endpoints().replay(made.endpoint.id, NewReplay::all()).await?;
    while let Ok(Some(event)) = tokio::time::timeout(Duration::from_secs(2), events.recv()).await {
        println!("{:>3} {} {}", event.seq, event.r#type, event.object);
    }
    client.webhook_endpoints().delete(made.endpoint.id).await?;
    handle.stop(false).await;
    Ok(())
}
