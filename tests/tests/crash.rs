//! The gateway is killed, and the database, at any moment and under load, while clients ask again with the same keys.
//!
//! Afterwards: no payment that was answered is lost, none is doubled, the books add up, the log has no gap, and a receiver of webhooks
//! got every event. Seeded: the moments are the same each time, as far as a machine is.

#![expect(clippy::expect_used, clippy::indexing_slicing, reason = "this crate is tests: a panic is how a test says no")]

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use futures_util::future::join_all;
use quanzi::circles::{Circle, CircleChange};
use quanzi::events::{Event, EventType, EventsQuery};
use quanzi::id::{FanId, MandateId, PaymentId};
use quanzi::mandates::NewMandate;
use quanzi::memberships::NewMembership;
use quanzi::payments::{NewPayment, NewRefund, Payment, PaymentStatus, PaymentsQuery, Refund};
use quanzi::sandbox::NewSandboxFan;
use quanzi::webhook_endpoints::NewWebhookEndpoint;
use quanzi::{Client, Currency, Error, ErrorCode, ErrorKind, Key, Limit, Money};
use quanzi_gateway::app::testing::Scratch;
use quanzi_tests::dice::Dice;
use quanzi_tests::postgres::Server;
use quanzi_tests::process::Process;
use quanzi_tests::raw::{Partner, random_text};
use quanzi_tests::receiver::Receiver;
use quanzi_tests::stage::{open_circle, partner_at};
use secrecy::ExposeSecret as _;
use serde_json::json;

const PROGRAM: &str = env!("CARGO_BIN_EXE_gateway");
const SEED: u64 = 0xdead_2026;
const KILLS: usize = 60;
/// Longest life of a gateway between two kills.
const LIFE_MS_MAX: usize = 220;
const TASKS: usize = 6;
const FANS: usize = 6;
/// Between two tries of a call that failed for a reason that passes.
const PAUSE: Duration = Duration::from_millis(15);
/// Looks at something that must happen, and the pause between them.
const LOOKS_MAX: usize = 450;
const LOOK_PAUSE: Duration = Duration::from_millis(200);

fn cny(amount: i64) -> Money {
    Money::new(amount, Currency::CNY)
}

/// Whether the same call may do better in a moment. Anything else is a definite answer.
fn passes(error: &Error) -> bool {
    match error.code() {
        Some(code) => matches!(
            code,
            ErrorCode::Overloaded
                | ErrorCode::OutcomeUnknown
                | ErrorCode::IdempotencyInFlight
                | ErrorCode::NonceReplayed
        ),
        None => matches!(error.kind(), ErrorKind::Connection | ErrorKind::Timeout),
    }
}

/// What a payer was told.
#[derive(Debug, Clone)]
enum Receipt {
    Paid(Payment),
    Refunded(Payment, Refund),
}

/// Payers who do not give up.
struct Load {
    client: Client,
    circle: Circle,
    fans: Vec<(FanId, MandateId)>,
    is_over: AtomicBool,
    /// Tries that failed for a reason that passes.
    failures: AtomicUsize,
    /// What else they were told, other than an answer or that it passes.
    told: Mutex<Vec<String>>,
    receipts: Mutex<Vec<Receipt>>,
}

impl Load {
    async fn begin(url: &str) -> Self {
        let client = partner_at(url, Key::generate().expect("a key")).await;
        let circle = open_circle(&client, "Under load").await;
        let mut fans = Vec::new();
        for _ in 0..FANS {
            let fan = client.sandbox().create_fan(NewSandboxFan::new("Mei").adult()).await.expect("a fan").id;
            client.memberships().join(circle.id, NewMembership::new(fan)).await.expect("a member");
            client.sandbox().top_up(fan, cny(100_000_000)).await.expect("topped up");
            let mandate = NewMandate::new(fan, cny(10_000), cny(100_000_000));
            fans.push((fan, client.sandbox().create_mandate(mandate).await.expect("a mandate").id));
        }
        let (is_over, failures) = (AtomicBool::new(false), AtomicUsize::new(0));
        let (told, receipts) = (Mutex::default(), Mutex::default());
        Self { client, circle, fans, is_over, failures, told, receipts }
    }

