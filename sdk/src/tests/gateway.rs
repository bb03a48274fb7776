//! A gateway for tests: metadata, keys, tokens and signatures as the contract has them, answers as the test wants them.
//!
//! It checks every request as the real one does, so a test that passes has signed correctly.

use std::collections::HashSet;
use std::fmt::Write as _;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU32, Ordering};
use std::sync::{Arc, Mutex};

use quanzi_openapi::ErrorCode;
use quanzi_openapi::id::AppId;
use quanzi_openapi::jose::{
    AssertionError, ClientAssertion, Compact, DpopClaims, DpopExpectation, Jwk, encode_base64url,
};
use quanzi_openapi::oauth::{ResourceMetadata, ServerMetadata};
use quanzi_openapi::scope::Scope;
use quanzi_openapi::signature::{
    CONTENT_DIGEST, ContentDigest, Draft, Message, RequestShape, ResponseShape, SignatureError, base, content_digest,
    examine_request,
};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use crate::system::System;
use crate::verifier::fits;
use crate::{Client, ClientBuilder, Key};

/// A request as it arrived.
#[derive(Clone, Debug)]
pub(super) struct Seen {
    pub(super) method: String,
    pub(super) target: String,
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: Vec<u8>,
}

impl Seen {
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(other, _)| other == name).map(|(_, value)| value.as_str())
    }

    pub(super) fn path(&self) -> &str {
        self.target.split('?').next().unwrap()
    }

    fn lines(&self) -> Vec<(&str, &[u8])> {
        self.headers.iter().map(|(name, value)| (name.as_str(), value.as_bytes())).collect()
    }

    pub(super) fn form(&self, name: &str) -> Option<String> {
        url::form_urlencoded::parse(&self.body).find(|(other, _)| other == name).map(|(_, value)| value.into_owned())
    }
}

/// What the test answers with.
#[derive(Clone)]
pub(super) struct Reply {
    pub(super) status: u16,
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: Vec<u8>,
    pub(super) seal: Seal,
}

/// How an answer is signed.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Seal {
    Good,
    None,
    /// By a key nobody published.
    ForeignKey,
    /// Over another body than the one sent.
    OtherBody,
    /// For another request.
    OtherRequest,
    /// The connection is cut instead.
    Cut,
}

impl Reply {
    pub(super) fn json(status: u16, body: &Value) -> Self {
        let headers = vec![("content-type".to_owned(), "application/json".to_owned())];
        Self { status, headers, body: body.to_string().into_bytes(), seal: Seal::Good }
    }

    pub(super) fn empty(status: u16) -> Self {
        Self { status, headers: Vec::new(), body: Vec::new(), seal: Seal::Good }
    }

    pub(super) fn problem(code: ErrorCode, more: &Value) -> Self {
        let mut problem = json!({
            "type": format!("http://quanzi.test{}", code.page()), "title": code.title(), "status": code.status(),
            "code": code.as_str(), "detail": code.remedy(), "request_id": "req_test", "retryable": code.retryable(),
        });
        problem.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        Self::json(code.status(), &problem).header("content-type", "application/problem+json")
    }

    pub(super) fn cut() -> Self {
        Self::empty(200).seal(Seal::Cut)
    }

    pub(super) fn seal(mut self, seal: Seal) -> Self {
        self.seal = seal;
        self
    }

    pub(super) fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.retain(|(other, _)| other != name);
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }
}

/// What is wrong with id tokens.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Forgery {
    /// Nothing.
    None,
    /// The claims were changed after signing.
    Claims,
    /// Signed with the gateway's other key: published, but not for this.
    OtherKey,
    /// There is none.
    Missing,
}

/// The fan's side: what was pushed, and what comes of it.
pub(super) struct FanSide {
    pub(super) pushed: Option<Seen>,
    /// Claims of id tokens, instead of good ones.
    pub(super) claims: Value,
    pub(super) forgery: Forgery,
    /// The fan took the consent back.
    pub(super) ended: bool,
    key: Key,
}

pub(super) const FAN: &str = "fan_01JD8Z6T5M3Q9V0K7W2X4Y6Z8A";

type Handler = dyn Fn(&Seen, usize) -> Reply + Send + Sync;

/// The gateway, and what a test may turn.
pub(super) struct Gateway {
    pub(super) url: String,
    pub(super) app: AppId,
    pub(super) key: Key,
    pub(super) state: Arc<State>,
}

