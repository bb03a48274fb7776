//! A fan's browser: keeps cookies, sends forms, follows nothing by itself; and the app's half of the way to a fan token.
//!
//! Time is the gateway's, so a story can move it.

use std::collections::BTreeMap;

use aws_lc_rs::digest::{SHA256, digest};
use quanzi_openapi::jose::encode_base64url;
use quanzi_openapi::oauth::ASSERTION_TYPE;
use reqwest::redirect::Policy;
use reqwest::{Client, RequestBuilder};
use serde_json::{Value, json};
use url::Url;

use crate::raw::{Answer, Partner, REDIRECT_URI, TestKey, random_text};
use crate::stage::Stage;

/// A browser.
pub struct Browser {
    http: Client,
    cookies: BTreeMap<String, String>,
    /// What it likes to read.
    pub language: &'static str,
}

impl Default for Browser {
    fn default() -> Self {
        Self::new()
    }
}

impl Browser {
    /// Without any cookie.
    pub fn new() -> Self {
        rustls::crypto::aws_lc_rs::default_provider().install_default().ok();
        let http = Client::builder().no_proxy().redirect(Policy::none()).build().expect("a client");
        Self { http, cookies: BTreeMap::new(), language: "en" }
    }

    /// Looks at an address.
    pub async fn get(&mut self, url: &str) -> Answer {
        let request = self.http.get(url);
        self.send(request).await
    }

    /// Sends a form.
    pub async fn post(&mut self, url: &str, form: &[(&str, &str)]) -> Answer {
        self.post_with(url, form, &[]).await
    }

    /// Sends a form with these headers.
    pub async fn post_with(&mut self, url: &str, form: &[(&str, &str)], headers: &[(&str, &str)]) -> Answer {
        let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish();
        let request = self.http.post(url).header("content-type", "application/x-www-form-urlencoded").body(body);
        let request = headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
        self.send(request).await
    }

    async fn send(&mut self, request: RequestBuilder) -> Answer {
        let request = request.header("accept-language", self.language).header("cookie", self.cookie_header());
        let answer = Answer::read(request.send().await.expect("an answer")).await;
        for (_, field) in answer.headers.iter().filter(|(name, _)| name == "set-cookie") {
            let (name, rest) = field.split_once('=').expect("a cookie");
            let value = rest.split(';').next().expect("a value");
            self.cookies.insert(name.to_owned(), value.to_owned());
        }
        answer
    }

    /// Its cookies.
    pub fn cookies(&self) -> Vec<String> {
        self.cookies.values().cloned().collect()
    }

    /// What it sends with every request.
    pub fn cookie_header(&self) -> String {
        let cookies: Vec<String> = self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        cookies.join("; ")
    }

    /// Drops its cookies.
    pub fn forget(&mut self) {
        self.cookies.clear();
    }

    /// Signs in as a new invented person, on the page of a request; the page that comes next.
    pub async fn sign_in(&mut self, url: &str, nickname: &str) -> Answer {
        let page = self.get(url).await;
        let form = [("code", form_code(&page)), ("decision", "invent".to_owned()), ("nickname", nickname.to_owned())];
        let form: Vec<(&str, &str)> = form.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let signed_in = self.post(url, &form).await;
        assert_eq!(signed_in.status, 303, "{}", text(&signed_in));
        self.get(url).await
    }

    /// Decides on the page of a request that this browser has open: where it is sent.
    pub async fn decide(&mut self, url: &str, page: &Answer, decision: &str, nickname: bool) -> Back {
        let code = form_code(page);
        let mut form = vec![("code", code.as_str()), ("decision", decision)];
        form.extend(nickname.then_some(("nickname", "show")));
        Back::of(&self.post(url, &form).await)
    }
}

/// The text of a page.
pub fn text(page: &Answer) -> String {
    String::from_utf8_lossy(&page.bytes).into_owned()
}

/// The code in the forms of a page.
#[track_caller]
pub fn form_code(page: &Answer) -> String {
    let text = text(page);
    let (_, rest) = text.split_once("name=\"code\" value=\"").unwrap_or_else(|| panic!("a form in {text}"));
    rest.split('"').next().expect("a value").to_owned()
}