    /// Asks with the same key until there is an answer.
    async fn insist<T>(&self, call: impl AsyncFn() -> Result<T, Error>) -> T {
        loop {
            match call().await {
                Ok(answer) => return answer,
                Err(error) if passes(&error) => {
                    self.failures.fetch_add(1, Ordering::Relaxed);
                    if let Some(code) = error.code() {
                        self.told.lock().expect("no panic").push(format!("{} {code}", error.status().unwrap_or(0)));
                    }
                    tokio::time::sleep(PAUSE).await;
                }
                Err(error) => panic!("{error} ({:?})", error.problem()),
            }
        }
    }

    /// All payers, until it is over.
    async fn run(&self) {
        join_all((0..TASKS).map(|task| self.pay(task))).await;
    }

    /// One payer, until the load is over: tips within mandates, tips that are approved, tips that are partly given back.
    async fn pay(&self, task: usize) {
        let calls = self.client.payments();
        for number in 0.. {
            if self.is_over.load(Ordering::Relaxed) {
                return;
            }
            let (fan, mandate) = self.fans[(task + number) % FANS];
            let key = |what: &str| format!("{what}-{task}-{number}");
            let amount = cny(i64::try_from(1 + (number * 7) % 400).expect("small"));
            let tip = NewPayment::tip(fan, self.circle.id, amount).merchant_reference(key("no"));
            let tip = if number % 3 == 1 { tip } else { tip.mandate(mandate) };
            let create = async || calls.create(tip.clone()).idempotency_key(key("create")).retries(0).await;
            let made = self.insist(&create).await;
            let again = if number % 5 == 0 { self.insist(&create).await } else { made.clone() };
            assert_eq!(again, made, "the same key, another answer");
            let receipt = match number % 3 {
                0 => Receipt::Paid(made),
                1 => {
                    let approve = async || {
                        self.client.sandbox().approve_payment(made.id).idempotency_key(key("approve")).retries(0).await
                    };
                    Receipt::Paid(self.insist(approve).await)
                }
                _ => {
                    let part = NewRefund::part(cny(1));
                    let refund =
                        async || calls.refund(made.id, part.clone()).idempotency_key(key("refund")).retries(0).await;
                    let refund = self.insist(refund).await;
                    Receipt::Refunded(made, refund)
                }
            };
            self.receipts.lock().expect("no panic").push(receipt);
        }
    }

    /// Everything they were told is true, and there is nothing else.
    async fn is_what_there_is(&self, process: &Process) -> Vec<Event> {
        let receipts = std::mem::take(&mut *self.receipts.lock().expect("no panic"));
        let mut query = PaymentsQuery::default();
        query.limit = Some(Limit::new(100));
        let all = self.client.payments().list(query).stream().take(1_000_000).await.expect("all payments");
        let there: BTreeMap<PaymentId, Payment> = all.into_iter().map(|payment| (payment.id, payment)).collect();
        assert_eq!(there.len(), receipts.len(), "as many payments as were asked for");
        let mut net = 0;
        for receipt in &receipts {
            match receipt {
                Receipt::Paid(told) => {
                    assert_eq!(told.status, PaymentStatus::Succeeded);
                    assert_eq!(there.get(&told.id), Some(told), "as it was told");
                    net += told.net.amount;
                }
                Receipt::Refunded(told, refund) => {
                    let now = &there[&told.id];
                    assert_eq!((now.refunded, refund.amount, refund.payment), (cny(1), cny(1), told.id));
                    net += told.net.amount - refund.net.amount;
                }
            }
        }
        let balance = self.client.ledger().balance().await.expect("a balance");
        assert_eq!(balance.data.first().map_or(0, |money| money.available.amount), net);
        let checked = process.run(&["ledger", "check"]);
        assert!(checked.status.success(), "{}", String::from_utf8_lossy(&checked.stdout));

        let events = log(&self.client).await;
        let numbers: Vec<i64> = events.iter().map(|event| event.seq).collect();
        assert_eq!(numbers, (1..).take(events.len()).collect::<Vec<_>>(), "the log has a gap");
        let succeeded: BTreeSet<String> = of_type(&events, "payment.succeeded").collect();
        let told: BTreeSet<String> = there.keys().map(ToString::to_string).collect();
        assert_eq!(
            (of_type(&events, "payment.succeeded").count(), succeeded),
            (told.len(), told),
            "each succeeded once"
        );
        let refunded = receipts.iter().filter(|receipt| matches!(receipt, Receipt::Refunded(..))).count();
        assert_eq!(of_type(&events, "refund.created").count(), refunded);
        events
    }
}