pub(super) struct State {
    app: AppId,
    app_key: Jwk,
    signing_key: Mutex<Key>,
    handler: Box<Handler>,
    system: System,
    seen: Mutex<Vec<Seen>>,
    used: Mutex<HashSet<String>>,
    /// The gateway's clock minus the machine's.
    pub(super) ahead_seconds: AtomicI64,
    pub(super) token_life_seconds: AtomicI64,
    /// Tokens up to this number are revoked.
    pub(super) revoked: AtomicU32,
    tokens: AtomicU32,
    pub(super) wants_dpop_nonce: AtomicBool,
    /// Answers of the token endpoint that come before any other.
    pub(super) token_answers: Mutex<Vec<Reply>>,
    pub(super) publishes_keys: AtomicBool,
    pub(super) name: Mutex<String>,
    pub(super) fans: Mutex<FanSide>,
}

impl Gateway {
    /// `handler` answers API calls whose token and signature are good; it is told how many came before.
    pub(super) async fn start(handler: impl Fn(&Seen, usize) -> Reply + Send + Sync + 'static) -> Self {
        Self::start_for(Key::generate().unwrap(), handler).await
    }

    pub(super) async fn start_for(key: Key, handler: impl Fn(&Seen, usize) -> Reply + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let app: AppId = "app_01JD8Z6T5M3Q9V0K7W2X4Y6Z8A".parse().unwrap();
        let state = Arc::new(State {
            app,
            app_key: key.public_jwk().clone(),
            signing_key: Mutex::new(Key::generate().unwrap()),
            handler: Box::new(handler),
            system: System::new(),
            seen: Mutex::default(),
            used: Mutex::default(),
            ahead_seconds: AtomicI64::new(0),
            token_life_seconds: AtomicI64::new(300),
            revoked: AtomicU32::new(0),
            tokens: AtomicU32::new(0),
            wants_dpop_nonce: AtomicBool::new(false),
            token_answers: Mutex::default(),
            publishes_keys: AtomicBool::new(true),
            name: Mutex::new(url.clone()),
            fans: Mutex::new(FanSide {
                pushed: None,
                claims: json!({}),
                forgery: Forgery::None,
                ended: false,
                key: Key::from_pem(super::keys::P256_PEM).unwrap(),
            }),
        });
        let server = Arc::clone(&state);
        tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                tokio::spawn(serve(stream, Arc::clone(&server)));
            }
        });
        Self { url, app, key, state }
    }

    pub(super) fn builder(&self) -> ClientBuilder {
        Client::builder(&self.url).app(self.app, self.key.clone())
    }

    pub(super) fn client(&self) -> Client {
        self.builder().build().unwrap()
    }

    /// Every API call that arrived, refused ones included.
    pub(super) fn calls(&self) -> Vec<Seen> {
        self.state.seen.lock().unwrap().iter().filter(|seen| is_api(seen)).cloned().collect()
    }

    pub(super) fn count(&self, path: &str) -> usize {
        self.state.seen.lock().unwrap().iter().filter(|seen| seen.path() == path).count()
    }

    /// From now on answers are signed with a new key.
    pub(super) fn rotate(&self) {
        self.signs_with(Key::generate().unwrap());
    }

    pub(super) fn signs_with(&self, key: Key) {
        *self.state.signing_key.lock().unwrap() = key;
    }

    /// Time passes, for the client and for the gateway.
    pub(super) fn pass(&self, client: &Client, time: std::time::Duration) {
        client.system().test.pass(time);
        self.state.ahead_seconds.fetch_add(time.as_secs().cast_signed(), Ordering::Relaxed);
    }

    /// A field of the last token request.
    pub(super) fn token_form(&self, name: &str) -> Option<String> {
        self.state.seen.lock().unwrap().iter().rev().find(|seen| seen.path() == "/oauth/token")?.form(name)
    }
}

fn is_api(seen: &Seen) -> bool {
    seen.target.starts_with("/v1") || seen.target.starts_with("/sandbox")
}

async fn serve(mut stream: TcpStream, state: Arc<State>) {
    while let Some(seen) = read(&mut stream).await {
        let reply = state.answer(&seen);
        state.seen.lock().unwrap().push(seen.clone());
        if reply.seal == Seal::Cut {
            return;
        }
        let reply = state.sealed(&seen, reply);
        let mut head = format!("HTTP/1.1 {} X\r\ncontent-length: {}\r\n", reply.status, reply.body.len());
        for (name, value) in &reply.headers {
            write!(head, "{name}: {value}\r\n").unwrap();
        }
        let bytes = [head.as_bytes(), b"\r\n", &reply.body].concat();
        if stream.write_all(&bytes).await.is_err() {
            return;
        }
    }
}

