//! What never leaves the platform: a long walk through the API, and every byte a partner received on it is searched for persons.

use std::sync::{Mutex, PoisonError};

use quanzi_openapi::events::EventType;
use quanzi_openapi::id::PersonId;
use quanzi_openapi::jose::{decode_base64url, encode_base64url};
use quanzi_openapi::{Access, Method, OPERATIONS};
use quanzi_tests::both_engines;
use quanzi_tests::browser::{Asking, Back, Browser, Wish, field, form_code, leads_to};
use quanzi_tests::raw::{Answer, random_text};
use quanzi_tests::receiver::Receiver;
use quanzi_tests::stage::Stage;
use serde_json::{Value, json};

const EVERYTHING: &str =
    "openid profile:nickname circles:join content:post content:comment payments:tip payments:mandate";

/// Everything that was received.
#[derive(Default)]
struct Received(Mutex<Vec<u8>>);

impl Received {
    fn keep(&self, bytes: impl AsRef<[u8]>) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.extend_from_slice(bytes.as_ref());
        kept.push(b'\n');
    }

    /// Headers and body, and what stands in each JWT of it.
    fn answer(&self, answer: Answer) -> Answer {
        for (name, value) in &answer.headers {
            self.keep(format!("{name}: {value}"));
        }
        self.keep(&answer.bytes);
        for word in String::from_utf8_lossy(&answer.bytes).split('"') {
            self.token(word);
        }
        answer
    }

    fn token(&self, text: &str) {
        for part in text.split('.').filter_map(decode_base64url) {
            self.keep(part);
        }
    }

    fn has(&self, needle: &[u8]) -> bool {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.windows(needle.len()).any(|window| window.eq_ignore_ascii_case(needle))
    }
}

/// An app, a fan's token there, and everything that comes back.
struct Walk<'s> {
    app: Asking<'s>,
    token: String,
    received: &'s Received,
}

impl<'s> Walk<'s> {
    async fn begin(stage: &'s Stage, browser: &mut Browser, received: &'s Received) -> Self {
        let app = Asking::new(stage).await;
        let wish = Wish::new(EVERYTHING);
        let pushed = received.answer(app.push(&wish).await).expect_status(201);
        let url = app.address_of(field(&pushed, "request_uri"));
        let page = browser.get(&url).await;
        if String::from_utf8_lossy(&page.bytes).contains("name=\"nickname\" maxlength") {
            browser.sign_in(&url, "Mei").await;
        }
        let page = browser.get(&url).await;
        let sent =
            browser.post(&url, &[("code", &form_code(&page)), ("decision", "allow"), ("nickname", "show")]).await;
        received.keep(leads_to(&sent));
        let tokens = received.answer(app.exchange(&wish, &Back::of(&sent).code()).await).expect_status(200);
        let refreshed = received.answer(app.refresh(field(&tokens, "refresh_token"), None).await).expect_status(200);
        for token in [field(&tokens, "access_token"), field(&tokens, "refresh_token"), "unknown"] {
            received.answer(app.question("/oauth/introspect", token).await).expect_status(200);
        }
        let token = field(&refreshed, "access_token").to_owned();
        received.answer(app.read("/oauth/userinfo", &token).await).expect_status(200);
        Self { app, token, received }
    }

    /// A signed call with this token.
    async fn call(&self, token: &str, method: &str, path: &str, body: Option<Value>) -> Answer {
        let mut request = self.app.partner.request(method, path).authorization(Some(&format!("DPoP {token}")));
        if method == "POST" {
            request = request.header("idempotency-key", &random_text());
        }
        if let Some(body) = body {
            request = request.json(&body);
        }
        self.received.answer(request.send().await)
    }

    /// As the fan.
    async fn fan(&self, method: &str, path: &str, body: Value) -> Answer {
        self.call(&self.token, method, path, Some(body).filter(|body| !body.is_null())).await
    }