/// Where an answer leads a browser: by a redirect, or by a page that sends it on to somebody else's address.
#[track_caller]
pub fn leads_to(answer: &Answer) -> String {
    if let Some(location) = answer.header("location") {
        assert_eq!(answer.status, 303);
        return location.to_owned();
    }
    let text = text(answer);
    let (_, rest) = text
        .split_once("<meta http-equiv=\"refresh\" content=\"0;url=")
        .unwrap_or_else(|| panic!("a way on in {text}"));
    assert_eq!((answer.status, answer.header("referrer-policy")), (200, Some("no-referrer")));
    let url = rest.split('"').next().expect("an address").replace("&#38;", "&").replace("&amp;", "&");
    assert!(!url.contains("&#"), "nothing else is escaped in an address: {url}");
    url
}

/// Where a browser is sent with an answer for the app.
#[derive(Debug)]
pub struct Back {
    /// The address without its parameters.
    pub to: String,
    parameters: BTreeMap<String, String>,
}

impl Back {
    /// From a redirect, or a page that leads on.
    #[track_caller]
    pub fn of(answer: &Answer) -> Self {
        let url = Url::parse(&leads_to(answer)).expect("an absolute URL");
        let parameters = url.query_pairs().map(|(name, value)| (name.into_owned(), value.into_owned())).collect();
        Self { to: url.as_str().split('?').next().expect("an address").to_owned(), parameters }
    }

    /// A parameter, if it is there.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.parameters.get(name).map(String::as_str)
    }

    /// The code.
    #[track_caller]
    pub fn code(&self) -> String {
        self.get("code").unwrap_or_else(|| panic!("a code in {self:?}")).to_owned()
    }
}

/// What an app wants of a fan: the pushed request, and what is needed afterwards.
#[derive(Debug, Clone)]
pub struct Wish {
    /// The parameters.
    pub form: Vec<(&'static str, String)>,
    /// What the challenge is made of.
    pub verifier: String,
}

impl Wish {
    /// A good request for these scopes.
    pub fn new(scope: &str) -> Self {
        let verifier = format!("{}{}", random_text(), random_text());
        let challenge = encode_base64url(digest(&SHA256, verifier.as_bytes()));
        let form = vec![
            ("response_type", "code".to_owned()),
            ("redirect_uri", REDIRECT_URI.to_owned()),
            ("scope", scope.to_owned()),
            ("state", "st&te".to_owned()),
            ("nonce", "n0nce".to_owned()),
            ("code_challenge", challenge),
            ("code_challenge_method", "S256".to_owned()),
        ];
        Self { form, verifier }
    }

    /// With this parameter, instead of the one there is.
    #[must_use]
    pub fn with(mut self, name: &'static str, value: &str) -> Self {
        self.form.retain(|(there, _)| *there != name);
        self.form.push((name, value.to_owned()));
        self
    }

    /// Without this parameter.
    #[must_use]
    pub fn without(mut self, name: &str) -> Self {
        self.form.retain(|(there, _)| *there != name);
        self
    }
}

/// An app at a gateway, in the gateway's time.
pub struct Asking<'a> {
    /// The app.
    pub partner: Partner,
    stage: &'a Stage,
}

impl<'a> Asking<'a> {
    /// A new partner's app.
    pub async fn new(stage: &'a Stage) -> Self {
        Self { partner: Partner::register(stage.url()).await, stage }
    }

    /// Another app of the same partner.
    pub async fn another_app(&self) -> Self {
        let key = TestKey::ed25519();
        let app = json!({ "name": "another", "jwks": { "keys": [key.jwk()] }, "redirect_uris": [REDIRECT_URI] });
        let made = self.partner.post("/v1/apps", app).await.expect_status(201);
        let (url, id, http) = (self.partner.url.clone(), self.partner.id.clone(), self.partner.http.clone());
        let app = field(&made, "id").to_owned();
        let mut partner = Partner { url, id, app, key, token: String::new(), http };
        partner.renew(None).await;
        Self { partner, stage: self.stage }
    }