async fn read(stream: &mut TcpStream) -> Option<Seen> {
    let mut bytes = Vec::new();
    let head = loop {
        if let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
            break end;
        }
        if stream.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    };
    let text = String::from_utf8(bytes[..head].to_vec()).unwrap();
    let mut lines = text.split("\r\n");
    let mut first = lines.next()?.split(' ');
    let (method, target) = (first.next()?.to_owned(), first.next()?.to_owned());
    let headers: Vec<(String, String)> = lines
        .filter_map(|line| line.split_once(": "))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()))
        .collect();
    let length =
        headers.iter().find(|(name, _)| name == "content-length").map_or(0, |(_, value)| value.parse().unwrap());
    let mut body = bytes[head + 4..].to_vec();
    while body.len() < length {
        if stream.read_buf(&mut body).await.ok()? == 0 {
            return None;
        }
    }
    Some(Seen { method, target, headers, body })
}

impl State {
    fn now(&self) -> i64 {
        self.system.now_seconds() + self.ahead_seconds.load(Ordering::Relaxed)
    }

    fn answer(&self, seen: &Seen) -> Reply {
        let name = self.name.lock().unwrap().clone();
        let to_json = |value: Value| Reply::json(200, &value).seal(Seal::None);
        match seen.path() {
            "/.well-known/oauth-protected-resource" => {
                to_json(serde_json::to_value(ResourceMetadata::new(&name, &Scope::ALL)).unwrap())
            }
            "/.well-known/oauth-authorization-server" => {
                to_json(serde_json::to_value(ServerMetadata::new(&name, &Scope::ALL)).unwrap())
            }
            "/oauth/jwks" => to_json(self.jwks()),
            "/oauth/par" => self.push(seen).header("date", &quanzi_openapi::Time::from_seconds(self.now()).http_date()),
            "/oauth/token" => {
                self.token(seen).header("date", &quanzi_openapi::Time::from_seconds(self.now()).http_date())
            }
            _ if !is_api(seen) => Reply::empty(404).seal(Seal::None),
            _ if seen.header("authorization").is_none() => (self.handler)(seen, 0).seal(Seal::None),
            _ => match self.check(seen) {
                Ok(()) => {
                    let before = self.seen.lock().unwrap().iter().filter(|seen| is_api(seen)).count();
                    (self.handler)(seen, before)
                }
                Err(refusal) => refusal,
            },
        }
    }

    fn jwks(&self) -> Value {
        let mut key = self.signing_key.lock().unwrap().public_jwk().clone();
        key.kid = Some(key.thumbprint());
        let keys = if self.publishes_keys.load(Ordering::Relaxed) { vec![key] } else { Vec::new() };
        let mut for_fans = self.fans.lock().unwrap().key.public_jwk().clone();
        for_fans.kid = Some(for_fans.thumbprint());
        let keys = if keys.is_empty() { keys } else { [keys, vec![for_fans]].concat() };
        let mut keys: Vec<Value> = keys.iter().map(|key| serde_json::to_value(key).unwrap()).collect();
        // A key of times to come must not disturb.
        keys.push(json!({ "kty": "AKP", "alg": "ML-DSA-65", "pub": "AAAA" }));
        json!({ "keys": keys })
    }

    /// Rules 9 to 16 and 36 to 45 of the security facts, as far as a client can break them.
    fn token(&self, seen: &Seen) -> Reply {
        if let Some(reply) = self.token_answers.lock().unwrap().pop() {
            return reply;
        }
        let refuse = |code: ErrorCode, why: &str| {
            let error = json!({ "error": code.as_str(), "error_description": why, "error_uri": "http://quanzi.test/", "request_id": "req_token" });
            Reply::json(code.status(), &error).seal(Seal::None)
        };
        let (name, now) = (self.name.lock().unwrap().clone(), self.now());
        let proof = Compact::parse(seen.header("dpop").unwrap()).unwrap();
        let (jwk, claims) = DpopClaims::read(&proof).unwrap();
        assert!(fits_jws(&jwk.key, proof.signed, &proof.signature));
        assert_eq!(jwk.thumbprint(), self.app_key.thumbprint());
        let has_valid_nonce = claims.nonce.as_deref() == Some("dpop-nonce");
        if self.wants_dpop_nonce.load(Ordering::Relaxed) && !has_valid_nonce {
            return refuse(ErrorCode::UseDpopNonce, "a nonce").header("dpop-nonce", "dpop-nonce");
        }
        let url = format!("{name}/oauth/token");
        let expected = DpopExpectation { method: "POST", url: &url, access_token: None, has_valid_nonce };
        if let Err(error) = claims.check(&expected, now) {
            return refuse(ErrorCode::InvalidDpopProof, &error.to_string());
        }
        assert!(self.used.lock().unwrap().insert(claims.jti), "a proof was sent twice");
        if let Err(error) = self.authenticate(seen) {
            return refuse(ErrorCode::InvalidClient, &error.to_string());
        }
        if seen.form("grant_type").as_deref() != Some("client_credentials")
            && let Err(error) = self.consented(seen)
        {
            return refuse(ErrorCode::InvalidGrant, error);
        }
        let number = self.tokens.fetch_add(1, Ordering::Relaxed) + 1;
        let life = self.token_life_seconds.load(Ordering::Relaxed);
        let scope = seen.form("scope").unwrap_or_else(|| "openid circles:join".to_owned());
        let mut token = json!({ "access_token": format!("secret-token-{number}"), "token_type": "DPoP", "expires_in": life, "scope": scope });
        if seen.form("grant_type").as_deref() == Some("authorization_code") {
            token["refresh_token"] = json!("secret-refresh");
            token["id_token"] = self.id_token().into();
        }
        Reply::json(200, &token).seal(Seal::None)
    }