    /// As the app.
    async fn own(&self, method: &str, path: &str, body: Value) -> Answer {
        self.call(&self.app.partner.token, method, path, Some(body).filter(|body| !body.is_null())).await
    }

    async fn circle(&self, name: &str, rules: Value) -> String {
        let circle = self.own("POST", "/v1/circles", json!({ "name": name })).await.expect_status(201);
        let id = field(&circle, "id").to_owned();
        self.own("POST", &format!("/v1/circles/{id}/open"), Value::Null).await.expect_status(200);
        let gate = self.own("GET", &format!("/v1/circles/{id}/gate"), Value::Null).await.expect_status(200);
        let put = self.app.partner.request("PUT", &format!("/v1/circles/{id}/gate"));
        let put =
            put.header("if-match", &format!("\"{}\"", gate["version"])).json(&json!({ "rules": rules })).send().await;
        self.received.answer(put).expect_status(200);
        id
    }

    /// Joins, is refused, posts, comments, likes, tips with a page and with a mandate, gets a part back.
    async fn go(&self, browser: &mut Browser) {
        let open = self.circle("Open", json!([{ "kind": "open" }])).await;
        let savers =
            self.circle("Savers", json!([{ "kind": "credit_band", "at_least": "gold" }, { "kind": "adult" }])).await;
        let fan = self.fan("GET", "/v1/me", Value::Null).await.expect_status(200);
        let fan = field(&fan, "fan");
        self.fan("POST", "/v1/me/memberships", json!({ "circle": savers })).await.expect_refusal(403, "gate_refused");
        self.fan("POST", "/v1/me/memberships", json!({ "circle": open })).await.expect_status(200);
        self.own("POST", &format!("/v1/circles/{savers}/gate/evaluate"), json!({ "fan": fan })).await;
        let post =
            self.own("POST", &format!("/v1/circles/{open}/posts"), json!({ "body": "Hello" })).await.expect_status(201);
        let post = field(&post, "id");
        let comment = self
            .fan("POST", &format!("/v1/me/posts/{post}/comments"), json!({ "text": "Hi" }))
            .await
            .expect_status(201);
        let comment = field(&comment, "id");
        self.fan("PUT", &format!("/v1/me/posts/{post}/like"), Value::Null).await.expect_status(200);
        self.own("POST", &format!("/sandbox/v1/fans/{fan}/top_up"), json!({ "amount": cny(9_000) }))
            .await
            .expect_status(200);

        let tip = self
            .fan("POST", "/v1/me/payments", json!({ "circle": open, "amount": cny(1_000) }))
            .await
            .expect_status(201);
        let paid = field(&tip, "id").to_owned();
        let cashier = field(&tip, "approval_url");
        let code = form_code(&browser.get(cashier).await);
        let pay = [("code", code.as_str()), ("decision", "pay"), ("appear", "named")];
        assert_eq!(browser.post(cashier, &pay).await.status, 303);
        let asked = json!({ "circle": open, "per_payment": cny(500), "per_day": cny(900) });
        let mandate = self.fan("POST", "/v1/me/mandates", asked).await.expect_status(201);
        let (mandate, consent) = (field(&mandate, "id"), field(&mandate, "consent_url"));
        let page = browser.get(consent).await;
        browser.post(consent, &[("code", &form_code(&page)), ("decision", "agree")]).await;
        let charge = |amount: i64| json!({ "circle": open, "amount": cny(amount), "mandate": mandate });
        let charged = self.fan("POST", "/v1/me/payments", charge(400)).await.expect_status(201);
        assert_eq!(charged["status"], "succeeded");
        let beyond = self.fan("POST", "/v1/me/payments", charge(501)).await;
        assert!((400..500).contains(&beyond.status), "{beyond:?}");
        self.own("POST", &format!("/v1/payments/{paid}/refunds"), json!({ "amount": cny(100) }))
            .await
            .expect_status(201);

        for path in [
            format!("/v1/circles/{open}/memberships"),
            format!("/v1/circles/{open}/leaderboard?currency=CNY"),
            format!("/v1/circles/{open}/tips"),
            format!("/v1/posts/{post}/comments"),
            format!("/v1/comments/{comment}"),
            format!("/v1/payments/{paid}/refunds"),
            format!("/v1/payments/{paid}"),
            format!("/v1/mandates/{mandate}"),
            format!("/sandbox/v1/fans/{fan}"),
        ] {
            self.own("GET", &path, Value::Null).await.expect_status(200);
        }
        self.read_all_lists().await;
    }