    fn now(&self) -> i64 {
        self.stage.now().seconds()
    }

    /// The form with a good assertion.
    pub fn authenticated(&self, form: &[(&'static str, String)]) -> Vec<(&'static str, String)> {
        let mut form = form.to_vec();
        form.push(("client_assertion_type", ASSERTION_TYPE.to_owned()));
        let partner = &self.partner;
        form.push(("client_assertion", partner.key.assertion(&partner.app, &partner.url, self.now())));
        form
    }

    /// Pushes a request.
    pub async fn push(&self, wish: &Wish) -> Answer {
        self.partner.form("/oauth/par", &self.authenticated(&wish.form), None).await
    }

    /// Pushes a good request: the address for the browser.
    pub async fn address(&self, wish: &Wish) -> String {
        let pushed = self.push(wish).await.expect_status(201);
        self.address_of(pushed["request_uri"].as_str().expect("a request_uri"))
    }

    /// The address for the browser.
    pub fn address_of(&self, request_uri: &str) -> String {
        let mut url = Url::parse(&format!("{}/oauth/authorize", self.partner.url)).expect("a URL");
        url.query_pairs_mut().append_pair("client_id", &self.partner.app).append_pair("request_uri", request_uri);
        url.into()
    }

    /// Asks the token endpoint, with a good assertion and a good proof.
    pub async fn ask(&self, form: &[(&'static str, String)]) -> Answer {
        let url = format!("{}/oauth/token", self.partner.url);
        let proof = self.partner.key.proof("POST", &url, self.now(), None);
        self.partner.form("/oauth/token", &self.authenticated(form), Some(&proof)).await
    }

    /// Exchanges a code.
    pub async fn exchange(&self, wish: &Wish, code: &str) -> Answer {
        self.ask(&exchange_form(wish, code)).await
    }

    /// Gets the next token.
    pub async fn refresh(&self, refresh_token: &str, scope: Option<&str>) -> Answer {
        let mut form = vec![("grant_type", "refresh_token".to_owned()), ("refresh_token", refresh_token.to_owned())];
        form.extend(scope.map(|scope| ("scope", scope.to_owned())));
        self.ask(&form).await
    }

    /// Asks about a token, or revokes it.
    pub async fn question(&self, path: &str, token: &str) -> Answer {
        self.partner.form(path, &self.authenticated(&[("token", token.to_owned())]), None).await
    }

    /// A read of the API with this token and a proof, at this origin.
    pub async fn read_at(&self, origin: &str, path: &str, token: &str) -> Answer {
        let url = format!("{}{path}", self.partner.url);
        let proof = self.partner.key.proof("GET", &url, self.now(), Some(token));
        let request = self.partner.http.get(format!("{origin}{path}"));
        let request = request.header("authorization", format!("DPoP {token}")).header("dpop", proof);
        Answer::read(request.send().await.expect("an answer")).await
    }

    /// The same at the app's own gateway.
    pub async fn read(&self, path: &str, token: &str) -> Answer {
        self.read_at(&self.partner.url, path, token).await
    }

    /// The whole way with a new person: the tokens.
    pub async fn fan_tokens(&self, browser: &mut Browser, scope: &str) -> Value {
        let wish = Wish::new(scope);
        let url = self.address(&wish).await;
        let page = browser.sign_in(&url, "Mei").await;
        let back = browser.decide(&url, &page, "allow", false).await;
        self.exchange(&wish, &back.code()).await.expect_status(200)
    }
}

/// The form that exchanges a code.
pub fn exchange_form(wish: &Wish, code: &str) -> Vec<(&'static str, String)> {
    vec![
        ("grant_type", "authorization_code".to_owned()),
        ("code", code.to_owned()),
        ("redirect_uri", REDIRECT_URI.to_owned()),
        ("code_verifier", wish.verifier.clone()),
    ]
}

/// A text of a JSON object.
#[track_caller]
pub fn field<'v>(value: &'v Value, name: &str) -> &'v str {
    value[name].as_str().unwrap_or_else(|| panic!("{name} in {value}"))
}
