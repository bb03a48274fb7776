//! Wrong input about money and webhooks, by hand: each gets a refusal that says what and where, and nothing is written.

use quanzi_tests::both_engines;
use quanzi_tests::raw::{Answer, Partner};
use quanzi_tests::stage::Stage;
use serde_json::{Value, json};

/// A partner with a circle and a fan who has a mandate and 1,000.00 to spend.
struct Scene {
    partner: Partner,
    circle: String,
    fan: String,
    mandate: String,
}

fn id(answer: &Value) -> String {
    answer["id"].as_str().expect("an id").to_owned()
}

fn cny(amount: i64) -> Value {
    json!({ "amount": amount, "currency": "CNY" })
}

impl Scene {
    async fn set(stage: &Stage) -> Self {
        let partner = Partner::register(stage.url()).await;
        let circle = open_circle(&partner, "Money").await;
        let fan = member(&partner, &circle).await;
        let money = json!({ "amount": cny(100_000) });
        partner.post(&format!("/sandbox/v1/fans/{fan}/top_up"), money).await.expect_status(200);
        let mandate = json!({ "fan": fan, "per_payment": cny(50_000), "per_day": cny(90_000) });
        let mandate = id(&partner.post("/sandbox/v1/mandates", mandate).await.expect_status(201));
        Self { partner, circle, fan, mandate }
    }

    /// A good tip within the mandate, with these members instead.
    fn tip(&self, changes: &Value) -> Value {
        let mut body = json!({
            "kind": "tip", "fan": self.fan, "circle": self.circle, "mandate": self.mandate, "amount": cny(1_000),
        });
        for (name, value) in changes.as_object().expect("members") {
            body[name] = value.clone();
        }
        body
    }

    async fn pay(&self, changes: &Value) -> Answer {
        self.keyed("/v1/payments", &self.tip(changes)).await
    }

    /// With a key that was never used.
    async fn keyed(&self, path: &str, body: &Value) -> Answer {
        let key = quanzi_tests::raw::random_text();
        self.partner.request("POST", path).header("idempotency-key", &key).json(body).send().await
    }
}

async fn open_circle(partner: &Partner, name: &str) -> String {
    let circle = id(&partner.post("/v1/circles", json!({ "name": name })).await.expect_status(201));
    partner.request("POST", &format!("/v1/circles/{circle}/open")).send().await.expect_status(200);
    circle
}

async fn fan(partner: &Partner) -> String {
    id(&partner.post("/sandbox/v1/fans", json!({ "nickname": "Mei", "adult": true })).await.expect_status(201))
}

async fn join(partner: &Partner, circle: &str, fan: &str) -> String {
    id(&partner.post(&format!("/v1/circles/{circle}/memberships"), json!({ "fan": fan })).await.expect_status(200))
}

async fn member(partner: &Partner, circle: &str) -> String {
    let fan = fan(partner).await;
    join(partner, circle, &fan).await;
    fan
}

/// Amounts that are none, with the place that is wrong.
fn no_amounts() -> Vec<(Value, &'static str)> {
    let amount = |text: &str| -> Value {
        serde_json::from_str(&format!("{{\"amount\":{text},\"currency\":\"CNY\"}}")).expect("json")
    };
    let currency = |currency: Value| json!({ "amount": 1_000, "currency": currency });
    vec![
        (amount("0"), "/amount/amount"),
        (amount("-0"), "/amount/amount"),
        (amount("-1"), "/amount/amount"),
        (amount("-9223372036854775808"), "/amount/amount"),
        (amount("9223372036854775808"), "/amount/amount"),
        (amount("-9223372036854775809"), "/amount/amount"),
        (amount("18446744073709551616"), "/amount/amount"),
        (amount("1e3"), "/amount/amount"),
        (amount("1000.0"), "/amount/amount"),
        (amount("10.5"), "/amount/amount"),
        (amount("1e308"), "/amount/amount"),
        (amount("\"1000\""), "/amount/amount"),
        (amount("null"), "/amount/amount"),
        (amount("true"), "/amount/amount"),
        (amount("[1000]"), "/amount/amount"),
        (amount("{}"), "/amount/amount"),
        (currency(json!("cny")), "/amount/currency"),
        (currency(json!("GBP")), "/amount/currency"),
        (currency(json!("")), "/amount/currency"),
        (currency(json!(156)), "/amount/currency"),
        (currency(json!(null)), "/amount/currency"),
        (json!({ "amount": 1_000 }), "/amount"),
        (json!({ "currency": "CNY" }), "/amount"),
        (json!({}), "/amount"),
        (json!(1_000), "/amount"),
        (json!("10.00 CNY"), "/amount"),
        (json!([1_000, "CNY"]), "/amount"),
        (json!(null), "/amount"),
    ]
}