fn of_type<'e>(events: &'e [Event], kind: &'e str) -> impl Iterator<Item = String> + 'e {
    events.iter().filter(move |event| event.r#type.to_string() == kind).map(|event| event.object.clone())
}

/// The whole log.
async fn log(client: &Client) -> Vec<Event> {
    let (mut events, mut after) = (Vec::new(), 0);
    loop {
        let mut query = EventsQuery::after(after);
        query.limit = Some(Limit::new(100));
        let page = client.events().list(query).await.expect("a page");
        after = page.next_after;
        events.extend(page.data);
        if !page.has_more {
            return events;
        }
    }
}

/// Waits until the receiver has taken all of these.
async fn arrived(receiver: &Receiver, wanted: &BTreeSet<i64>) {
    let mut missing = wanted.clone();
    for _ in 0..LOOKS_MAX {
        for event in receiver.taken() {
            missing.remove(&event.seq);
        }
        if missing.is_empty() {
            return;
        }
        tokio::time::sleep(LOOK_PAUSE).await;
    }
    panic!(
        "{} of {} events never arrived: {:?}",
        missing.len(),
        wanted.len(),
        missing.iter().take(10).collect::<Vec<_>>()
    );
}

async fn killed_at_any_moment(scratch: Scratch) {
    let mut process = Process::new(PROGRAM, scratch.settings().url.expose_secret());
    process.start().await;
    let load = Load::begin(&process.url()).await;
    let receiver = Receiver::start();
    load.client.webhook_endpoints().create(NewWebhookEndpoint::new(receiver.url())).await.expect("an endpoint");
    let seen_before = log(&load.client).await.len();
    let mut dice = Dice::new(SEED);

    let kills = async {
        for _ in 0..KILLS {
            tokio::time::sleep(Duration::from_millis(dice.roll(LIFE_MS_MAX) as u64)).await;
            process.kill();
            process.start().await;
        }
        load.is_over.store(true, Ordering::Relaxed);
    };
    tokio::join!(kills, load.run());

    let events = load.is_what_there_is(&process).await;
    let wanted = events[seen_before..].iter().map(|event| event.seq).collect();
    arrived(&receiver, &wanted).await;
    let failures = load.failures.load(Ordering::Relaxed);
    assert!(failures >= KILLS / 2, "the kills were hardly felt: {failures}");
    process.kill();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_at_any_moment_no_payment_is_lost_or_doubled_on_sqlite() {
    killed_at_any_moment(Scratch::migrated_sqlite().await.expect("a migrated file")).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_at_any_moment_no_payment_is_lost_or_doubled_on_postgres() {
    killed_at_any_moment(Scratch::migrated_postgres().await.expect("a migrated database")).await;
}

/// How much had arrived when the gateway is killed in the middle of delivering.
const KILLED_AT: [usize; 2] = [20, 50];
/// Events of one object go one after the other: there is a middle.
const CHANGES: usize = 90;
/// How long the receiver takes for each.
const PAUSE_MS: u16 = 30;

async fn killed_while_it_delivers(scratch: Scratch) {
    let mut process = Process::new(PROGRAM, scratch.settings().url.expose_secret());
    process.start().await;
    let client = partner_at(&process.url(), Key::generate().expect("a key")).await;
    let mut circle = open_circle(&client, "Delivered").await;
    let receiver = Receiver::start();
    receiver.pauses(PAUSE_MS);
    let new = NewWebhookEndpoint::new(receiver.url()).types([EventType::CircleChanged]);
    client.webhook_endpoints().create(new).await.expect("an endpoint");
    for number in 0..CHANGES {
        let mut change = CircleChange::default();
        change.name = Some(format!("Delivered {number}").into());
        circle = client.circles().change(circle.id, change).if_match(circle.version).await.expect("changed");
    }

    let mut arrived_before = Vec::new();
    for taken in KILLED_AT {
        receiver.until_taken(taken).await;
        process.kill();
        arrived_before.push(receiver.taken().len());
        process.start().await;
    }
    receiver.pauses(0);
    let wanted: Vec<i64> = log(&client).await.iter().filter(|event| is_change(event)).map(|event| event.seq).collect();
    arrived(&receiver, &wanted.iter().copied().collect()).await;

    assert_eq!(wanted.len(), CHANGES);
    assert!(arrived_before.iter().all(|arrived| *arrived < CHANGES), "killed too late: {arrived_before:?}");
    // Some may come again after a kill, none out of turn.
    let mut next = wanted.iter().peekable();
    for event in receiver.taken() {
        if next.peek() == Some(&&event.seq) {
            next.next();
        }
        assert!(next.peek().is_none_or(|next| event.seq < **next), "{} before its turn", event.seq);
    }
    process.kill();
}

fn is_change(event: &Event) -> bool {
    event.r#type == EventType::CircleChanged
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_while_it_delivers_every_event_arrives_on_sqlite() {
    killed_while_it_delivers(Scratch::migrated_sqlite().await.expect("a migrated file")).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_while_it_delivers_every_event_arrives_on_postgres() {
    killed_while_it_delivers(Scratch::migrated_postgres().await.expect("a migrated database")).await;
}

/// How often PostgreSQL goes, and how long the load runs before and after.
const OUTAGES: usize = 3;
const LOADED: Duration = Duration::from_millis(700);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_its_database_the_gateway_says_so_and_goes_on_when_it_is_back() {
    let mut server = tokio::task::spawn_blocking(Server::durable).await.expect("no panic").expect("a PostgreSQL");
    let mut process = Process::new(PROGRAM, &server.url());
    process.start().await;
    let load = Load::begin(&process.url()).await;
    let visitor = Partner::register(&process.url()).await;
    let receiver = Receiver::start();
    load.client.webhook_endpoints().create(NewWebhookEndpoint::new(receiver.url())).await.expect("an endpoint");
    let seen_before = log(&load.client).await.len();

    let outages = async {
        for _ in 0..OUTAGES {
            tokio::time::sleep(LOADED).await;
            server.crash().expect("crashed");
            let key = random_text();
            let write = visitor.request("POST", "/v1/circles").header("idempotency-key", &key);
            let write = write.json(&json!({ "name": key }));
            let (write, read, ready) = tokio::join!(write.send(), visitor.get("/v1/payments"), process.is_ready());
            tokio::task::block_in_place(|| server.restart().expect("started again"));

            for answer in [write, read] {
                assert!(answer.header("retry-after").is_some());
                let refused = answer.expect_refusal(503, "overloaded");
                assert_eq!(refused["retryable"], true);
            }
            assert!(!ready, "a gateway without its database is not ready");
        }
        tokio::time::sleep(LOADED).await;
        load.is_over.store(true, Ordering::Relaxed);
    };
    tokio::join!(outages, load.run());

    let told = load.told.lock().expect("no panic").clone();
    assert!(!told.is_empty() && told.iter().all(|one| one.starts_with("503 ")), "{told:?}");
    let events = load.is_what_there_is(&process).await;
    let wanted = events[seen_before..].iter().map(|event| event.seq).collect();
    arrived(&receiver, &wanted).await;
    process.kill();
}
