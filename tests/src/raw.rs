//! A partner without an SDK: builds each request piece by piece, and can break every piece.
//!
//! Shares nothing with the SDK but the contract's pure functions, so a mistake in the SDK cannot hide one in the gateway.

use std::time::{SystemTime, UNIX_EPOCH};

use aws_lc_rs::rand::{self, SystemRandom};
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _, RSA_PKCS1_SHA256, RSA_PSS_SHA256,
    RSA_PSS_SHA512, RsaKeyPair,
};
use quanzi_openapi::jose::{self, ClientAssertion, DpopClaims, Jwk, PublicKey};
use quanzi_openapi::signature::{Algorithm, Component, Draft, Message, RequestShape, content_digest};
use reqwest::{Client, Method, Response};
use rsa::pkcs1::DecodeRsaPublicKey as _;
use rsa::traits::PublicKeyParts as _;
use serde_json::{Value, json};

/// A key pair of a test.
pub enum TestKey {
    /// Ed25519.
    Ed25519(Ed25519KeyPair),
    /// P-256.
    P256(EcdsaKeyPair),
    /// RSA with 2048 bits, and what it signs requests with.
    Rsa(RsaKeyPair, Algorithm),
}

impl TestKey {
    /// A new Ed25519 key.
    pub fn ed25519() -> Self {
        Self::Ed25519(Ed25519KeyPair::generate().expect("a key"))
    }

    /// A new P-256 key.
    pub fn p256() -> Self {
        Self::P256(EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).expect("a key"))
    }

    /// A new RSA key.
    pub fn rsa() -> Self {
        Self::Rsa(RsaKeyPair::generate(KeySize::Rsa2048).expect("a key"), Algorithm::RsaPssSha512)
    }

    /// The public key.
    pub fn jwk(&self) -> Jwk {
        Jwk::new(match self {
            Self::Ed25519(pair) => PublicKey::Ed25519(pair.public_key().as_ref().try_into().expect("32 bytes")),
            Self::P256(pair) => {
                let point = pair.public_key().as_ref();
                PublicKey::P256 { x: point[1..33].try_into().expect("x"), y: point[33..65].try_into().expect("y") }
            }
            Self::Rsa(pair, _) => {
                let public = rsa::PublicKey::from_pkcs1_der(pair.public_key().as_ref()).expect("PKCS#1");
                PublicKey::Rsa { n: public.n_bytes().into_vec(), e: public.e_bytes().into_vec() }
            }
        })
    }

    /// RFC 7638.
    pub fn kid(&self) -> String {
        self.jwk().thumbprint()
    }

    /// Signs a signature base.
    pub fn sign(&self, message: &[u8]) -> Vec<u8> {
        match self {
            Self::Rsa(pair, Algorithm::RsaV15Sha256) => sign_rsa(pair, &RSA_PKCS1_SHA256, message),
            Self::Rsa(pair, _) => sign_rsa(pair, &RSA_PSS_SHA512, message),
            other => other.sign_jws(message),
        }
    }

    /// Signs a JWT.
    pub fn sign_jws(&self, message: &[u8]) -> Vec<u8> {
        match self {
            Self::Ed25519(pair) => pair.sign(message).as_ref().to_vec(),
            Self::P256(pair) => pair.sign(&system_random(), message).expect("a signature").as_ref().to_vec(),
            Self::Rsa(pair, _) => sign_rsa(pair, &RSA_PSS_SHA256, message),
        }
    }

    fn jws_alg(&self) -> &'static str {
        match self {
            Self::Ed25519(_) => "EdDSA",
            Self::P256(_) => "ES256",
            Self::Rsa(..) => "PS256",
        }
    }

    /// A signed JWT.
    pub fn jwt(&self, mut header: Value, claims: &Value) -> String {
        if header.get("alg").is_none() {
            header["alg"] = self.jws_alg().into();
        }
        let input = jose::signing_input(&header, claims).expect("json");
        jose::assemble(&input, &self.sign_jws(input.as_bytes()))
    }

    /// A client assertion for this app.
    pub fn assertion(&self, app: &str, issuer: &str, now: i64) -> String {
        let claims = ClientAssertion::new(app, issuer, &random_text(), now, 60);
        self.jwt(json!({ "kid": self.kid() }), &serde_json::to_value(claims).expect("json"))
    }

    /// A DPoP proof.
    pub fn proof(&self, method: &str, url: &str, now: i64, token: Option<&str>) -> String {
        let claims = DpopClaims::new(method, url, &random_text(), now, token).expect("an absolute URL");
        self.proof_of(&serde_json::to_value(claims).expect("json"))
    }

    /// A DPoP proof with claims of one's own.
    pub fn proof_of(&self, claims: &Value) -> String {
        self.jwt(json!({ "typ": "dpop+jwt", "jwk": self.jwk() }), claims)
    }
}

