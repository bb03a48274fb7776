//! Webhooks: from the commit of an event to the receiver's answer, beside a bare loop that posts the same signed bodies with the same
//! HTTP client and no database. And what a dead receiver costs the others.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use actix_web::{App, HttpResponse, HttpServer, web};
use quanzi::Client;
use quanzi::id::PartnerId;
use quanzi::webhook_endpoints::{EventType, NewWebhookEndpoint, WebhookEndpointsQuery};
use quanzi_tests::stage::{Knobs, Stage, partner};
use tokio::sync::Notify;

use crate::figures::{Figures, median, millis};

/// The endpoint's window in the gateway.
const WINDOW: usize = 32;
const ROUNDS: usize = 3;
/// Events of one transaction: what is measured is delivery, not how fast one client commits.
const EVENTS_AT_ONCE: usize = 500;
/// Objects that the events are about.
const OBJECTS: usize = 2_000;
const PAYLOAD_BYTES: usize = 512;
/// The part about a dead receiver: so many receivers that are well, so many events, this far apart.
const WELL: usize = 3;
const PACED_EVENTS: usize = 2_000;
const PACE: Duration = Duration::from_millis(5);

/// Everything, on both engines.
pub async fn run() {
    println!("{PAYLOAD_BYTES}-byte payloads, {ROUNDS} rounds, medians; gateway and receiver share this machine.\n");
    for (name, stage) in [("SQLite", Stage::sqlite().await), ("PostgreSQL", Stage::postgres().await)] {
        let stage = stage.reopen(&Knobs::unlimited()).await;
        throughput(name, &stage, 20_000, 1).await;
        throughput(name, &stage, 10_000, 10).await;
        dead_receiver(name, &stage).await;
        stage.close().await;
        println!();
    }
}

/// Answers 204 and counts; with times in the bodies it also keeps how old each was.
struct Sink {
    address: std::net::SocketAddr,
    count: Arc<AtomicUsize>,
    wanted: Arc<AtomicUsize>,
    done: Arc<Notify>,
    ages: Arc<std::sync::Mutex<Vec<Duration>>>,
    server: actix_web::dev::ServerHandle,
}

impl Sink {
    fn start(pause: Duration, began: Instant) -> Self {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address");
        let (count, wanted) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(usize::MAX)));
        let (done, ages) = (Arc::new(Notify::new()), Arc::new(std::sync::Mutex::new(Vec::new())));
        let shared = (Arc::clone(&count), Arc::clone(&wanted), Arc::clone(&done), Arc::clone(&ages));
        let server = HttpServer::new(move || {
            let shared = shared.clone();
            App::new().default_service(web::to(move |body: web::Bytes| {
                let (count, wanted, done, ages) = shared.clone();
                async move {
                    if !pause.is_zero() {
                        tokio::time::sleep(pause).await;
                    }
                    if let Some(sent) = sent_micros(&body) {
                        let age = began.elapsed().saturating_sub(Duration::from_micros(sent));
                        ages.lock().expect("no panic").push(age);
                    }
                    // Once: what comes twice after it would tell the next round that it is over.
                    if count.fetch_add(1, Ordering::Relaxed) + 1 == wanted.load(Ordering::Relaxed) {
                        done.notify_one();
                    }
                    HttpResponse::NoContent().finish()
                }
            }))
        });
        let server = server.workers(1).disable_signals().shutdown_timeout(0).listen(listener).expect("listening").run();
        let handle = server.handle();
        tokio::spawn(server);
        Self { address, count, wanted, done, ages, server: handle }
    }

    fn url(&self) -> String {
        format!("http://{}/hooks", self.address)
    }

    /// From now on this many are waited for.
    fn expect(&self, deliveries: usize) {
        self.count.store(0, Ordering::Relaxed);
        self.wanted.store(deliveries, Ordering::Relaxed);
    }

    async fn all_came(&self) {
        let waited = tokio::time::timeout(Duration::from_mins(5), self.done.notified()).await;
        assert!(waited.is_ok(), "only {} came", self.count.load(Ordering::Relaxed));
    }
}

