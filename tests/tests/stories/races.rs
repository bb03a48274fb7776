//! Races about money: many at once want different things of the same payments, at two gateways, and repeat themselves. At the end
//! every payment is what those who were told "yes" were told, and nothing else has happened.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;

use futures_util::StreamExt as _;
use futures_util::future::join_all;
use futures_util::stream;
use quanzi::circles::Circle;
use quanzi::events::{Event, EventsQuery};
use quanzi::id::{FanId, MandateId, RefundId};
use quanzi::mandates::NewMandate;
use quanzi::memberships::NewMembership;
use quanzi::payments::{NewPayment, NewRefund, Payment, PaymentStatus, PaymentsQuery, Refund};
use quanzi::sandbox::NewSandboxFan;
use quanzi::{Client, Currency, Error, ErrorCode, Key, Limit, Money};
use quanzi_tests::both_engines;
use quanzi_tests::dice::Dice;
use quanzi_tests::raw::{Answer, Partner};
use quanzi_tests::stage::{Stage, open_circle, partner_with};
use serde_json::json;

const ROUNDS: u64 = 4;
const TASKS: usize = 6;
const STEPS: usize = 30;
/// Payments that everybody wants something of.
const SLOTS: usize = 12;
const FANS: usize = 3;
/// What a fan has: not enough for everything.
const WALLET: i64 = 120_000;
/// The channel takes its time for this amount: the money is reserved meanwhile.
const SLOW: i64 = 66_603;

fn cny(amount: i64) -> Money {
    Money::new(amount, Currency::CNY)
}

/// What can be asked about a payment. The same request has the same key for every sender.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    Create,
    Approve,
    Decline,
    Cancel,
    /// One of three refunds, each of an amount of its own.
    Refund(usize),
}

const STEPS_OF: [Step; 12] = [
    Step::Create,
    Step::Create,
    Step::Approve,
    Step::Approve,
    Step::Approve,
    Step::Decline,
    Step::Cancel,
    Step::Refund(0),
    Step::Refund(1),
    Step::Refund(2),
    Step::Refund(1),
    Step::Create,
];

/// Who was told "yes", and what.
#[derive(Debug, Default)]
struct Told {
    created: Vec<Payment>,
    approved: Vec<Payment>,
    declined: Vec<Payment>,
    canceled: Vec<Payment>,
    refunded: BTreeMap<usize, Vec<Refund>>,
}

/// One round: a circle, its fans, and what everybody was told about each slot.
struct Round<'c> {
    clients: [&'c Client; 2],
    circle: Circle,
    fans: Vec<(FanId, MandateId)>,
    number: u64,
    told: Vec<Mutex<Told>>,
}