    /// Whether the form proves to come from the app.
    fn authenticate(&self, seen: &Seen) -> Result<(), AssertionError> {
        let text = seen.form("client_assertion").unwrap();
        let assertion = Compact::parse(&text).unwrap();
        let client: ClientAssertion = assertion.claims().unwrap();
        assert!(fits_jws(&self.app_key.key, assertion.signed, &assertion.signature));
        assert_eq!(assertion.header.kid.as_deref(), Some(self.app_key.thumbprint().as_str()));
        assert!(self.used.lock().unwrap().insert(client.jti.clone()), "an assertion was sent twice");
        let name = self.name.lock().unwrap().clone();
        client.check(&self.app.to_string(), &name, self.now())
    }

    fn push(&self, seen: &Seen) -> Reply {
        if let Err(error) = self.authenticate(seen) {
            let refusal = json!({ "error": "invalid_client", "error_description": error.to_string(), "error_uri": "http://quanzi.test/", "request_id": "req_push" });
            return Reply::json(401, &refusal).seal(Seal::None);
        }
        self.fans.lock().unwrap().pushed = Some(seen.clone());
        let pushed = json!({ "request_uri": "urn:ietf:params:oauth:request_uri:pushed", "expires_in": 90 });
        Reply::json(201, &pushed).seal(Seal::None)
    }

