//! Nothing secret is ever logged: not at debug level either, and not by a library.

#![expect(clippy::expect_used, reason = "this crate is tests: a panic is how a test says no")]

use std::io::Write;
use std::sync::{Arc, LazyLock, Mutex};

use base64::Engine as _;
use quanzi_openapi::oauth::ASSERTION_TYPE;
use quanzi_openapi::signature::encode_debug;
use quanzi_tests::both_engines;
use quanzi_tests::raw::{Partner, Ready, now};
use quanzi_tests::stage::Stage;
use serde_json::{Value, json};

const CLIENT_SECRET: &str = "c1ient-s3cret";
const PRIVATE_PEM: &str =
    "-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQ==\n-----END PRIVATE KEY-----";
const PRIVATE_D: &str = "n4Ni-HpISpVObnQMW0wOhCKROaIKqKtW_2ZYb2p9KcU";
const PRIVATE_WORD: &str = "Unheard-of words";

/// What the whole process logs: the gateway's workers are threads of their own.
static LOG: LazyLock<Log> = LazyLock::new(|| {
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing_subscriber::filter::LevelFilter::DEBUG)
        .with_span_events(tracing_subscriber::fmt::format::FmtSpan::FULL)
        .with_ansi(false)
        .with_writer(move || writer.clone())
        .finish();
    tracing_subscriber::util::SubscriberInitExt::try_init(subscriber).expect("the first subscriber");
    log
});

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    fn text(&self) -> String {
        String::from_utf8_lossy(&self.0.lock().expect("no panic")).into_owned()
    }
}

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().expect("no panic").write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// Sends requests, and remembers what must not be logged of them.
struct Sender {
    partner: Partner,
    secrets: Vec<String>,
}

impl Sender {
    async fn send(&mut self, ready: Ready) -> u16 {
        for (name, value) in &ready.headers {
            match name.as_str() {
                "authorization" => self.secrets.extend(value.split_once(' ').map(|(_, token)| token.to_owned())),
                "signature" | "signature-debug" => self.secrets.push(value.clone()),
                _ => {}
            }
        }
        ready.send(&self.partner.http).await.status
    }

    /// To an OAuth endpoint, authenticated by a new assertion.
    async fn form(&mut self, path: &str, more: &[(&str, &str)]) -> u16 {
        let assertion = self.partner.key.assertion(&self.partner.app, &self.partner.url, now());
        let proof = self.partner.key.proof("POST", &format!("{}{path}", self.partner.url), now(), None);
        let mut form =
            vec![("client_assertion_type", ASSERTION_TYPE.to_owned()), ("client_assertion", assertion.clone())];
        form.extend(more.iter().map(|(name, value)| (*name, (*value).to_owned())));
        let answer = self.partner.form(path, &form, Some(&proof)).await;
        self.secrets.extend(answer.json().pointer("/access_token").and_then(Value::as_str).map(str::to_owned));
        self.secrets.extend([assertion, proof]);
        answer.status
    }
}

both_engines! {
    the_log_tells_what_happened_and_no_secret,
}

async fn the_log_tells_what_happened_and_no_secret(stage: Stage) {
    LazyLock::force(&LOG);
    let partner = Partner::register(stage.url()).await;
    let (token, app) = (partner.token.clone(), partner.app.clone());
    let circle = json!({ "name": PRIVATE_WORD });
    let mut sender = Sender { partner, secrets: vec![token.clone()] };

    // Tokens: got, refused, asked about, given back.
    let grant = ("grant_type", "client_credentials");
    let oauth = [
        sender.form("/oauth/token", &[grant]).await,
        sender.form("/oauth/token", &[grant, ("client_secret", CLIENT_SECRET)]).await,
        sender.form("/oauth/token", &[grant, ("scope", "no:such")]).await,
        sender.form("/oauth/introspect", &[("token", &token)]).await,
        sender.form("/oauth/revoke", &[("token", "no.such.token")]).await,
    ];

    // Signed calls: done, repeated, taken names, forged, in the wrong scheme and place.
    let post =
        |partner: &Partner| partner.request("POST", "/v1/circles").header("idempotency-key", "k").json(&circle).ready();
    let (first, repeated, twice) = (post(&sender.partner), post(&sender.partner), post(&sender.partner));
    let forged = post(&sender.partner);
    let debug = encode_debug(&forged.base);
    let forged = Ready { headers: [forged.headers, vec![("signature-debug".to_owned(), debug)]].concat(), ..forged };
    let taken = sender.partner.request("POST", "/v1/circles").json(&circle).ready();
    let bearer = sender.partner.request("GET", "/v1/partner").authorization(Some(&format!("Bearer {token}"))).ready();
    let in_query = sender
        .partner
        .request("GET", &format!("/v1/partner?access_token={token}"))
        .authorization(None)
        .unsigned()
        .ready();
    let basic = base64::engine::general_purpose::STANDARD.encode(format!("{app}:{CLIENT_SECRET}"));
    let basic = sender.partner.request("GET", "/v1/partner").authorization(Some(&format!("Basic {basic}"))).ready();
    let nowhere = sender.partner.request("GET", &format!("/nowhere/{token}")).ready();
    let calls = [
        sender.send(first).await,
        sender.send(repeated).await,
        sender.send(twice.clone()).await,
        sender.send(twice).await,
        sender.send(forged.tampered("content-type", |_| "application/json; charset=utf-8".to_owned())).await,
        sender.send(taken).await,
        sender.send(bearer).await,
        sender.send(in_query).await,
        sender.send(basic).await,
        sender.send(nowhere).await,
    ];

    // The same request, to be explained.
    let asked = post(&sender.partner);
    let headers: Vec<_> = asked.headers.iter().map(|(name, value)| json!({ "name": name, "value": value })).collect();
    let check = json!({ "method": asked.method, "url": asked.url, "headers": headers, "signature_base": asked.base });
    let check = sender
        .partner
        .request("POST", "/sandbox/v1/signature/check")
        .authorization(None)
        .unsigned()
        .json(&check)
        .ready();
    assert_eq!(sender.send(check).await, 200);
    assert_eq!(sender.send(asked).await, 201);

    // Private keys where public ones belong.
    let keys = format!("/v1/apps/{app}/keys");
    let private = json!({ "kty": "OKP", "crv": "Ed25519", "x": PRIVATE_D, "d": PRIVATE_D });
    for key in [json!(PRIVATE_PEM), private] {
        let ready = sender.partner.request("POST", &keys).json(&json!({ "key": key })).ready();
        assert_eq!(sender.send(ready).await, 422);
    }
    // An internal failure, whose cause is only in the log.
    stage.break_database().await;
    let broken = sender.partner.request("POST", "/v1/circles").json(&json!({ "name": "Another" })).ready();
    let broken = sender.send(broken).await;

    let log = LOG.text();
    assert_eq!(oauth, [200, 401, 400, 200, 200]);
    assert_eq!(calls, [201, 201, 201, 401, 401, 409, 401, 401, 401, 404]);
    assert!(broken >= 500, "{broken}");
    for told in ["CreateCircle", "answered", "signature_mismatch", "circle_name_taken", "key_is_private", "failed"] {
        assert!(log.contains(told), "{told} is missing in {log}");
    }
    let fixed = [CLIENT_SECRET, "MIIEvQIBADANBg", PRIVATE_D, PRIVATE_WORD, "eyJ", "PRIVATE KEY"].map(str::to_owned);
    for secret in sender.secrets.iter().chain(&fixed) {
        let line = log.lines().find(|line| line.contains(secret.as_str()));
        assert_eq!(line, None, "{secret} stands in the log");
    }
}