/// The time that [`dead_receiver`] writes into an event: microseconds after the beginning.
fn sent_micros(body: &[u8]) -> Option<u64> {
    let text = std::str::from_utf8(body).ok()?;
    let (_, after) = text.split_once("\"text\":\"at ")?;
    after.split(' ').next()?.parse().ok()
}

async fn partner_with_endpoints(stage: &Stage, sink: &Sink, endpoints: usize) -> (Client, PartnerId) {
    let client = partner(stage).await;
    let id = client.partner().get().await.expect("the partner").id;
    for _ in 0..endpoints {
        let new = NewWebhookEndpoint::new(sink.url()).types([EventType::CircleChanged]);
        client.webhook_endpoints().create(new).await.expect("an endpoint");
    }
    (client, id)
}

async fn throughput(engine: &str, stage: &Stage, events: usize, endpoints: usize) {
    let sink = Sink::start(Duration::ZERO, Instant::now());
    let (client, id) = partner_with_endpoints(stage, &sink, endpoints).await;
    let all =
        client.webhook_endpoints().list(WebhookEndpointsQuery::default()).stream().take(20).await.expect("endpoints");
    let deliveries = events * endpoints;
    let (mut delivered, mut committed, mut bare_rates) = (Vec::new(), Vec::new(), Vec::new());
    let (mut ratios, mut committed_ratios) = (Vec::new(), Vec::new());
    for round in 0..=ROUNDS {
        let bare = bare(&sink, deliveries, WINDOW * endpoints).await;

        // Delivery alone: the events are there, and the endpoints begin.
        for endpoint in &all {
            client.webhook_endpoints().disable(endpoint.id).await.expect("disabled");
        }
        commit(stage, id, events).await;
        sink.expect(deliveries);
        let started = Instant::now();
        for endpoint in &all {
            client.webhook_endpoints().enable(endpoint.id).await.expect("enabled");
        }
        sink.all_came().await;
        let alone = per_second(deliveries, started);

        // The same while they are being committed.
        sink.expect(deliveries);
        let started = Instant::now();
        commit(stage, id, events).await;
        sink.all_came().await;
        let beside = per_second(deliveries, started);

        // The first round warms caches and connections.
        if round > 0 {
            delivered.push(alone);
            committed.push(beside);
            bare_rates.push(bare);
            ratios.push(alone / bare);
            committed_ratios.push(beside / bare);
        }
    }
    println!(
        "{engine}, {events} events x {endpoints} endpoints: {:.0} deliveries/s, bare loop {:.0}/s, ratio {:.0} % (bar: 40 %); \
         with the commits of the events {:.0}/s, {:.0} %",
        median(delivered),
        median(bare_rates),
        median(ratios) * 100.0,
        median(committed),
        median(committed_ratios) * 100.0,
    );
    sink.server.stop(false).await;
}

async fn commit(stage: &Stage, partner: PartnerId, events: usize) {
    let text = "x".repeat(PAYLOAD_BYTES);
    let objects: Vec<String> = (0..OBJECTS).map(|number| format!("object-{number}")).collect();
    for begin in (0..events).step_by(EVENTS_AT_ONCE) {
        let some = (begin..begin + EVENTS_AT_ONCE).map(|number| objects[number % OBJECTS].as_str());
        stage.facts(partner, some, &text).await;
    }
}

#[expect(clippy::cast_precision_loss, reason = "a count of deliveries")]
fn per_second(deliveries: usize, since: Instant) -> f64 {
    deliveries as f64 / since.elapsed().as_secs_f64()
}