    /// Whether a code or a refresh token is good.
    fn consented(&self, seen: &Seen) -> Result<(), &'static str> {
        let fans = self.fans.lock().unwrap();
        if fans.ended {
            return Err("the fan took it back");
        }
        if seen.form("grant_type").as_deref() == Some("refresh_token") {
            let known = seen.form("refresh_token").as_deref() == Some("secret-refresh");
            return if known { Ok(()) } else { Err("the refresh token") };
        }
        let pushed = fans.pushed.as_ref().unwrap();
        let verifier = seen.form("code_verifier").unwrap();
        let challenge = encode_base64url(ring::digest::digest(&ring::digest::SHA256, verifier.as_bytes()));
        assert_eq!(pushed.form("code_challenge"), Some(challenge));
        assert_eq!(pushed.form("redirect_uri"), seen.form("redirect_uri"));
        assert_eq!(pushed.form("dpop_jkt"), Some(self.app_key.thumbprint()));
        if seen.form("code").as_deref() == Some("good-code") { Ok(()) } else { Err("the code") }
    }

    fn id_token(&self) -> Option<String> {
        let (fans, now) = (self.fans.lock().unwrap(), self.now());
        let name = self.name.lock().unwrap().clone();
        let nonce = fans.pushed.as_ref().unwrap().form("nonce");
        let mut claims = json!({
            "iss": name, "aud": self.app.to_string(), "sub": FAN, "nonce": nonce, "iat": now, "exp": now + 300, "auth_time": now - 10,
        });
        claims.as_object_mut().unwrap().extend(fans.claims.as_object().unwrap().clone());
        let token = fans.key.jws("JWT", false, &claims).unwrap();
        match fans.forgery {
            Forgery::None => Some(token),
            Forgery::Missing => None,
            Forgery::OtherKey => Some(self.signing_key.lock().unwrap().jws("JWT", false, &claims).unwrap()),
            Forgery::Claims => {
                let parts: Vec<&str> = token.split('.').collect();
                claims["sub"] = json!("fan_01JD8Z6T5M3Q9V0K7W2X4Y6Z8B");
                Some(format!("{}.{}.{}", parts[0], encode_base64url(claims.to_string()), parts[2]))
            }
        }
    }

    /// Token, signature, digest, nonce: as the edge does it.
    fn check(&self, seen: &Seen) -> Result<(), Reply> {
        let number = seen.header("authorization").and_then(|value| value.strip_prefix("DPoP secret-token-"));
        let number: u32 = number.expect("a token of this gateway").parse().unwrap();
        if number <= self.revoked.load(Ordering::Relaxed) {
            return Err(Reply::problem(ErrorCode::TokenRevoked, &json!({})));
        }
        let (lines, target) = (seen.lines(), format!("{}{}", self.name.lock().unwrap(), seen.target));
        let message = Message::request(&seen.method, &target, &lines).unwrap();
        let shape = RequestShape::of(&message, !seen.body.is_empty());
        let signature = examine_request(&message, &shape, self.now()).map_err(|error| refused(&error))?;
        assert_eq!(signature.keyid, Some(self.app_key.thumbprint()));
        let base = base(&message, &signature).unwrap();
        if !fits_algorithm(&self.app_key, base.as_bytes(), &signature.bytes) {
            return Err(refused(&SignatureError::Mismatch));
        }
        ContentDigest::check_message(message.header(CONTENT_DIGEST).next(), &seen.body)
            .map_err(|error| refused(&error))?;
        if !self.used.lock().unwrap().insert(signature.nonce.unwrap()) {
            return Err(refused(&SignatureError::NonceReplayed));
        }
        Ok(())
    }

    fn sealed(&self, seen: &Seen, mut reply: Reply) -> Reply {
        reply = reply.header("request-id", "req_test");
        if reply.seal == Seal::None {
            return reply;
        }
        assert!(
            seen.header("accept-signature")
                .is_some_and(|value| quanzi_openapi::signature::wants_signed_response(value.as_bytes()))
        );
        if !reply.body.is_empty() {
            let digested: &[u8] = if reply.seal == Seal::OtherBody { b"other" } else { &reply.body };
            reply = reply.clone().header(CONTENT_DIGEST, &content_digest(digested));
        }
        let key = match reply.seal {
            Seal::ForeignKey => Key::generate().unwrap(),
            _ => self.signing_key.lock().unwrap().clone(),
        };
        let mut asked = seen.clone();
        if reply.seal == Seal::OtherRequest {
            asked.headers.retain(|(name, _)| name != "signature");
            asked.headers.push(("signature".to_owned(), "sig=:AAAA:".to_owned()));
        }
        let (asked_lines, target) = (asked.lines(), format!("{}{}", self.name.lock().unwrap(), seen.target));
        let question = Message::request(&asked.method, &target, &asked_lines).unwrap();
        let headers = {
            let lines: Vec<(&str, &[u8])> =
                reply.headers.iter().map(|(name, value)| (name.as_str(), value.as_bytes())).collect();
            let message = Message::response(reply.status, &lines, Some(&question));
            let shape = ResponseShape::of(&message, !reply.body.is_empty());
            let draft = Draft::response(&shape, self.now(), key.thumbprint()).unwrap();
            let signature = key.sign(draft.base(&message).unwrap().as_bytes()).unwrap();
            draft.finish("res", &signature).unwrap()
        };
        reply.header("signature-input", &headers.signature_input).header("signature", &headers.signature)
    }
}

fn refused(error: &SignatureError) -> Reply {
    let code = ErrorCode::find(error.code()).unwrap();
    let report = match error {
        SignatureError::CreatedOutOfWindow { server_time, skew_seconds, .. } => {
            json!({ "server_time": server_time, "skew_seconds": skew_seconds })
        }
        _ => json!({}),
    };
    Reply::problem(code, &json!({ "signature": report, "detail": error.to_string() }))
}

fn fits_algorithm(key: &Jwk, bytes: &[u8], signature: &[u8]) -> bool {
    fits(&key.key, bytes, signature)
}

/// JWS of RSA keys use PS256, which only tokens need; the other algorithms are those of HTTP signatures.
fn fits_jws(key: &quanzi_openapi::jose::PublicKey, signed: &str, signature: &[u8]) -> bool {
    use quanzi_openapi::jose::PublicKey;
    match key {
        PublicKey::Rsa { n, e } => ring::signature::RsaPublicKeyComponents { n, e }
            .verify(&ring::signature::RSA_PSS_2048_8192_SHA256, signed.as_bytes(), signature)
            .is_ok(),
        other => fits(other, signed.as_bytes(), signature),
    }
}

/// A circle as the contract's example has it, with other members where the test wants them.
pub(super) fn circle(more: &Value) -> Value {
    use quanzi_openapi::endpoint::Reply as _;
    let mut circle = quanzi_openapi::circles::Circle::example_value();
    circle.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    circle
}
