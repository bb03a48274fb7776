//! An operator's sign-in: an OpenID Connect provider that says what a story wants it to say, to whom it should.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use actix_web::dev::ServerHandle;
use actix_web::{App, HttpRequest, HttpResponse, HttpServer, web};
use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use quanzi_openapi::jose::encode_base64url;
use serde_json::{Value, json};
use url::Url;

use crate::raw::random_text;

/// What the gateway is called there.
pub const CLIENT_ID: &str = "quanzi-gateway";
/// How it proves itself.
pub const CLIENT_SECRET: &str = "between us";

/// Claims and PKCE challenge, by code.
type Codes = Arc<Mutex<HashMap<String, (Value, String)>>>;

/// A provider.
pub struct Provider {
    /// Its issuer. Leaked, because a story's settings are plain values.
    pub issuer: &'static str,
    codes: Codes,
    server: ServerHandle,
}

impl Provider {
    /// Starts it.
    pub fn start() -> Self {
        let codes = Codes::default();
        let shared = Arc::clone(&codes);
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
        let issuer: &'static str =
            Box::leak(format!("http://{}", listener.local_addr().expect("an address")).into_boxed_str());
        let server = HttpServer::new(move || {
            let codes = Arc::clone(&shared);
            App::new()
                .route("/.well-known/openid-configuration", web::get().to(move || async move { places(issuer) }))
                .route(
                    "/token",
                    web::post().to(move |http: HttpRequest, form: web::Form<HashMap<String, String>>| {
                        let answer = token(&codes, &http, &form);
                        async move { answer }
                    }),
                )
        });
        let server = server.workers(1).disable_signals().listen(listener).expect("listening").run();
        let handle = server.handle();
        tokio::spawn(server);
        Self { issuer, codes, server: handle }
    }

    /// A person signs in who was sent here: where the browser goes back to. The claims are those every id token has, and these.
    pub fn sign_in(&self, sent_to: &str, now: i64, more: &Value) -> String {
        let url = Url::parse(sent_to).expect("a URL");
        let asked: HashMap<String, String> =
            url.query_pairs().map(|(name, value)| (name.into_owned(), value.into_owned())).collect();
        assert!(sent_to.starts_with(&format!("{}/authorize?", self.issuer)), "{sent_to}");
        assert_eq!((asked["client_id"].as_str(), asked["response_type"].as_str()), (CLIENT_ID, "code"));
        assert_eq!(asked["code_challenge_method"], "S256");
        let mut claims = json!({ "iss": self.issuer, "aud": CLIENT_ID, "exp": now + 60, "nonce": asked["nonce"] });
        // Said where it was asked for (OpenID Connect Core, 2).
        if asked.contains_key("max_age") {
            claims["auth_time"] = now.into();
        }
        for (name, value) in more.as_object().expect("claims") {
            claims[name] = value.clone();
        }
        let code = random_text();
        self.codes.lock().expect("unpoisoned").insert(code.clone(), (claims, asked["code_challenge"].clone()));
        let mut back = Url::parse(&asked["redirect_uri"]).expect("a URL");
        back.query_pairs_mut().append_pair("code", &code).append_pair("state", &asked["state"]);
        back.into()
    }

    /// Stops it.
    pub async fn stop(self) {
        self.server.stop(false).await;
    }
}

fn places(issuer: &str) -> HttpResponse {
    HttpResponse::Ok().json(json!({
        "issuer": issuer,
        "authorization_endpoint": format!("{issuer}/authorize"),
        "token_endpoint": format!("{issuer}/token"),
    }))
}

fn token(codes: &Codes, http: &HttpRequest, form: &HashMap<String, String>) -> HttpResponse {
    let secret = url::form_urlencoded::byte_serialize(CLIENT_SECRET.as_bytes()).collect::<String>();
    let wanted = format!("Basic {}", STANDARD.encode(format!("{CLIENT_ID}:{secret}")));
    let sent = http.headers().get("authorization").and_then(|field| field.to_str().ok());
    let known = form.get("code").and_then(|code| codes.lock().expect("unpoisoned").remove(code));
    let verifier = form.get("code_verifier").cloned().unwrap_or_default();
    match known {
        Some((claims, challenge))
            if sent == Some(wanted.as_str()) && encode_base64url(digest(&SHA256, verifier.as_bytes())) == challenge =>
        {
            let part = |value: Value| encode_base64url(value.to_string());
            // The gateway has it over TLS in earnest, and does not look at the signature.
            let id_token = format!("{}.{}.c2lnbmVk", part(json!({ "alg": "RS256" })), part(claims));
            HttpResponse::Ok().json(json!({ "access_token": "a", "token_type": "Bearer", "id_token": id_token }))
        }
        _ => HttpResponse::BadRequest().json(json!({ "error": "invalid_grant" })),
    }
}