fn sign_rsa(pair: &RsaKeyPair, padding: &'static dyn aws_lc_rs::signature::RsaEncoding, message: &[u8]) -> Vec<u8> {
    let mut signature = vec![0; pair.public_modulus_len()];
    pair.sign(padding, &system_random(), message, &mut signature).expect("a signature");
    signature
}

#[expect(clippy::disallowed_methods, reason = "a test client is its own system")]
fn system_random() -> SystemRandom {
    SystemRandom::new()
}

/// 128 random bits.
pub fn random_text() -> String {
    let mut bytes = [0; 16];
    #[expect(clippy::disallowed_methods, reason = "a test client is its own system")]
    rand::fill(&mut bytes).expect("randomness");
    jose::encode_base64url(bytes)
}

/// The system's time in Unix seconds: this client has a clock of its own.
pub fn now() -> i64 {
    #[expect(clippy::disallowed_methods, reason = "a test client is its own system")]
    let now = SystemTime::now();
    i64::try_from(now.duration_since(UNIX_EPOCH).expect("after 1970").as_secs()).expect("in range")
}

/// A client for loopback.
pub fn client() -> Client {
    // reqwest wants to know even when nothing is encrypted; the second caller finds it done.
    rustls::crypto::aws_lc_rs::default_provider().install_default().ok();
    Client::builder().no_proxy().build().expect("a client")
}

/// Where its app has fans sent back to.
pub const REDIRECT_URI: &str = "https://app.example/back?kept=1";

/// A registered partner with its token.
pub struct Partner {
    /// Origin of the gateway.
    pub url: String,
    /// Its id.
    pub id: String,
    /// Its app's id.
    pub app: String,
    /// Its key.
    pub key: TestKey,
    /// Its token.
    pub token: String,
    /// The connection pool.
    pub http: Client,
}

impl Partner {
    /// Registers a partner with a new Ed25519 key and gets a token for everything.
    pub async fn register(url: &str) -> Self {
        Self::register_with(url, TestKey::ed25519()).await
    }

    /// Registers a partner with this key and gets a token for everything.
    pub async fn register_with(url: &str, key: TestKey) -> Self {
        let http = client();
        let body = json!({
            "name": "Raw partner",
            "legal_name": "Raw Partner Ltd.",
            "app": { "name": "raw", "jwks": { "keys": [key.jwk()] }, "redirect_uris": [REDIRECT_URI] },
        });
        let answer = http.post(format!("{url}/sandbox/v1/partners")).json(&body).send().await.expect("an answer");
        assert_eq!(answer.status(), 201, "registration");
        let registered: Value = answer.json().await.expect("json");
        let text = |pointer: &str| registered.pointer(pointer).and_then(Value::as_str).expect(pointer).to_owned();
        let (id, app) = (text("/partner/id"), text("/app/id"));
        let mut partner = Self { url: url.to_owned(), id, app, key, token: String::new(), http };
        partner.renew(None).await;
        partner
    }

    /// The same app at another gateway of the same platform, with a token from there.
    pub async fn at(&self, url: &str) -> Self {
        let TestKey::Ed25519(pair) = &self.key else { panic!("only Ed25519 keys can be copied") };
        let bytes = pair.to_pkcs8v1().expect("PKCS#8");
        let key = TestKey::Ed25519(Ed25519KeyPair::from_pkcs8(bytes.as_ref()).expect("a key"));
        let (id, app) = (self.id.clone(), self.app.clone());
        let mut there = Self { url: url.to_owned(), id, app, key, token: String::new(), http: client() };
        there.renew(None).await;
        there
    }

    /// Gets another token with these scopes (all when `None`), and uses it from now on.
    pub async fn renew(&mut self, scope: Option<&str>) {
        let token = self.fetch_token(scope).await.expect_status(200);
        token["access_token"].as_str().expect("a token").clone_into(&mut self.token);
    }

    /// Asks for a token with these scopes (all when `None`).
    pub async fn fetch_token(&self, scope: Option<&str>) -> Answer {
        let url = format!("{}/oauth/token", self.url);
        let mut form = vec![
            ("grant_type", "client_credentials".to_owned()),
            ("client_assertion_type", quanzi_openapi::oauth::ASSERTION_TYPE.to_owned()),
            ("client_assertion", self.key.assertion(&self.app, &self.url, now())),
        ];
        form.extend(scope.map(|scope| ("scope", scope.to_owned())));
        let proof = self.key.proof("POST", &url, now(), None);
        self.form("/oauth/token", &form, Some(&proof)).await
    }