#[track_caller]
fn expect_field(answer: &Answer, pointer: &str, what: &Value) {
    let refused = answer.expect_refusal(400, "field_invalid");
    assert_eq!(refused["pointer"], pointer, "{what}: {refused}");
}

/// URLs that are forbidden or invalid; the sandbox allows loopback.
const EVIL_URLS: &[&str] = &[
    "https://user@hooks.partner.example.com/",
    "https://user:password@hooks.partner.example.com/",
    "https://:password@hooks.partner.example.com/",
    "https://169.254.169.254@hooks.partner.example.com/",
    "https://hooks.partner.example.com:0/",
    "https://hooks.partner.example.com:65536/",
    "https://hooks.partner.example.com:https/",
    "https://hooks.partner.example.com/#there",
    "http://hooks.partner.example.com/",
    "http://8.8.8.8/",
    "ftp://hooks.partner.example.com/",
    "file:///etc/passwd",
    "gopher://hooks.partner.example.com/",
    "javascript:alert(1)",
    "data:text/plain,x",
    "ws://hooks.partner.example.com/",
    "unix:/run/quanzi.sock",
    "//hooks.partner.example.com/",
    "hooks.partner.example.com",
    "/hooks",
    "",
    " ",
    "https://",
    "https:///hooks",
    "https://[::1",
    "https://0.0.0.0/",
    "https://0/",
    "https://10.0.0.1/",
    "https://10.1/",
    "https://167772161/",
    "https://0xa000001/",
    "https://0xa.0.0.1/",
    "https://012.0.0.1/",
    "https://01200000001/",
    "https://172.16.0.1/",
    "https://192.168.1.1/",
    "https://192.168.257/",
    "https://100.64.0.1/",
    "https://100.100.100.200/latest/meta-data/",
    "https://169.254.169.254/latest/meta-data/",
    "https://2852039166/latest/meta-data/",
    "https://0xa9fea9fe/",
    "https://0251.0376.0251.0376/",
    "https://168.63.129.16/",
    "https://224.0.0.1/",
    "https://255.255.255.255/",
    "https://[::]/",
    "https://[::ffff:10.0.0.1]/",
    "https://[::ffff:a9fe:a9fe]/",
    "https://[::ffff:192.168.0.1]/",
    "https://[64:ff9b::a00:1]/",
    "https://[2002:a00:1::1]/",
    "https://[fc00::1]/",
    "https://[fd00:ec2::254]/",
    "https://[fe80::1]/",
    "https://[fe80::1%25eth0]/",
    "https://[ff02::1]/",
    "https://[2001:db8::1]/",
    "https://gateway/",
    "https://db.internal/",
    "https://metadata.google.internal/computeMetadata/v1/",
    "https://printer.local/",
    "https://router.home.arpa/",
    "https://x.onion/",
    "https://１０.0.0.1/",
    "https://10。0。0。1/",
    "https://%31%30.0.0.1/",
    "https://hooks.partner.example.com\u{0}.evil.example/",
    "https://hooks partner.example.com/",
];

