//! Fans who let an app act for them: the SDK writes their calls, the raw client signs them with the app's key and the fan's token.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use quanzi::contract::Endpoint;
use quanzi::id::{AppId, FanId};
use quanzi::me::Me;
use quanzi::{Call, Client, ErrorCode, Key};
use serde::Deserialize as _;
use serde_json::Value;

use crate::browser::{Asking, Browser, Wish, field};
use crate::raw::{Answer, TestKey};
use crate::stage::Stage;

/// Everything a fan can grant.
pub const EVERYTHING: &str =
    "openid profile:nickname circles:join content:post content:comment payments:tip payments:mandate";
/// Of the calls that the SDK writes, what is signed and sent.
const HEADERS: [&str; 2] = ["idempotency-key", "if-match"];

/// A partner with an app that fans can consent to.
pub struct Host<'s> {
    /// The app, by hand.
    pub app: Asking<'s>,
    /// The same app, with the SDK.
    pub client: Client,
    stage: &'s Stage,
}

/// A fan, through an app.
pub struct Fan<'h> {
    host: &'h Host<'h>,
    /// The fan, as the partner knows it.
    pub id: FanId,
    /// The browser in which the fan is signed in.
    pub browser: Browser,
    token: String,
    refresh_token: String,
}

/// A refusal.
#[derive(Debug)]
pub struct Refused {
    /// Its status.
    pub status: u16,
    /// The problem document.
    pub problem: Value,
}

impl Refused {
    /// What went wrong.
    #[track_caller]
    pub fn code(&self) -> ErrorCode {
        let code = self.problem["code"].as_str().and_then(ErrorCode::find);
        code.unwrap_or_else(|| panic!("a refusal with a code: {self:?}"))
    }
}

impl<'s> Host<'s> {
    /// A new partner.
    pub async fn new(stage: &'s Stage) -> Self {
        let app = Asking::new(stage).await;
        let TestKey::Ed25519(pair) = &app.partner.key else { panic!("an Ed25519 key") };
        let der = STANDARD.encode(pair.to_pkcs8v1().expect("PKCS#8").as_ref());
        let pem = format!("-----BEGIN PRIVATE KEY-----\n{der}\n-----END PRIVATE KEY-----\n");
        let id: AppId = app.partner.app.parse().expect("an app id");
        let builder = Client::builder(stage.url()).app(id, Key::from_pem(&pem).expect("a key"));
        let client = builder.build().expect("a client");
        Self { app, client, stage }
    }

    /// A new person who grants these scopes, the nickname too if it is among them.
    pub async fn fan(&self, scope: &str) -> Fan<'_> {
        let mut browser = Browser::new();
        let wish = Wish::new(scope);
        let url = self.app.address(&wish).await;
        let page = browser.sign_in(&url, "Mei").await;
        let back = browser.decide(&url, &page, "allow", scope.contains("profile:nickname")).await;
        let tokens = self.app.exchange(&wish, &back.code()).await.expect_status(200);
        let text = |name: &str| field(&tokens, name).to_owned();
        let (token, refresh_token) = (text("access_token"), text("refresh_token"));
        let me: Me = serde_json::from_value(self.answer(&token, self.client.me().get()).await.expect_status(200))
            .expect("a fan");
        Fan { host: self, id: me.fan, browser, token, refresh_token }
    }

    /// Sends a call of the SDK with this token.
    async fn answer<E: Endpoint>(&self, token: &str, call: Call<E>) -> Answer {
        let written = call.raw().prepare().await.expect("a request");
        let path = written.url().strip_prefix(self.stage.url()).expect("an address of the gateway").to_owned();
        let mut request = self.app.partner.request(written.method().as_str(), &path);
        request = request.authorization(Some(&format!("DPoP {token}")));
        for (name, value) in written.headers().filter(|(name, _)| HEADERS.contains(name)) {
            request = request.header(name, value);
        }
        if !written.body().is_empty() {
            request = request.bytes("application/json", written.body().to_vec());
        }
        let now = self.stage.now().seconds();
        request.signing(|signing| signing.created = Some(now)).send().await
    }
}

impl Fan<'_> {
    /// Sends a call of the SDK as this fan.
    pub async fn send<E: Endpoint>(&self, call: Call<E>) -> Result<E::Reply, Refused> {
        let answer = self.host.answer(&self.token, call).await;
        if answer.status >= 400 {
            return Err(Refused { status: answer.status, problem: answer.json() });
        }
        assert_eq!(answer.status, E::STATUS, "{}", String::from_utf8_lossy(&answer.bytes));
        let body = if answer.bytes.is_empty() { serde_json::json!({}) } else { answer.json() };
        Ok(E::Reply::deserialize(&body).unwrap_or_else(|error| panic!("{error}: {body}")))
    }

    /// Gets the next token: after a token's life, or with fewer scopes.
    pub async fn renew(&mut self, scope: Option<&str>) {
        let answer = self.host.app.refresh(&self.refresh_token, scope).await.expect_status(200);
        field(&answer, "access_token").clone_into(&mut self.token);
    }
}
