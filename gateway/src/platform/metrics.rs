//! Metrics for Prometheus. Invariant: labels come from closed lists (operations, error codes, policies), never from a
//! request, so that no one outside can make the registry grow.
//!
//! Served by [`serve`] on a separate address: figures about partners are not for partners.

use std::borrow::Cow;
use std::fmt;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;

use actix_web::dev::Server;
use actix_web::{HttpResponse, HttpServer, web};
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{
    DescriptorEncoder, EncodeLabelSet, EncodeLabelValue, EncodeMetric, LabelValueEncoder,
};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::{ConstGauge, Gauge};
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::Registry;
use quanzi_openapi::ErrorCode;

use crate::platform::db::Db;

/// From a cached read to the longest statement that is allowed, in seconds.
const BUCKETS: [f64; 13] = [0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 2.5, 10.0];
/// Orders in a batch of the ledger.
const BATCHES: [f64; 9] = [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0];
const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// The counters. Cheap to clone: all clones count together.
#[derive(Clone)]
pub struct Metrics(Arc<Counts>);

struct Counts {
    registry: Registry,
    requests: Family<RequestLabels, Counter>,
    seconds: Family<Operation, Histogram, fn() -> Histogram>,
    in_flight: Gauge,
    rate_limited: Family<Policy, Counter>,
    replayed: Family<Operation, Counter>,
    batch_orders: Histogram,
    deliveries: Family<Delivered, Counter>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RequestLabels {
    operation: Cow<'static, str>,
    status: StatusClass,
    code: Code,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Operation {
    operation: Cow<'static, str>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Policy {
    policy: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Delivered {
    outcome: &'static str,
}

/// The first digit of a status.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct StatusClass(u16);

impl EncodeLabelValue for StatusClass {
    fn encode(&self, encoder: &mut LabelValueEncoder<'_>) -> Result<(), fmt::Error> {
        let class = match self.0 {
            1 => "1xx",
            2 => "2xx",
            3 => "3xx",
            4 => "4xx",
            _ => "5xx",
        };
        class.encode(encoder)
    }
}

/// The code of a refusal; empty for a success.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Code(Option<ErrorCode>);

impl EncodeLabelValue for Code {
    fn encode(&self, encoder: &mut LabelValueEncoder<'_>) -> Result<(), fmt::Error> {
        self.0.map_or("", ErrorCode::as_str).encode(encoder)
    }
}

/// Counts a request as under way for as long as it lives.
#[must_use = "dropped at once, it counts nothing"]
pub struct InFlight(Metrics);

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.0.in_flight.dec();
    }
}

impl Metrics {
    /// Empty counters; the database's connections are looked at when somebody asks.
    pub fn new(db: &Db) -> Self {
        let mut registry = Registry::with_prefix("quanzi");
        let requests = Family::default();
        let seconds = Family::new_with_constructor((|| Histogram::new(BUCKETS)) as fn() -> Histogram);
        let in_flight = Gauge::default();
        let rate_limited = Family::default();
        let replayed = Family::default();
        let batch_orders = Histogram::new(BATCHES);
        let deliveries = Family::default();
        registry.register("requests", "Responses, by operation, class of status and error code", requests.clone());
        registry.register("request_seconds", "Time from the first byte of a request to its response", seconds.clone());
        registry.register("requests_in_flight", "Requests in progress", in_flight.clone());
        registry.register("rate_limited", "Requests refused by a rate limit, by policy", rate_limited.clone());
        registry.register(
            "idempotent_replays",
            "Requests answered with the saved response of an earlier one",
            replayed.clone(),
        );
        registry.register("batch_orders", "Orders that the ledger's poster posted in one batch", batch_orders.clone());
        registry.register("webhook_deliveries", "Attempts to deliver an event, by outcome", deliveries.clone());
        let build = Info::new([("version", env!("CARGO_PKG_VERSION").to_owned()), ("engine", db.engine().to_string())]);
        registry.register("build", "Build information", build);
        registry.register_collector(Box::new(Connections(db.clone())));
        let counts =
            Counts { registry, requests, seconds, in_flight, rate_limited, replayed, batch_orders, deliveries };
        Self(Arc::new(counts))
    }

    /// An answered request; `code` when it was refused.
    pub fn observe(&self, operation: impl Into<Cow<'static, str>>, status: u16, code: Option<ErrorCode>, seconds: f64) {
        let operation = operation.into();
        let outcome =
            RequestLabels { operation: operation.clone(), status: StatusClass(status / 100), code: Code(code) };
        self.0.requests.get_or_create(&outcome).inc();
        self.0.seconds.get_or_create(&Operation { operation }).observe(seconds);
    }