/// Posts as many bodies of the same size, signed before, so many at once: per second.
async fn bare(sink: &Sink, posts: usize, at_once: usize) -> f64 {
    // Fails only when somebody was here before, which is as good.
    rustls::crypto::aws_lc_rs::default_provider().install_default().ok();
    let client = reqwest::Client::builder()
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .timeout(Duration::from_secs(15))
        .tcp_nodelay(true)
        .build()
        .expect("a client");
    let body = format!(
        "{{\"id\":\"evt_01JD8Z6T5M3Q9V0K7W2X4Y6Z8A\",\"seq\":42,\"type\":\"circle.changed\",\"object\":\"object-1\",\"object_version\":1,\
         \"created_at\":\"2026-11-20T08:30:00Z\",\"data\":{{\"object\":\"object-1\",\"text\":\"{}\"}}}}",
        "x".repeat(PAYLOAD_BYTES)
    );
    let body = web::Bytes::from(body);
    let signature = format!("v1,{} v1a,{}", "x".repeat(44), "y".repeat(88));
    sink.expect(posts);
    let next = Arc::new(AtomicUsize::new(0));
    let started = Instant::now();
    let workers: Vec<_> = (0..at_once)
        .map(|_| {
            let (client, next, body, signature) = (client.clone(), Arc::clone(&next), body.clone(), signature.clone());
            let url: reqwest::Url = sink.url().parse().expect("a URL");
            tokio::spawn(async move {
                while next.fetch_add(1, Ordering::Relaxed) < posts {
                    let post = client
                        .post(url.clone())
                        .header("content-type", "application/json")
                        .header("webhook-id", "evt_01JD8Z6T5M3Q9V0K7W2X4Y6Z8A")
                        .header("webhook-timestamp", "1800000000")
                        .header("webhook-signature", signature.as_str())
                        .body(body.clone());
                    let mut answer = post.send().await.expect("an answer");
                    while answer.chunk().await.expect("a body").is_some() {}
                }
            })
        })
        .collect();
    for worker in workers {
        worker.await.expect("no panic");
    }
    let rate = per_second(posts, started);
    // What the sink said about these.
    let _ = tokio::time::timeout(Duration::from_secs(1), sink.done.notified()).await;
    rate
}

async fn dead_receiver(engine: &str, stage: &Stage) {
    let (mut alone, mut beside, mut ratios) = (Vec::new(), Vec::new(), Vec::new());
    for round in 0..=ROUNDS {
        let without = paced(stage, false).await;
        let with = paced(stage, true).await;
        if round > 0 {
            alone.push(without.p99.as_secs_f64());
            beside.push(with.p99.as_secs_f64());
            ratios.push(with.p99.as_secs_f64() / without.p99.as_secs_f64());
        }
    }
    println!(
        "{engine}, {WELL} receivers, {:.0} events/s: p99 from commit to receiver {}, beside a dead one {}, ratio {:.2} (bar: 1.2)",
        1.0 / PACE.as_secs_f64(),
        millis(Duration::from_secs_f64(median(alone))),
        millis(Duration::from_secs_f64(median(beside))),
        median(ratios)
    );
}

async fn paced(stage: &Stage, with_dead: bool) -> Figures {
    let began = Instant::now();
    let sink = Sink::start(Duration::ZERO, began);
    let dead = Sink::start(Duration::from_hours(1), began);
    let (client, id) = partner_with_endpoints(stage, &sink, WELL).await;
    let mut other = None;
    if with_dead {
        let new = NewWebhookEndpoint::new(dead.url()).types([EventType::CircleChanged]);
        other = Some(client.webhook_endpoints().create(new).await.expect("an endpoint").endpoint.id);
    }
    sink.expect(PACED_EVENTS * WELL);
    let filler = "x".repeat(PAYLOAD_BYTES);
    let mut tick = tokio::time::interval(PACE);
    for number in 0..PACED_EVENTS {
        tick.tick().await;
        let object = format!("object-{}", number % OBJECTS);
        stage.facts(id, [object.as_str()], &format!("at {} {filler}", began.elapsed().as_micros())).await;
    }
    sink.all_came().await;
    if let Some(endpoint) = other {
        client.webhook_endpoints().delete(endpoint).await.expect("deleted");
    }
    let ages = std::mem::take(&mut *sink.ages.lock().expect("no panic"));
    sink.server.stop(false).await;
    dead.server.stop(false).await;
    Figures::new(ages, began.elapsed())
}
