//! A receiver of webhooks on loopback that does as it is told, and remembers what came.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU16, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use actix_web::dev::ServerHandle;
use actix_web::http::StatusCode;
use actix_web::{App, HttpRequest, HttpResponse, HttpServer, web};
use quanzi::Client;
use quanzi::webhook::{Event, Verifier};
use quanzi::webhook_endpoints::WebhookEndpoint;
use tokio::sync::watch;

use crate::patience::until;

/// Longest wait for something that must happen.
const PATIENCE: Duration = Duration::from_secs(20);

/// A delivery as it came.
#[derive(Debug, Clone)]
pub struct Received {
    /// Headers by their lower-case names.
    pub headers: HashMap<String, String>,
    /// The body, byte for byte.
    pub body: Vec<u8>,
    /// What it was answered with.
    pub status: u16,
}

impl Received {
    /// The event, not verified.
    pub fn event(&self) -> Event {
        serde_json::from_slice(&self.body).expect("an event")
    }

    /// The event, verified.
    pub fn verified(&self, verifier: &Verifier) -> Event {
        verifier.verify(|name| self.headers.get(name).map(String::as_str), &self.body).expect("a genuine delivery")
    }
}

/// What to answer, by what came before and what comes now.
type Answer = Box<dyn Fn(&Received) -> HttpResponse + Send + Sync>;

struct Shared {
    received: Mutex<Vec<Received>>,
    count: watch::Sender<usize>,
    answer: Mutex<Answer>,
    under_way: AtomicUsize,
    most_under_way: AtomicUsize,
    pause_ms: AtomicU16,
}

/// A receiver.
pub struct Receiver {
    shared: Arc<Shared>,
    address: std::net::SocketAddr,
    handle: Mutex<Option<ServerHandle>>,
}

impl Receiver {
    /// One that answers 200 to everything.
    pub fn start() -> Self {
        Self::start_at("127.0.0.1:0")
    }

    /// The same on this address.
    pub fn start_at(address: &str) -> Self {
        let shared = Arc::new(Shared {
            received: Mutex::default(),
            count: watch::Sender::new(0),
            answer: Mutex::new(Box::new(|_| HttpResponse::Ok().finish())),
            under_way: AtomicUsize::new(0),
            most_under_way: AtomicUsize::new(0),
            pause_ms: AtomicU16::new(0),
        });
        let listener = std::net::TcpListener::bind(address).expect("a port");
        let address = listener.local_addr().expect("an address");
        let data = web::Data::from(Arc::clone(&shared));
        let server = HttpServer::new(move || App::new().app_data(data.clone()).default_service(web::to(receive)))
            .workers(1)
            .disable_signals()
            .shutdown_timeout(0)
            .listen(listener)
            .expect("listening")
            .run();
        let handle = server.handle();
        tokio::spawn(server);
        Self { shared, address, handle: Mutex::new(Some(handle)) }
    }

    /// Where it can be reached.
    pub fn url(&self) -> String {
        format!("http://{}/hooks", self.address)
    }

    /// Answers like this from now on.
    pub fn answers(&self, answer: impl Fn(&Received) -> HttpResponse + Send + Sync + 'static) {
        *lock(&self.shared.answer) = Box::new(answer);
    }

    /// Answers this status from now on.
    pub fn answers_status(&self, status: u16) {
        let status = StatusCode::from_u16(status).expect("a status");
        self.answers(move |_| HttpResponse::build(status).body("as told"));
    }

    /// Takes so long for each answer.
    pub fn pauses(&self, millis: u16) {
        self.shared.pause_ms.store(millis, Ordering::Relaxed);
    }

    /// Everything that came so far.
    pub fn received(&self) -> Vec<Received> {
        lock(&self.shared.received).clone()
    }

    /// The events that were answered 2xx, in the order they came.
    pub fn taken(&self) -> Vec<Event> {
        let received = self.received();
        received.iter().filter(|one| (200..300).contains(&one.status)).map(Received::event).collect()
    }

    /// Most requests that were under way at once.
    pub fn most_under_way(&self) -> usize {
        self.shared.most_under_way.load(Ordering::Relaxed)
    }

    /// Until so many requests are under way at once.
    pub async fn until_under_way(&self, requests: usize) {
        let waited = tokio::time::timeout(PATIENCE, async {
            while self.shared.under_way.load(Ordering::Relaxed) < requests {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        });
        waited
            .await
            .unwrap_or_else(|_elapsed| panic!("waited for {requests} requests; most were {}", self.most_under_way()));
    }

    /// Until this holds of what came; what came.
    pub async fn until(&self, what: &str, holds: impl Fn(&[Received]) -> bool) -> Vec<Received> {
        let mut count = self.shared.count.subscribe();
        let waited = tokio::time::timeout(PATIENCE, async {
            loop {
                let received = self.received();
                if holds(&received) {
                    return received;
                }
                count.changed().await.expect("the receiver runs");
            }
        });
        waited
            .await
            .unwrap_or_else(|_elapsed| panic!("waited for {what}; there are {} deliveries", self.received().len()))
    }

    /// Until so many events were answered 2xx.
    pub async fn until_taken(&self, events: usize) -> Vec<Event> {
        self.until(&format!("{events} events"), |received| {
            received.iter().filter(|one| (200..300).contains(&one.status)).count() >= events
        })
        .await;
        self.taken()
    }

    /// Stops listening; connections are closed.
    pub async fn stop(&self) {
        let handle = lock(&self.handle).take();
        if let Some(handle) = handle {
            handle.stop(false).await;
        }
    }
}

async fn receive(shared: web::Data<Shared>, request: HttpRequest, body: web::Bytes) -> HttpResponse {
    let under_way = shared.under_way.fetch_add(1, Ordering::Relaxed) + 1;
    shared.most_under_way.fetch_max(under_way, Ordering::Relaxed);
    let pause = shared.pause_ms.load(Ordering::Relaxed);
    if pause > 0 {
        tokio::time::sleep(Duration::from_millis(pause.into())).await;
    }
    let headers = request.headers().iter();
    let headers = headers.map(|(name, value)| (name.to_string(), value.to_str().unwrap_or_default().to_owned()));
    let mut received = Received { headers: headers.collect(), body: body.to_vec(), status: 0 };
    let answer = (lock(&shared.answer))(&received);
    received.status = answer.status().as_u16();
    lock(&shared.received).push(received);
    shared.under_way.fetch_sub(1, Ordering::Relaxed);
    shared.count.send_modify(|count| *count += 1);
    answer
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Waits until this holds of the endpoint; the gateway works on its own.
pub async fn endpoint_until(
    client: &Client,
    endpoint: &WebhookEndpoint,
    holds: impl Fn(&WebhookEndpoint) -> bool,
) -> WebhookEndpoint {
    let mut now = endpoint.clone();
    until(&format!("{endpoint:?}"), async || {
        now = client.webhook_endpoints().get(endpoint.id).await.expect("the endpoint");
        holds(&now)
    })
    .await;
    now
}