both_engines! {
    what_is_no_amount_is_refused_by_its_place,
    who_cannot_pay_here_is_refused_and_nothing_is_written,
    fields_of_a_payment_that_are_wrong_are_named,
    keys_that_are_no_keys_move_no_money,
    webhooks_are_sent_to_no_evil_address,
}

async fn what_is_no_amount_is_refused_by_its_place(stage: Stage) {
    let scene = Scene::set(&stage).await;
    let paid = id(&scene.pay(&json!({})).await.expect_status(201));
    let before = stage.fingerprint().await;

    for (amount, pointer) in no_amounts() {
        expect_field(&scene.pay(&json!({ "amount": amount })).await, pointer, &amount);
        let top_up = format!("/sandbox/v1/fans/{}/top_up", scene.fan);
        expect_field(&scene.keyed(&top_up, &json!({ "amount": amount })).await, pointer, &amount);
        if !amount.is_null() {
            let refunds = format!("/v1/payments/{paid}/refunds");
            expect_field(&scene.keyed(&refunds, &json!({ "amount": amount })).await, pointer, &amount);
        }
        for limit in ["per_payment", "per_day"] {
            let mut mandate = json!({ "fan": scene.fan, "per_payment": cny(1), "per_day": cny(1) });
            mandate[limit] = amount.clone();
            let pointer = pointer.replacen("/amount", &format!("/{limit}"), 1);
            expect_field(&scene.keyed("/sandbox/v1/mandates", &mandate).await, &pointer, &amount);
        }
    }

    let largest = scene.pay(&json!({ "amount": cny(i64::MAX), "mandate": null })).await;
    largest.expect_refusal(409, "payment_limit_reached");
    scene.pay(&json!({ "amount": cny(50_001) })).await.expect_refusal(409, "mandate_limit_reached");
    scene.pay(&json!({ "amount": { "amount": 1, "currency": "USD" } })).await.expect_refusal(409, "mandate_not_active");
    let no_dollars = scene.pay(&json!({ "amount": { "amount": 1, "currency": "USD" }, "mandate": null })).await;
    assert_eq!(no_dollars.expect_status(201)["status"], "requires_approval");
    let approve = format!("/sandbox/v1/payments/{}/approve", id(&no_dollars.json()));
    let with_dollars = stage.fingerprint().await;
    scene.partner.request("POST", &approve).send().await.expect_refusal(402, "balance_insufficient");
    let refund = json!({ "amount": { "amount": 1, "currency": "USD" } });
    expect_field(&scene.keyed(&format!("/v1/payments/{paid}/refunds"), &refund).await, "/amount/currency", &refund);
    scene
        .keyed(&format!("/v1/payments/{paid}/refunds"), &json!({ "amount": cny(1_001) }))
        .await
        .expect_refusal(409, "refund_too_large");
    let reversed = json!({ "fan": scene.fan, "per_payment": cny(2), "per_day": cny(1) });
    expect_field(&scene.keyed("/sandbox/v1/mandates", &reversed).await, "/per_day/amount", &reversed);
    let mixed = json!({ "fan": scene.fan, "per_payment": cny(1), "per_day": { "amount": 2, "currency": "USD" } });
    expect_field(&scene.keyed("/sandbox/v1/mandates", &mixed).await, "/per_day/currency", &mixed);

    assert_eq!(stage.fingerprint().await, with_dollars);
    assert_ne!(before, with_dollars, "the payment in dollars was made");
    assert_eq!(scene.partner.get("/sandbox/v1/ledger/check").await.expect_status(200)["clean"], true);
}

