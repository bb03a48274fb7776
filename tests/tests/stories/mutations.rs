//! Mutated requests at every mounted endpoint: no 5xx, a proper refusal for each, and nothing changes by a refused one.
//!
//! Seeded: a failure prints its number, and the same seed makes the same requests.

use futures_util::StreamExt as _;
use futures_util::stream;
use quanzi_openapi::endpoint::Access;
use quanzi_openapi::{Method, OPERATIONS, Operation};
use quanzi_tests::both_engines;
use quanzi_tests::dice::Dice;
use quanzi_tests::raw::{Partner, Ready};
use quanzi_tests::stage::{Knobs, Stage};
use serde_json::{Value, json};

/// Requests per engine; both together are more than 50,000.
const REQUESTS: usize = 26_000;
const SEED: u64 = 0x5eed_2026;
const AT_ONCE: usize = 8;
/// Requests between two looks at the database.
const BATCH: usize = 8;
/// Batches between two tokens.
const BATCHES_PER_TOKEN: usize = 250;

const TEXTS: [&str; 14] = [
    "",
    " ",
    "\u{0}",
    "\u{202e}rtl",
    "🐈‍⬛",
    "圈子",
    "'; drop table circle; --",
    "%00",
    "../../etc/passwd",
    "null",
    "true",
    "-1",
    "1e309",
    "9223372036854775808",
];

fn nasty(dice: &mut Dice) -> Value {
    match dice.roll(10) {
        0 => Value::Null,
        1 => json!(true),
        2 => json!(-1),
        3 => json!(1e308),
        4 => json!(u64::MAX),
        5 => json!([]),
        6 => json!({}),
        7 => json!([[[[[[[["deep"]]]]]]]]),
        8 => json!("x".repeat(dice.roll(30_000))),
        _ => json!(dice.pick(&TEXTS)),
    }
}

/// Changes one place of a JSON value.
fn mutate(value: &mut Value, dice: &mut Dice) {
    match value {
        Value::Object(members) if !members.is_empty() => {
            let name = members.keys().nth(dice.roll(members.len())).expect("a member").clone();
            match dice.roll(6) {
                0 => drop(members.remove(&name)),
                1 => drop(members.insert(format!("{name}{}", dice.pick(&TEXTS)), nasty(dice))),
                2 => drop(members.insert(name, nasty(dice))),
                _ => mutate(members.get_mut(&name).expect("the member"), dice),
            }
        }
        Value::Array(items) if !items.is_empty() => {
            let place = dice.roll(items.len());
            match dice.roll(4) {
                0 => drop(items.remove(place)),
                1 => items.extend(vec![nasty(dice); 40]),
                _ => mutate(&mut items[place], dice),
            }
        }
        other => *other = nasty(dice),
    }
}

fn encoded(text: &str) -> String {
    url::form_urlencoded::byte_serialize(text.as_bytes()).collect()
}

/// A path with its parameters filled in, well or badly.
fn path(operation: &Operation, known: &Known, dice: &mut Dice) -> String {
    let fill = |name: &str, dice: &mut Dice| match (dice.roll(4), name) {
        (0, _) => encoded(dice.pick(&TEXTS)).replace("%2F", "-"),
        (_, "circle") => known.circle.clone(),
        (_, "membership") => known.membership.clone(),
        (_, "post") => known.post.clone(),
        (_, "comment") => known.comment.clone(),
        (_, "fan") => known.fan.clone(),
        (_, "app") => "app_01JD8Z6T5M3Q9V0K7W2X4Y6Z8A".to_owned(),
        _ => "nonsense".to_owned(),
    };
    let mut path: Vec<String> = Vec::new();
    for part in operation.path.split('/') {
        path.push(match part.strip_prefix('{').and_then(|rest| rest.strip_suffix('}')) {
            Some(name) => fill(name, dice),
            None => part.to_owned(),
        });
    }
    let mut path = path.join("/");
    if dice.roll(4) == 0 {
        let name = dice.pick(&["limit", "cursor", "status", "category", "role", "x"]);
        path = format!("{path}?{name}={}", encoded(dice.pick(&TEXTS)));
    }
    path
}

/// What is mutated: everything but the moving of the clock, after which no signature would be of this time.
fn operations() -> Vec<&'static Operation> {
    OPERATIONS.iter().filter(|one| !(one.path == "/sandbox/v1/clock" && one.method.writes())).collect()
}

/// Objects that exist, so that mutations get past the first check.
struct Known {
    circle: String,
    membership: String,
    post: String,
    comment: String,
    fan: String,
}

impl Known {
    async fn make(partner: &Partner) -> Self {
        let id = |answer: Value| answer["id"].as_str().expect("an id").to_owned();
        let circle = id(partner.post("/v1/circles", json!({ "name": "Mutated" })).await.expect_status(201));
        partner.request("POST", &format!("/v1/circles/{circle}/open")).send().await.expect_status(200);
        let fan = id(partner.post("/sandbox/v1/fans", json!({ "nickname": "Fan" })).await.expect_status(201));
        let membership = partner.post(&format!("/v1/circles/{circle}/memberships"), json!({ "fan": fan })).await;
        let post = partner.post(&format!("/v1/circles/{circle}/posts"), json!({ "body": "Hello" })).await;
        let post = id(post.expect_status(201));
        let comment = partner.post(&format!("/v1/posts/{post}/comments"), json!({ "text": "Hello" })).await;
        Self {
            membership: id(membership.expect_status(200)),
            comment: id(comment.expect_status(201)),
            post,
            circle,
            fan,
        }
    }
}