    /// Everything that can be read without naming an object, with both tokens; then each account's transfers.
    async fn read_all_lists(&self) {
        let plain =
            OPERATIONS.iter().filter(|operation| operation.method == Method::Get && !operation.path.contains('{'));
        for operation in plain.filter(|operation| !operation.path.ends_with("/stream")) {
            let token = if matches!(operation.access, Access::Fan(_)) { &self.token } else { &self.app.partner.token };
            let answer = self.call(token, "GET", operation.path, None).await;
            assert_eq!(answer.status, 200, "{}", operation.path);
        }
        let accounts = self.own("GET", "/v1/accounts", Value::Null).await.expect_status(200);
        for account in accounts["data"].as_array().expect("accounts") {
            let path = format!("/v1/accounts/{}/transfers", field(account, "id"));
            self.own("GET", &path, Value::Null).await.expect_status(200);
        }
    }
}

fn cny(amount: i64) -> Value {
    json!({ "amount": amount, "currency": "CNY" })
}

/// A person's id in every form in which it could slip out.
fn forms(id: &str) -> Vec<Vec<u8>> {
    let id: PersonId = id.parse().expect("a person");
    let text = id.to_string();
    let uuid = id.uuid();
    vec![
        text.trim_start_matches("psn_").as_bytes().to_vec(),
        uuid.simple().to_string().into_bytes(),
        uuid.hyphenated().to_string().into_bytes(),
        encode_base64url(uuid.as_bytes()).into_bytes(),
        uuid.as_bytes().to_vec(),
    ]
}

both_engines! {
    nothing_a_partner_receives_names_a_person,
}

async fn nothing_a_partner_receives_names_a_person(stage: Stage) {
    let received = Received::default();
    let mut browser = Browser::new();
    let receiver = Receiver::start();
    let here = Walk::begin(&stage, &mut browser, &received).await;
    let elsewhere = Walk::begin(&stage, &mut browser, &received).await;
    here.own("POST", "/v1/webhook_endpoints", json!({ "url": receiver.url() })).await.expect_status(201);

    here.go(&mut browser).await;
    elsewhere.go(&mut browser).await;
    let grants = here.own("GET", "/v1/grants", Value::Null).await.expect_status(200);
    here.own("DELETE", &format!("/v1/grants/{}", field(&grants["data"][0], "id")), Value::Null).await;
    here.fan("GET", "/v1/me", Value::Null).await.expect_refusal(401, "token_revoked");
    stage.run_due().await;
    for delivery in receiver
        .until("the last event", |all| {
            all.iter().any(|one| one.event().r#type.known() == Some(&EventType::GrantRevoked))
        })
        .await
    {
        received.keep(format!("{:?}", delivery.headers));
        received.keep(&delivery.body);
    }
    receiver.stop().await;

    assert_eq!(stage.count("person").await, 1, "one person at two partners");
    let person = stage.scalar("select id from person").await;
    assert!(
        received.has(b"fan_") && received.has(b"\"grant\":\"grt_") && received.has(b"succeeded"),
        "the walk was kept, tokens opened"
    );
    assert!(!received.has(b"psn_"), "a person is named");
    for form in forms(&person) {
        assert!(!received.has(&form), "a person's id is told as {}", String::from_utf8_lossy(&form));
    }
}