    /// Sends a form to an OAuth endpoint.
    pub async fn form(&self, path: &str, form: &[(&str, String)], proof: Option<&str>) -> Answer {
        let mut body = url::form_urlencoded::Serializer::new(String::new());
        for (name, value) in form {
            body.append_pair(name, value);
        }
        let mut request = self
            .http
            .post(format!("{}{path}", self.url))
            .header("content-type", "application/x-www-form-urlencoded")
            .body(body.finish());
        if let Some(proof) = proof {
            request = request.header("dpop", proof);
        }
        Answer::read(request.send().await.expect("an answer")).await
    }

    /// A request in the making.
    pub fn request(&self, method: &str, path: &str) -> Request<'_> {
        Request {
            partner: self,
            method: method.to_owned(),
            path: path.to_owned(),
            signed_url: None,
            signed_method: None,
            headers: vec![("authorization".to_owned(), format!("DPoP {}", self.token))],
            body: None,
            signature: Some(Signing::default()),
        }
    }

    /// A signed read.
    pub async fn get(&self, path: &str) -> Answer {
        self.request("GET", path).send().await
    }

    /// A signed change with a JSON body.
    pub async fn post(&self, path: &str, body: Value) -> Answer {
        self.request("POST", path).json(&body).send().await
    }
}

/// How a request is signed; what is `None` is done right.
#[derive(Debug, Clone, Default)]
pub struct Signing {
    /// Unix seconds.
    pub created: Option<i64>,
    /// The nonce.
    pub nonce: Option<String>,
    /// The key's id.
    pub keyid: Option<String>,
    /// The tag.
    pub tag: Option<String>,
    /// Component identifiers, such as `"@method"` with the quotes.
    pub components: Option<Vec<String>>,
    /// Parameters added behind the others, such as `;alg="ed25519"`.
    pub extra_params: String,
}

/// A request in the making.
pub struct Request<'p> {
    partner: &'p Partner,
    method: String,
    path: String,
    signed_url: Option<String>,
    signed_method: Option<String>,
    headers: Vec<(String, String)>,
    body: Option<Vec<u8>>,
    signature: Option<Signing>,
}

/// A request with all its headers.
#[derive(Debug, Clone)]
pub struct Ready {
    /// Method.
    pub method: String,
    /// URL.
    pub url: String,
    /// Headers, signed.
    pub headers: Vec<(String, String)>,
    /// Body.
    pub body: Option<Vec<u8>>,
    /// The base that was signed.
    pub base: String,
}

impl Request<'_> {
    /// With this header.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// With this authorization instead of the token.
    #[must_use]
    pub fn authorization(mut self, value: Option<&str>) -> Self {
        self.headers.retain(|(name, _)| name != "authorization");
        self.headers.extend(value.map(|value| ("authorization".to_owned(), value.to_owned())));
        self
    }

    /// With this JSON body and its digest.
    #[must_use]
    pub fn json(self, body: &Value) -> Self {
        self.bytes("application/json", body.to_string().into_bytes())
    }

    /// With this body and its digest.
    #[must_use]
    pub fn bytes(mut self, content_type: &str, body: Vec<u8>) -> Self {
        self.headers.push(("content-type".to_owned(), content_type.to_owned()));
        self.headers.push(("content-digest".to_owned(), content_digest(&body)));
        self.body = Some(body);
        self
    }

    /// Signed in another way.
    #[must_use]
    pub fn signing(mut self, change: impl FnOnce(&mut Signing)) -> Self {
        change(self.signature.get_or_insert_default());
        self
    }

    /// Not signed.
    #[must_use]
    pub fn unsigned(mut self) -> Self {
        self.signature = None;
        self
    }

    /// Signed for another URL than it is sent to.
    #[must_use]
    pub fn signed_for(mut self, url: &str) -> Self {
        self.signed_url = Some(url.to_owned());
        self
    }

    /// Signed for another method than it is sent with.
    #[must_use]
    pub fn signed_as(mut self, method: &str) -> Self {
        self.signed_method = Some(method.to_owned());
        self
    }

    /// Everything but sending.
    pub fn ready(self) -> Ready {
        let url = format!("{}{}", self.partner.url, self.path);
        let mut headers = self.headers;
        let mut base = String::new();
        if let Some(signing) = &self.signature {
            let views: Vec<(&str, &[u8])> =
                headers.iter().map(|(name, value)| (name.as_str(), value.as_bytes())).collect();
            let signed_url = self.signed_url.as_deref().unwrap_or(&url);
            let method = self.signed_method.as_deref().unwrap_or(&self.method);
            let message = Message::request(method, signed_url, &views).expect("a message");
            let shape = RequestShape::of(&message, self.body.is_some());
            let components: Vec<Component> = match &signing.components {
                Some(named) => named.iter().map(|text| Component::parse(text).expect("a component")).collect(),
                None => shape.components().collect(),
            };
            let keyid = signing.keyid.clone().unwrap_or_else(|| self.partner.key.kid());
            let nonce = signing.nonce.clone().unwrap_or_else(random_text);
            let tag = signing.tag.as_deref().unwrap_or("fapi-2-request");
            let draft = Draft::custom(components, signing.created.unwrap_or_else(now), Some(&nonce), &keyid, tag);
            let draft = draft.expect("a draft");
            let drafted = draft.base(&message).expect("a base");
            base = format!("{drafted}{}", signing.extra_params);
            let signed = draft.finish("sig", &self.partner.key.sign(base.as_bytes())).expect("headers");
            headers.push(("signature-input".to_owned(), format!("{}{}", signed.signature_input, signing.extra_params)));
            headers.push(("signature".to_owned(), signed.signature));
        }
        Ready { method: self.method, url, headers, body: self.body, base }
    }

    /// Sends it.
    pub async fn send(self) -> Answer {
        let http = self.partner.http.clone();
        self.ready().send(&http).await
    }
}