async fn who_cannot_pay_here_is_refused_and_nothing_is_written(stage: Stage) {
    let scene = Scene::set(&stage).await;
    let partner = &scene.partner;
    let stranger = Scene::set(&stage).await;
    let act = async |membership: &str, verb: &str| {
        partner.request("POST", &format!("/v1/memberships/{membership}/{verb}")).send().await.expect_status(200);
    };
    let mut gone = Vec::new();
    for verb in ["remove", "ban", "leave"] {
        let fan = fan(partner).await;
        act(&join(partner, &scene.circle, &fan).await, verb).await;
        gone.push(fan);
    }
    gone.push(fan(partner).await);
    let closed = open_circle(partner, "Closed").await;
    let in_closed = member(partner, &closed).await;
    partner.request("POST", &format!("/v1/circles/{closed}/close")).send().await.expect_status(200);
    let draft = id(&partner.post("/v1/circles", json!({ "name": "Draft" })).await.expect_status(201));
    let missing_fan = "fan_01JD8Z6T5M3Q9V0K7W2X4Y6Z8A";
    let missing_circle = "cir_01JD8Z6T5M3Q9V0K7W2X4Y6Z8A";
    let missing_post = "pst_01JD8Z6T5M3Q9V0K7W2X4Y6Z8A";
    let missing_mandate = "mdt_01JD8Z6T5M3Q9V0K7W2X4Y6Z8A";
    let before = stage.fingerprint().await;

    let mut cases = vec![
        (json!({ "fan": missing_fan }), 404, "fan_not_found"),
        (json!({ "fan": stranger.fan }), 404, "fan_not_found"),
        (json!({ "circle": missing_circle }), 404, "circle_not_found"),
        (json!({ "circle": stranger.circle }), 404, "circle_not_found"),
        (json!({ "circle": closed, "fan": in_closed }), 409, "circle_not_open"),
        (json!({ "circle": draft }), 409, "circle_not_open"),
        (json!({ "post": missing_post }), 404, "post_not_found"),
        (json!({ "mandate": missing_mandate }), 404, "mandate_not_found"),
        (json!({ "mandate": stranger.mandate }), 404, "mandate_not_found"),
    ];
    cases.extend(gone.iter().map(|fan| (json!({ "fan": fan, "mandate": null }), 409, "payer_not_member")));
    for (changes, status, code) in cases {
        let answer = scene.pay(&changes).await;
        answer.expect_refusal(status, code);
    }
    let missing = "pay_01JD8Z6T5M3Q9V0K7W2X4Y6Z8A";
    for path in [
        "/v1/payments/{}/cancel",
        "/v1/payments/{}/refunds",
        "/sandbox/v1/payments/{}/approve",
        "/sandbox/v1/payments/{}/decline",
    ] {
        let body = if path.ends_with("refunds") { Some(json!({})) } else { None };
        let send = async |id: &str| {
            let path = path.replace("{}", id);
            let request = partner.request("POST", &path).header("idempotency-key", &quanzi_tests::raw::random_text());
            if let Some(body) = &body { request.json(body).send().await } else { request.send().await }
        };
        send(missing).await.expect_refusal(404, "payment_not_found");
        assert_eq!(send("pay_1").await.expect_refusal(400, "param_invalid")["param"], "payment");
        assert_eq!(send(missing_fan).await.expect_refusal(400, "param_invalid")["param"], "payment");
    }

    assert_eq!(stage.fingerprint().await, before);
}

