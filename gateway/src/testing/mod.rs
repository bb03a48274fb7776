//! Test support for all capabilities: a gateway on a scratch database, and clients that talk to it.
//!
//! Invariant: time is the gateway's clock, which tests move instead of sleeping.

pub(crate) mod fixture;

use std::path::PathBuf;
use std::sync::Arc;

use actix_web::test::TestRequest;
use quanzi_openapi::apps::{AppChange, KeyInput, NewApp};
use quanzi_openapi::authorization::PushedRequest;
use quanzi_openapi::id::{AppId, PartnerId};
use quanzi_openapi::jose::{ClientAssertion, DpopClaims, assemble, encode_base64url, signing_input};
use quanzi_openapi::oauth::{ASSERTION_TYPE, TokenIntrospectionRequest, TokenReply, TokenRequest};
use quanzi_openapi::sandbox::{NewPartner, Registration};
use quanzi_openapi::scope::Scopes;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::access::RequestInfo;
use crate::access::oauth::revocation;
use crate::app::App;
use crate::capabilities::apps::service::{self as apps, Context};
use crate::edge::Caller;
use crate::platform::clock::Clock;
use crate::platform::config::{Config, Mode};
use crate::platform::crypto::SigningKey;
use crate::platform::db::Db;
use crate::platform::fault::Fault;
use crate::platform::metrics::Metrics;
use crate::platform::shutdown::Stopping;
use crate::sandbox;
use crate::workflows::authorization;

/// Where the gateway of tests is.
pub(crate) const ISSUER: &str = "https://api.quanzi.example";
/// Its other address.
pub(crate) const ALIAS: &str = "https://quanzi.internal:8443";

/// A process on this database.
pub(crate) async fn process(db: &Db, mode: Mode) -> Arc<App> {
    process_in(db, mode, std::env::temp_dir()).await
}

/// A process on this database, with its data in this folder.
pub(crate) async fn process_in(db: &Db, mode: Mode, data_dir: PathBuf) -> Arc<App> {
    let config = Config::of(&[
        ("mode", mode.as_str()),
        ("data_dir", data_dir.to_str().unwrap()),
        ("sandbox_demo", "false"),
        ("public_url", ISSUER),
        ("public_url_aliases", ALIAS),
        ("sealing_key", "BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc="),
    ]);
    let clock = Arc::new(Clock::system());
    let app = App::new(config.unwrap(), db.clone(), clock, Metrics::new(db), Stopping::new());
    Arc::new(app.await.unwrap())
}

/// A key as a partner sends it.
pub(crate) fn key_input(key: &SigningKey) -> KeyInput {
    let Value::Object(members) = serde_json::to_value(key.jwk()).unwrap() else { unreachable!() };
    KeyInput::Jwk(members)
}

/// Runs a use-case in a transaction, as the edge does.
macro_rules! in_tx {
    ($app:expr, |$tx:ident| $work:expr) => {{
        let mut held = $app.db.begin().await.unwrap();
        let outcome = {
            let $tx = &mut held;
            $work.await
        };
        match outcome {
            Ok(value) => {
                crate::platform::outbox::service::commit(&$app, held).await.unwrap();
                Ok(value)
            }
            Err(fault) => {
                held.rollback().await.unwrap();
                Err::<_, crate::platform::fault::Fault>(fault)
            }
        }
    }};
}
pub(crate) use in_tx;

/// An app of a partner of its own, with one Ed25519 key.
pub(crate) struct Client {
    pub app: AppId,
    pub partner: PartnerId,
    pub key: SigningKey,
}

impl Client {
    pub(crate) async fn register(app: &App) -> Self {
        let key = SigningKey::generate(&app.clock).unwrap();
        let new = NewPartner::new("Whisker", "Whisker Ltd.", NewApp::new("Server", [key_input(&key)]));
        let context = Context::new(app, app.clock.now());
        let Registration { partner, app } = in_tx!(app, |tx| sandbox::register(tx, context, &new)).unwrap();
        Self { app: app.id, partner: partner.id, key }
    }

    /// The app as a caller whose token allows everything.
    pub(crate) fn caller(&self) -> Caller {
        Caller { partner: self.partner, app: self.app, scopes: Scopes::all() }
    }

    /// The claims of a good assertion.
    pub(crate) fn claims(&self, app: &App) -> Value {
        let id = self.app.to_string();
        let now = app.clock.now().seconds();
        serde_json::to_value(ClientAssertion::new(&id, ISSUER, &app.clock.random_text(), now, 60)).unwrap()
    }