impl Ready {
    /// Replaces the value of a header after signing.
    #[must_use]
    pub fn tampered(mut self, name: &str, change: impl FnOnce(&str) -> String) -> Self {
        let field = self.headers.iter_mut().find(|(there, _)| there == name).expect("the header is there");
        field.1 = change(&field.1);
        self
    }

    /// Sends it, and leaves the answer unread.
    pub async fn open(self, http: &Client) -> Response {
        let mut request =
            http.request(self.method.parse().expect("a method"), &self.url).body(self.body.unwrap_or_default());
        for (name, value) in &self.headers {
            request = request.header(name, value);
        }
        request.send().await.expect("an answer")
    }

    /// Sends it.
    pub async fn send(self, http: &Client) -> Answer {
        let method: Method = self.method.parse().expect("a method");
        let mut request = http.request(method, &self.url);
        for (name, value) in &self.headers {
            request = request.header(name, value);
        }
        if let Some(body) = self.body {
            request = request.body(body);
        }
        Answer::read(request.send().await.expect("an answer")).await
    }
}

/// An answer, read whole.
#[derive(Debug)]
pub struct Answer {
    /// Status.
    pub status: u16,
    /// Headers.
    pub headers: Vec<(String, String)>,
    /// The bytes.
    pub bytes: Vec<u8>,
}

impl Answer {
    /// Reads it; of a stream of events, which may never end, only the head.
    pub async fn read(response: Response) -> Self {
        let status = response.status().as_u16();
        let headers = response.headers().iter();
        let headers =
            headers.map(|(name, value)| (name.to_string(), String::from_utf8_lossy(value.as_bytes()).into())).collect();
        let mut answer = Self { status, headers, bytes: Vec::new() };
        if answer.header("content-type") != Some("text/event-stream") {
            answer.bytes = response.bytes().await.expect("a body").to_vec();
        }
        answer
    }

    /// The body as JSON; null when there is none.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.bytes).unwrap_or(Value::Null)
    }

    /// The header, if it is there.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(there, _)| there == name).map(|(_, value)| value.as_str())
    }

    /// The body, when the status is the expected one.
    #[track_caller]
    pub fn expect_status(&self, status: u16) -> Value {
        assert_eq!(self.status, status, "{}", String::from_utf8_lossy(&self.bytes));
        self.json()
    }

    /// Checks that it is a proper refusal with this code, and gives it back.
    #[track_caller]
    pub fn expect_refusal(&self, status: u16, code: &str) -> Value {
        let body = self.expect_status(status);
        assert_eq!(body["code"], code, "{body}");
        assert_eq!(body["status"], status, "{body}");
        assert_eq!(self.header("content-type"), Some("application/problem+json"));
        assert_eq!(self.header("request-id"), body["request_id"].as_str());
        body
    }

    /// Checks that it is a proper OAuth error, and gives it back.
    #[track_caller]
    pub fn expect_oauth_error(&self, status: u16, error: &str) -> Value {
        let body = self.expect_status(status);
        assert_eq!(body["error"], error, "{body}");
        assert_eq!(self.header("cache-control"), Some("no-store"));
        body
    }
}