    /// A request begins.
    pub fn begin(&self) -> InFlight {
        self.0.in_flight.inc();
        InFlight(self.clone())
    }

    /// Counts a request as under way until this is answered.
    pub async fn watch<F: Future>(&self, request: F) -> F::Output {
        let _under_way = self.begin();
        request.await
    }

    /// A request was refused by this policy.
    pub fn rate_limited(&self, policy: &'static str) {
        self.0.rate_limited.get_or_create(&Policy { policy }).inc();
    }

    /// A request got the saved answer of an earlier one.
    pub fn replayed(&self, operation: impl Into<Cow<'static, str>>) {
        self.0.replayed.get_or_create(&Operation { operation: operation.into() }).inc();
    }

    /// So many orders were posted together.
    pub fn posted(&self, orders: usize) {
        self.0.batch_orders.observe(f64::from(u32::try_from(orders).unwrap_or(u32::MAX)));
    }

    /// An attempt to deliver an event was made.
    pub fn delivered(&self, is_taken: bool) {
        let outcome = if is_taken { "succeeded" } else { "failed" };
        self.0.deliveries.get_or_create(&Delivered { outcome }).inc();
    }

    /// Everything in the text format of OpenMetrics.
    pub fn text(&self) -> Result<String, fmt::Error> {
        let mut text = String::new();
        prometheus_client::encoding::text::encode(&mut text, &self.0.registry)?;
        Ok(text)
    }
}

/// The pools, as they are when somebody asks.
#[derive(Debug)]
struct Connections(Db);

impl Collector for Connections {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        let now = self.0.connections();
        let count = |number: usize| ConstGauge::new(i64::try_from(number).unwrap_or(i64::MAX));
        let open = |number: u32| ConstGauge::new(i64::from(number));
        let gauges = [
            ("database_connections_read_open", "Connections for reading", open(now.read_open)),
            ("database_connections_read_idle", "Idle connections for reading", count(now.read_idle)),
            ("database_connections_write_open", "Connections for writing", open(now.write_open)),
            ("database_connections_write_idle", "Idle connections for writing", count(now.write_idle)),
        ];
        for (name, help, gauge) in gauges {
            gauge.encode(encoder.encode_descriptor(name, help, None, gauge.metric_type())?)?;
        }
        Ok(())
    }
}

/// Serves `/metrics`, and nothing else, on this address. The server runs when it is awaited or spawned.
pub fn serve(metrics: &Metrics, listen: SocketAddr) -> io::Result<(Server, SocketAddr)> {
    let listener = TcpListener::bind(listen)?;
    let bound = listener.local_addr()?;
    let metrics = metrics.clone();
    let server = HttpServer::new(move || {
        actix_web::App::new().app_data(web::Data::new(metrics.clone())).route("/metrics", web::get().to(answer))
    })
    .workers(1)
    .disable_signals()
    .shutdown_timeout(1)
    .listen(listener)?
    .run();
    Ok((server, bound))
}

async fn answer(metrics: web::Data<Metrics>) -> HttpResponse {
    match metrics.text() {
        Ok(text) => HttpResponse::Ok().content_type(CONTENT_TYPE).body(text),
        Err(_) => HttpResponse::InternalServerError().finish(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::on_both_engines;

    on_both_engines! {
        async fn what_happened_stands_on_the_page(db: Db) {
            let metrics = Metrics::new(&db);

            metrics.observe("CreateCircle", 201, None, 0.004);
            metrics.observe("CreateCircle", 409, Some(ErrorCode::CircleNameTaken), 0.002);
            metrics.rate_limited("writes");
            metrics.replayed("CreateCircle");
            let guard = metrics.begin();
            let during = metrics.text().expect("text");
            drop(guard);
            let after = metrics.text().expect("text");

            for line in [
                r#"quanzi_requests_total{operation="CreateCircle",status="2xx",code=""} 1"#,
                r#"quanzi_requests_total{operation="CreateCircle",status="4xx",code="circle_name_taken"} 1"#,
                r#"quanzi_request_seconds_count{operation="CreateCircle"} 2"#,
                r#"quanzi_request_seconds_bucket{le="0.0025",operation="CreateCircle"} 1"#,
                r#"quanzi_rate_limited_total{policy="writes"} 1"#,
                r#"quanzi_idempotent_replays_total{operation="CreateCircle"} 1"#,
                "quanzi_requests_in_flight 1",
                "quanzi_database_connections_write_open 1",
            ] {
                assert!(during.lines().any(|found| found == line), "{line} is missing in\n{during}");
            }
            assert!(after.lines().any(|found| found == "quanzi_requests_in_flight 0"));
            assert!(during.contains(&format!("engine=\"{}\"", db.engine())));
        }
    }
}