    /// A good assertion.
    pub(crate) fn assertion(&self, app: &App) -> String {
        sign(&self.key, &json!({"alg": "EdDSA", "kid": self.key.kid()}), &self.claims(app))
    }

    /// A good request for a token with everything the app may have.
    pub(crate) fn form(&self, app: &App) -> TokenRequest {
        let mut form = TokenRequest::default();
        form.grant_type = Some("client_credentials".to_owned());
        form.client_assertion_type = Some(ASSERTION_TYPE.to_owned());
        form.client_assertion = Some(self.assertion(app));
        form
    }

    /// A good question about a token.
    pub(crate) fn question(&self, app: &App, token: &str) -> TokenIntrospectionRequest {
        let mut form = TokenIntrospectionRequest::default();
        form.token = Some(token.to_owned());
        form.client_assertion_type = Some(ASSERTION_TYPE.to_owned());
        form.client_assertion = Some(self.assertion(app));
        form
    }

    /// A token bound to the app's own key.
    pub(crate) async fn token(&self, app: &App) -> String {
        let proof = proof(app, &self.key, |_| ());
        ask(app, &self.form(app), &[("dpop", &proof)]).await.unwrap().access_token
    }
}

/// A compact JWS.
pub(crate) fn sign(key: &SigningKey, header: &Value, claims: &Value) -> String {
    let input = signing_input(header, claims).unwrap();
    assemble(&input, &key.sign(input.as_bytes()))
}

/// A proof for the token endpoint, altered.
pub(crate) fn proof(app: &App, key: &SigningKey, change: impl FnOnce(&mut DpopClaims)) -> String {
    let url = format!("{ISSUER}/oauth/token");
    let mut claims = DpopClaims::new("POST", &url, &app.clock.random_text(), app.clock.now().seconds(), None).unwrap();
    change(&mut claims);
    let header = json!({"typ": "dpop+jwt", "alg": "Ed25519", "jwk": key.jwk()});
    sign(key, &header, &serde_json::to_value(claims).unwrap())
}

/// A request as it arrives.
pub(crate) fn request(path: &str, headers: &[(&str, &str)]) -> RequestInfo {
    let http = headers.iter().fold(TestRequest::post().uri(path), |http, header| http.append_header(*header));
    RequestInfo {
        id: "req".to_owned(),
        http: http.to_http_request(),
        address: "203.0.113.9".parse().unwrap(),
        target_uri: format!("{ISSUER}{path}"),
    }
}

/// Asks the token endpoint.
pub(crate) async fn ask(app: &App, form: &TokenRequest, headers: &[(&str, &str)]) -> Result<TokenReply, Fault> {
    let request = request("/oauth/token", headers);
    authorization::service::token(app, &request, form, app.clock.now()).await
}

/// A good request of a client that fans may be sent back to.
pub(crate) fn pushed_form(app: &App, client: &Client, verifier: &str) -> PushedRequest {
    let mut form = PushedRequest::default();
    form.response_type = Some("code".to_owned());
    form.redirect_uri = Some(BACK.to_owned());
    form.scope = Some("openid circles:join".to_owned());
    form.code_challenge = Some(encode_base64url(Sha256::digest(verifier.as_bytes())));
    form.code_challenge_method = Some("S256".to_owned());
    form.client_assertion_type = Some(ASSERTION_TYPE.to_owned());
    form.client_assertion = Some(client.assertion(app));
    form
}

/// Where fans are sent back to.
pub(crate) const BACK: &str = "https://whisker.example/back";
/// What the challenge of the request is made of.
pub(crate) const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";

/// A client that fans may be sent back to.
pub(crate) async fn sent_back(app: &App) -> Client {
    let client = Client::register(app).await;
    let caller = Caller { partner: client.partner, app: app.clock.id(), scopes: Scopes::all() };
    let context = Context::new(app, app.clock.now());
    let mut uris = AppChange::default();
    uris.redirect_uris = Some(vec![BACK.into()]);
    let before = apps::get(&mut app.db.reading().await.unwrap(), client.partner, client.app).await.unwrap();
    in_tx!(app, |tx| apps::change(tx, context, &caller, before, uris)).unwrap();
    revocation::catch_up(app).await.unwrap();
    client
}