/// One mutated request: half of them broken before signing (so that they reach the parsers), half after.
fn mutated(operation: &Operation, partner: &Partner, known: &Known, dice: &mut Dice) -> Ready {
    let path = path(operation, known, dice);
    let mut request = partner.request(operation.method.as_str(), &path);
    if operation.if_match && dice.roll(4) > 0 {
        request = request.header("if-match", dice.pick(&["\"1\"", "\"2\"", "\"99\"", "x", ""]));
    }
    if operation.method == Method::Post && dice.roll(3) == 0 {
        request = request.header("idempotency-key", &format!("k{}", dice.roll(50)));
    }
    if let Some(mut body) = (operation.body_example)() {
        for _ in 0..=dice.roll(3) {
            mutate(&mut body, dice);
        }
        let mut bytes = body.to_string().into_bytes();
        if dice.roll(8) == 0 && !bytes.is_empty() {
            let place = dice.roll(bytes.len());
            bytes[place] = u8::try_from(dice.roll(256)).expect("a byte");
        }
        let media_type =
            if operation.access == Access::Client { "application/x-www-form-urlencoded" } else { "application/json" };
        request = request.bytes(if dice.roll(20) == 0 { "text/plain" } else { media_type }, bytes);
    }
    let mut ready = request.ready();
    if dice.roll(3) == 0 {
        let name = (dice.pick(&["signature-input", "signature", "authorization", "content-digest"])).to_owned();
        if ready.headers.iter().any(|(there, _)| *there == name) {
            let text: String = dice
                .pick(&["", "x", "sig=", "sig=();tag=\"fapi-2-request\"", "DPoP x", "sha-256=:AA==:", "🐈"])
                .to_string();
            let place = dice.roll(40);
            let keep = dice.roll(2) == 0;
            ready = ready.tampered(&name, |old| {
                if keep {
                    old.chars().enumerate().filter(|(at, _)| *at != place).map(|(_, letter)| letter).collect()
                } else {
                    text
                }
            });
        }
    }
    ready
}

both_engines! {
    no_mutated_request_is_a_failure_of_ours,
    a_refused_change_changes_nothing,
}

async fn no_mutated_request_is_a_failure_of_ours(stage: Stage) {
    let stage = stage.reopen(&Knobs::unlimited()).await;
    let mut partner = Partner::register(stage.url()).await;
    let known = Known::make(&partner).await;
    let mut dice = Dice::new(SEED);
    let operations = operations();

    let (mut successes, mut unchanged) = (0, 0);
    let mut before = stage.fingerprint().await;
    for batch in 0..REQUESTS / BATCH {
        if batch % BATCHES_PER_TOKEN == 0 {
            partner.renew(None).await;
        }
        let numbers = batch * BATCH..(batch + 1) * BATCH;
        let requests: Vec<_> = numbers
            .map(|number| (number, mutated(operations[number % operations.len()], &partner, &known, &mut dice)))
            .collect();
        let mut changes = 0;
        let sent = requests.iter().map(|(number, ready)| {
            let (http, ready) = (partner.http.clone(), ready.clone());
            let shown = format!("request {number}: {} {}", ready.method, ready.url);
            let writes = ready.method != "GET";
            async move { (shown, writes, ready.send(&http).await) }
        });
        let mut answers = stream::iter(sent).buffer_unordered(AT_ONCE);
        while let Some((shown, writes, answer)) = answers.next().await {
            assert!(answer.status < 500, "{shown}: {} {}", answer.status, String::from_utf8_lossy(&answer.bytes));
            if answer.status < 400 {
                successes += 1;
                changes += usize::from(writes);
                continue;
            }
            let body = answer.json();
            let code = body["code"].as_str().or(body["error"].as_str());
            assert!(
                code.is_some(),
                "{shown}: {} without a code: {}",
                answer.status,
                String::from_utf8_lossy(&answer.bytes)
            );
        }
        let after = stage.fingerprint().await;
        // A batch of refusals and reads must have left no trace.
        if changes == 0 {
            unchanged += BATCH;
            assert_eq!(
                after,
                before,
                "a batch of refused requests left a trace, up to request {}",
                (batch + 1) * BATCH
            );
        }
        before = after;
    }
    assert!(unchanged > REQUESTS / 10, "only {unchanged} requests were in batches without a change");
    // Otherwise the mutations would only ever test the first check.
    assert!(successes > REQUESTS / 100, "{successes} of {REQUESTS} got through");
}

async fn a_refused_change_changes_nothing(stage: Stage) {
    let stage = stage.reopen(&Knobs::unlimited()).await;
    let partner = Partner::register(stage.url()).await;
    let known = Known::make(&partner).await;
    let writes: Vec<&Operation> = operations()
        .into_iter()
        .filter(|operation| operation.method.writes() && matches!(operation.access, Access::Partner(_)))
        .collect();
    let mut dice = Dice::new(SEED ^ 1);
    let mut refused = 0;

    for number in 0..600 {
        let before = stage.fingerprint().await;
        let answer = mutated(writes[number % writes.len()], &partner, &known, &mut dice).send(&partner.http).await;
        if answer.status >= 400 && answer.json()["code"] != "gate_refused" {
            refused += 1;
            assert_eq!(
                stage.fingerprint().await,
                before,
                "request {number} was refused with {} and left a trace",
                answer.status
            );
        }
    }
    assert!(refused > 200, "{refused}");
}