async fn fields_of_a_payment_that_are_wrong_are_named(stage: Stage) {
    let scene = Scene::set(&stage).await;
    let taken = scene.pay(&json!({ "merchant_reference": "A-1", "message": "圈".repeat(200) })).await;
    taken.expect_status(201);
    let waits =
        id(&scene.pay(&json!({ "mandate": null, "merchant_reference": "a".repeat(64) })).await.expect_status(201));
    let before = stage.fingerprint().await;

    for (name, value) in [
        ("merchant_reference", json!("a".repeat(65))),
        ("merchant_reference", json!("")),
        ("merchant_reference", json!("A 1")),
        ("merchant_reference", json!("A/1")),
        ("merchant_reference", json!("订单")),
        ("merchant_reference", json!("A\u{0}1")),
        ("merchant_reference", json!(1)),
        ("message", json!("圈".repeat(201))),
        ("message", json!("zero\u{0}byte")),
        ("message", json!(["x"])),
        ("kind", json!("gift")),
        ("kind", json!(null)),
        ("fan", json!("fan_1")),
        ("fan", json!(scene.circle)),
        ("fan", json!(7)),
        ("circle", json!(scene.fan)),
        ("post", json!("x")),
        ("mandate", json!(scene.fan)),
        ("fee", json!(0)),
        ("status", json!("succeeded")),
    ] {
        let changes = json!({ (name): value });
        expect_field(&scene.pay(&changes).await, &format!("/{name}"), &changes);
    }
    let twice =
        scene.pay(&json!({ "merchant_reference": "A-1" })).await.expect_refusal(409, "merchant_reference_taken");
    assert!(twice["detail"].as_str().is_some_and(|detail| detail.contains(&id(&taken.json()))), "{twice}");
    let reason = json!({ "reason": "x".repeat(10_000) });
    expect_field(&scene.keyed(&format!("/v1/payments/{waits}/refunds"), &reason).await, "/reason", &reason);
    scene.keyed(&format!("/v1/payments/{waits}/refunds"), &json!({})).await.expect_refusal(409, "payment_conflict");

    assert_eq!(stage.fingerprint().await, before);
}

async fn keys_that_are_no_keys_move_no_money(stage: Stage) {
    let scene = Scene::set(&stage).await;
    let before = stage.fingerprint().await;
    let body = scene.tip(&json!({}));
    let request = || scene.partner.request("POST", "/v1/payments").json(&body);

    request().send().await.expect_refusal(400, "idempotency_key_missing");
    for key in ["", "two words", &"k".repeat(256)] {
        let refused = request().header("idempotency-key", key).send().await.expect_refusal(400, "param_invalid");
        assert_eq!(refused["param"], "Idempotency-Key");
    }
    assert_eq!(stage.fingerprint().await, before);
    let longest = "k".repeat(255);
    let paid = request().header("idempotency-key", &longest).send().await;
    paid.expect_status(201);
    let after = stage.fingerprint().await;
    let other = scene.tip(&json!({ "amount": cny(1) }));
    let reused =
        scene.partner.request("POST", "/v1/payments").json(&other).header("idempotency-key", &longest).send().await;
    reused.expect_refusal(422, "idempotency_key_reused");
    let again = request().header("idempotency-key", &longest).send().await;
    assert_eq!((again.bytes, again.status), (paid.bytes, 201));
    assert_eq!(stage.fingerprint().await, after);
}

async fn webhooks_are_sent_to_no_evil_address(stage: Stage) {
    let partner = Partner::register(stage.url()).await;
    let good = json!({ "url": "https://hooks.partner.example.com:8443/quanzi?x=1" });
    let made = partner.post("/v1/webhook_endpoints", good).await;
    let endpoint = made.expect_status(201);
    let path = format!(
        "/v1/webhook_endpoints/{}",
        endpoint.pointer("/endpoint/id").or(endpoint.get("id")).and_then(Value::as_str).expect("an id")
    );
    let before = stage.fingerprint().await;

    for url in EVIL_URLS {
        let body = json!({ "url": url });
        let create = partner.post("/v1/webhook_endpoints", body.clone()).await;
        let change = partner.request("PATCH", &path).header("if-match", "\"1\"").json(&body).send().await;
        for answer in [create, change] {
            let refused = answer.json();
            let (code, status) = (refused["code"].as_str().unwrap_or_default(), answer.status);
            assert!(
                matches!((status, code), (400, "field_invalid") | (422, "webhook_url_forbidden")),
                "{url}: {status} {refused}"
            );
            assert_eq!(refused["pointer"], "/url", "{url}: {refused}");
        }
    }
    for url in [
        json!(null),
        json!(7),
        json!(["https://hooks.partner.example.com/"]),
        json!(format!("https://hooks.partner.example.com/{}", "x".repeat(2_000))),
    ] {
        let body = json!({ "url": url });
        expect_field(&partner.post("/v1/webhook_endpoints", body.clone()).await, "/url", &body);
    }

    assert_eq!(stage.fingerprint().await, before);
}