impl<'c> Round<'c> {
    async fn set(clients: [&'c Client; 2], number: u64) -> Self {
        let client = clients[0];
        let circle = open_circle(client, &format!("Race {number}")).await;
        let mut fans = Vec::new();
        for _ in 0..FANS {
            let fan = client.sandbox().create_fan(NewSandboxFan::new("Mei").adult()).await.expect("a fan").id;
            client.memberships().join(circle.id, NewMembership::new(fan)).await.expect("a member");
            client.sandbox().top_up(fan, cny(WALLET)).await.expect("topped up");
            let mandate = NewMandate::new(fan, cny(500_000), cny(2_000_000));
            fans.push((fan, client.sandbox().create_mandate(mandate).await.expect("a mandate").id));
        }
        Self { clients, circle, fans, number, told: (0..SLOTS).map(|_| Mutex::default()).collect() }
    }

    fn is_slow(slot: usize) -> bool {
        slot % 4 == 3
    }

    /// Always the same request for a slot: by a mandate, or to be approved, or to be approved and slow.
    fn payment(&self, slot: usize) -> NewPayment {
        let (fan, mandate) = self.fans[slot % FANS];
        let amount = if Self::is_slow(slot) { SLOW } else { 9_001 + 4_567 * i64::try_from(slot).expect("small") };
        let new =
            NewPayment::tip(fan, self.circle.id, cny(amount)).merchant_reference(format!("{}-{slot}", self.number));
        if slot.is_multiple_of(4) { new.mandate(mandate) } else { new }
    }

    /// What somebody does, until there is a definite answer.
    async fn act(&self, step: Step, slot: usize, gateway: usize) {
        let client = self.clients[gateway];
        let key = format!("{}-{slot}-{step:?}", self.number).replace(['(', ')'], "");
        // Before it is created, its id is not known.
        let known = self.told[slot].lock().expect("no panic").created.first().map(|payment| payment.id);
        let (Some(id), calls) =
            (known.or((step == Step::Create).then(|| self.payment_id_of_nobody())), client.payments())
        else {
            return;
        };
        for _ in 0..200 {
            let refused: Error = match step {
                Step::Create => match calls.create(self.payment(slot)).idempotency_key(&key).await {
                    Ok(payment) => return self.note(slot, |told| told.created.push(payment)),
                    Err(error) => error,
                },
                Step::Approve => match client.sandbox().approve_payment(id).idempotency_key(&key).await {
                    Ok(payment) => return self.note(slot, |told| told.approved.push(payment)),
                    Err(error) => error,
                },
                Step::Decline => match client.sandbox().decline_payment(id).idempotency_key(&key).await {
                    Ok(payment) => return self.note(slot, |told| told.declined.push(payment)),
                    Err(error) => error,
                },
                Step::Cancel => match calls.cancel(id).idempotency_key(&key).await {
                    Ok(payment) => return self.note(slot, |told| told.canceled.push(payment)),
                    Err(error) => error,
                },
                Step::Refund(which) => {
                    let part = NewRefund::part(cny(3_001 + 1_777 * i64::try_from(which).expect("small")));
                    match calls.refund(id, part).idempotency_key(&key).await {
                        Ok(refund) => {
                            return self.note(slot, |told| told.refunded.entry(which).or_default().push(refund));
                        }
                        Err(error) => error,
                    }
                }
            };
            match refused.code() {
                Some(ErrorCode::IdempotencyInFlight | ErrorCode::Overloaded) => {}
                Some(ErrorCode::PaymentConflict | ErrorCode::RefundTooLarge | ErrorCode::BalanceInsufficient) => return,
                _ => panic!("{step:?} of slot {slot}: {refused}"),
            }
        }
        panic!("{step:?} of slot {slot} was put off for ever");
    }

    /// Never asked for: creating needs no id.
    fn payment_id_of_nobody(&self) -> quanzi::id::PaymentId {
        quanzi::id::PaymentId::first_at(self.circle.created_at)
    }

    fn note(&self, slot: usize, note: impl FnOnce(&mut Told)) {
        note(&mut self.told[slot].lock().expect("no panic"));
    }

    /// Everybody at once, each a walk of its own.
    async fn run(&self) {
        let walks = (0..TASKS).map(|task| async move {
            let mut dice = Dice::new(self.number << 8 | u64::try_from(task).expect("small"));
            for _ in 0..STEPS {
                let (step, slot, gateway) = (dice.pick(&STEPS_OF), dice.roll(SLOTS), dice.roll(2));
                self.act(step, slot, gateway).await;
            }
        });
        join_all(walks).await;
    }

    /// What the payment of a slot must be after this, and what the circle and the fan's wallet have of it.
    fn check(&self, slot: usize, now: Option<&Payment>, refunds: &BTreeSet<RefundId>) -> i64 {
        let told = self.told[slot].lock().expect("no panic");
        let context = format!("round {}, slot {slot}: {now:#?} {told:#?}", self.number);
        let Some(now) = now else {
            assert!(told.created.is_empty(), "{context}");
            return 0;
        };
        for same in [&told.created, &told.canceled, &told.declined, &told.approved] {
            assert!(same.windows(2).all(|pair| pair[0] == pair[1]), "one key, two answers: {context}");
        }
        assert!(told.created.first().is_some_and(|created| created.id == now.id), "{context}");
        let by_mandate = slot.is_multiple_of(4);
        let (declined, canceled) = (!told.declined.is_empty(), !told.canceled.is_empty());
        // A slow payment can be taken back after it was approved, and only then two of them were told yes.
        let approved = by_mandate || (!told.approved.is_empty() && !(Self::is_slow(slot) && (declined || canceled)));
        let refunded: i64 = told.refunded.values().map(|same| same[0].amount.amount).sum();
        let status = match (approved, declined, canceled) {
            (false, false, false) => PaymentStatus::RequiresApproval,
            (false, true, false) => PaymentStatus::Declined,
            (false, false, true) => PaymentStatus::Canceled,
            (true, false, false) if refunded == 0 => PaymentStatus::Succeeded,
            (true, false, false) if refunded == now.amount.amount => PaymentStatus::Refunded,
            (true, false, false) => PaymentStatus::PartiallyRefunded,
            _ => panic!("two were told yes: {context}"),
        };
        assert_eq!(now.status, status, "{context}");
        assert_eq!(now.refunded, cny(refunded), "{context}");
        let mut fees = 0;
        for same in told.refunded.values() {
            assert!(same.windows(2).all(|pair| pair[0] == pair[1]), "{context}");
            assert!(refunds.contains(&same[0].id), "{context}");
            fees += same[0].fee.amount;
        }
        // Three percent, and of what was given back in proportion.
        let (fee, share) =
            (nearest(now.amount.amount * 300, 10_000), nearest(now.fee.amount * refunded, now.amount.amount));
        assert_eq!((now.fee, now.net, fees), (cny(fee), cny(now.amount.amount - fee), share), "{context}");
        if approved { now.net.amount - (refunded - fees) } else { 0 }
    }
}

/// The nearest whole number, of two the even one.
fn nearest(number: i64, by: i64) -> i64 {
    let (whole, rest) = (number / by, number % by);
    whole + i64::from(rest * 2 > by || (rest * 2 == by && whole % 2 == 1))
}

async fn log(client: &Client) -> Vec<Event> {
    let (mut events, mut after) = (Vec::new(), 0);
    loop {
        let page = client.events().list(EventsQuery::after(after)).await.expect("a page");
        after = page.next_after;
        events.extend(page.data);
        if !page.has_more {
            return events;
        }
    }
}

/// What happened to each payment, in its order, with the versions.
fn told_by_events(events: &[Event]) -> BTreeMap<String, Vec<(String, i64)>> {
    let mut lives: BTreeMap<String, Vec<(String, i64)>> = BTreeMap::new();
    for event in events.iter().filter(|event| event.object.starts_with("pay_")) {
        let kind = event.r#type.to_string().replace("payment.", "");
        lives.entry(event.object.clone()).or_default().push((kind, event.object_version));
    }
    lives
}

both_engines! {
    of_what_many_want_of_one_payment_it_becomes_one_thing,
    of_a_thousand_requests_with_one_key_all_get_the_same_bytes,
}

async fn of_what_many_want_of_one_payment_it_becomes_one_thing(stage: Stage) {
    let elsewhere = stage.second_gateway().await;
    let key = Key::generate().expect("a key");
    let here = partner_with(&stage, key.clone()).await;
    let app = here.apps().list(quanzi::apps::AppsQuery::default()).await.expect("apps").data[0].id;
    let there = Client::builder(elsewhere.url()).build().expect("a client").with_app(app, key);
    let mut rounds = Vec::new();
    for number in 1..=ROUNDS {
        let round = Round::set([&here, &there], number).await;
        round.run().await;
        rounds.push(round);
    }
    elsewhere.stop().await.expect("stopped");
    // What the channel took its time for is finished.
    stage.advance(60);
    stage.run_due().await;

    let mut query = PaymentsQuery::default();
    query.limit = Some(Limit::new(100));
    let all = here.payments().list(query).stream().take(10_000).await.expect("payments");
    let events = log(&here).await;
    let lives = told_by_events(&events);
    let refunds: BTreeSet<RefundId> = events
        .iter()
        .filter(|event| event.r#type.to_string() == "refund.created")
        .map(|event| event.object.parse().expect("an id"))
        .collect();
    let (mut earned, mut refunds_told) = (0, 0);
    for round in &rounds {
        for slot in 0..SLOTS {
            let number = format!("{}-{slot}", round.number);
            let is_its =
                |payment: &&Payment| payment.merchant_reference.as_ref().is_some_and(|no| no.to_string() == number);
            let found: Vec<&Payment> = all.iter().filter(is_its).collect();
            assert!(found.len() <= 1, "{number} twice");
            earned += round.check(slot, found.first().copied(), &refunds);
            refunds_told += round.told[slot].lock().expect("no panic").refunded.len();
        }
    }

    assert_eq!(refunds.len(), refunds_told, "no refund that nobody was told of");
    assert_eq!(lives.len(), all.len());
    for payment in &all {
        let life = &lives[&payment.id.to_string()];
        let last = events.iter().rfind(|event| event.object == payment.id.to_string()).expect("an event");
        // Each gateway names its own address.
        let (mut told, mut now) = (last.data::<Payment>().expect("a payment"), payment.clone());
        (told.approval_url, now.approval_url) = (None, None);
        assert_eq!(told, now, "the last event is the payment as it is");
        assert!(life.windows(2).all(|pair| pair[0].1 < pair[1].1), "{life:?}");
        let ends = life.iter().filter(|(kind, _)| ["succeeded", "declined", "canceled"].contains(&kind.as_str()));
        assert_eq!(ends.count(), usize::from(payment.status != PaymentStatus::RequiresApproval), "{life:?}");
    }
    let balance = here.ledger().balance().await.expect("a balance").data;
    assert_eq!((balance[0].balance, balance[0].reserved, balance[0].pending), (cny(earned), cny(0), cny(0)));
    let check = here.sandbox().check_ledger().await.expect("checked");
    assert!(check.clean, "{:#?}", check.differences);
    // Everything must have been tried, or this proves little.
    let statuses: BTreeSet<String> = all.iter().map(|payment| payment.status.to_string()).collect();
    assert!(statuses.len() >= 3 && refunds_told > 5, "{statuses:?}, {refunds_told} refunds");
}

async fn of_a_thousand_requests_with_one_key_all_get_the_same_bytes(stage: Stage) {
    const REQUESTS: usize = 1_000;
    const AT_ONCE: usize = 250;
    let elsewhere = stage.second_gateway().await;
    let here = Partner::register(stage.url()).await;
    let there = here.at(elsewhere.url()).await;
    let id = |answer: Answer| answer.json()["id"].as_str().expect("an id").to_owned();
    let circle = id(here.post("/v1/circles", json!({ "name": "Thousand" })).await);
    here.request("POST", &format!("/v1/circles/{circle}/open")).send().await.expect_status(200);
    let fan = id(here.post("/sandbox/v1/fans", json!({ "nickname": "Mei", "adult": true })).await);
    here.post(&format!("/v1/circles/{circle}/memberships"), json!({ "fan": fan })).await.expect_status(200);
    let money = |amount: i64| json!({ "amount": amount, "currency": "CNY" });
    // Enough for one of them.
    here.post(&format!("/sandbox/v1/fans/{fan}/top_up"), json!({ "amount": money(777) })).await.expect_status(200);
    let mandate = json!({ "fan": fan, "per_payment": money(10_000), "per_day": money(10_000) });
    let mandate = id(here.post("/sandbox/v1/mandates", mandate).await);
    let body = json!({ "kind": "tip", "fan": fan, "circle": circle, "mandate": mandate, "amount": money(777), "merchant_reference": "one" });

    let ask = |number: usize| {
        let partner = if number.is_multiple_of(2) { &here } else { &there };
        let request = partner.request("POST", "/v1/payments").header("idempotency-key", "one").json(&body);
        async move { (number, request.send().await) }
    };
    let asked: Vec<(usize, Answer)> = stream::iter(0..REQUESTS).map(ask).buffer_unordered(AT_ONCE).collect().await;
    let (early, mut answers): (Vec<_>, Vec<_>) = asked.into_iter().partition(|(_, answer)| answer.status == 409);
    for (number, answer) in early {
        // While the first was under way; now there is an answer for everybody.
        answer.expect_refusal(409, "idempotency_in_flight");
        answers.push(ask(number).await);
    }
    let answers: Vec<Answer> = answers.into_iter().map(|(_, answer)| answer).collect();

    assert_eq!(answers.len(), REQUESTS);
    for answer in &answers {
        answer.expect_status(201);
        assert_eq!(answer.bytes, answers[0].bytes);
        assert_eq!(answer.header("etag"), answers[0].header("etag"));
    }
    let first = answers.iter().filter(|answer| answer.header("idempotent-replayed").is_none()).count();
    assert_eq!(first, 1, "one of them paid, the others were told");
    assert_eq!(
        (
            stage.count("payment").await,
            stage.scalar("select count(*) from event where type = 'payment.succeeded'").await
        ),
        (1, "1".to_owned())
    );
    assert_eq!(here.get("/sandbox/v1/ledger/check").await.expect_status(200)["clean"], true);
    elsewhere.stop().await.expect("stopped");
}
