//! Fans: asked once, believed only on proof, and spoken for until they take it back.

use std::collections::HashMap;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::future::join_all;
use quanzi_openapi::ErrorCode;
use serde_json::json;

use super::gateway::{FAN, Forgery, Gateway, Reply};
use crate::authorize::{Begun, Denial, FanTokens, PendingAuthorization, Prompt, SealingKey, Stored, TokenStore};
use crate::id::FanId;
use crate::{Client, Error, ErrorKind, FanScope};

const BACK: &str = "https://whisker.example/back?kept=1";

async fn gateway() -> Gateway {
    Gateway::start(|_, _| {
        let me = json!({ "fan": FAN, "scopes": [], "created_at": "2026-11-21T08:00:00Z" });
        Reply::json(200, &me)
    })
    .await
}

async fn begin(client: &Client) -> Begun {
    client.authorize(BACK).scopes([FanScope::CirclesJoin]).begin().await.unwrap()
}

/// The state that was pushed last.
fn pushed(gateway: &Gateway, name: &str) -> Option<String> {
    gateway.state.fans.lock().unwrap().pushed.as_ref().unwrap().form(name)
}

/// What the browser brings, with these parameters besides a good issuer and state.
fn answer(gateway: &Gateway, more: &str) -> String {
    let state = pushed(gateway, "state").unwrap();
    format!("kept=1&iss={}&state={state}&{more}", gateway.url)
}

async fn tokens(gateway: &Gateway, client: &Client) -> Result<FanTokens, Error> {
    let begun = begin(client).await;
    begun.pending.finish(client, &answer(gateway, "code=good-code")).await
}

async fn read(fan: &Client) -> Result<(), Error> {
    fan.raw(crate::Method::Get, "/v1/me").await.and_then(|reply| match reply.problem() {
        Some(problem) => Err(Error::refused(problem)),
        None => Ok(()),
    })
}

#[tokio::test]
async fn a_fan_is_asked_and_comes_back() {
    let gateway = gateway().await;
    let client = gateway.client();

    let begun = client
        .authorize(BACK)
        .scopes([FanScope::CirclesJoin, FanScope::OpenId])
        .prompt(Prompt::Login)
        .prompt(Prompt::Consent)
        .max_age(Duration::from_mins(1))
        .begin()
        .await
        .unwrap();
    let query = answer(&gateway, "code=good-code");
    let tokens = begun.pending.finish(&client, &query).await.unwrap();

    let request =
        "client_id=app_01JD8Z6T5M3Q9V0K7W2X4Y6Z8A&request_uri=urn%3Aietf%3Aparams%3Aoauth%3Arequest_uri%3Apushed";
    assert_eq!(begun.url, format!("{}/oauth/authorize?{request}", gateway.url));
    let asked = ["scope", "prompt", "max_age", "redirect_uri", "response_type", "code_challenge_method"];
    let asked = asked.map(|name| pushed(&gateway, name).unwrap());
    assert_eq!(asked, ["openid circles:join", "login consent", "60", BACK, "code", "S256"]);
    assert_eq!((tokens.fan.to_string().as_str(), tokens.refresh.secret().as_str()), (FAN, "secret-refresh"));
    assert_eq!(tokens.scopes, [FanScope::OpenId, FanScope::CirclesJoin]);
    assert!(read(&client.as_fan(tokens).unwrap()).await.is_ok());
}

#[tokio::test]
async fn every_request_has_a_state_a_nonce_and_a_verifier_of_its_own() {
    let gateway = gateway().await;
    let client = gateway.client();
    let names = ["state", "nonce", "code_challenge"];

    begin(&client).await;
    let first = names.map(|name| pushed(&gateway, name).unwrap());
    begin(&client).await;
    let second = names.map(|name| pushed(&gateway, name).unwrap());

    assert!(first.iter().zip(&second).all(|(one, other)| one != other && one.len() >= 22), "{first:?} {second:?}");
}

#[tokio::test]
async fn an_answer_for_another_browser_is_not_taken() {
    let gateway = gateway().await;
    let client = gateway.client();
    for broken in [
        "code=good-code&state=STATE",
        "code=good-code&iss=https://evil.example&state=STATE",
        "code=good-code&iss=ISSUER&state=other",
        "code=good-code&iss=ISSUER",
        "error=access_denied&iss=ISSUER&state=other",
        "code=good-code&iss=ISSUER&state=other&state=STATE",
        "code=good-code&code=other&iss=ISSUER&state=STATE",
        "iss=ISSUER&state=STATE",
    ] {
        let begun = begin(&client).await;
        let query = broken.replace("ISSUER", &gateway.url).replace("STATE", &pushed(&gateway, "state").unwrap());

        let refused = begun.pending.finish(&client, &query).await.unwrap_err();

        assert_eq!((refused.kind(), refused.denial()), (ErrorKind::AuthorizationNotVerified, None), "{query}");
    }
    assert_eq!(gateway.count("/oauth/token"), 0);
}

#[tokio::test]
async fn a_no_of_the_fan_has_a_type() {
    let gateway = gateway().await;
    let client = gateway.client();
    for (error, denial) in [
        ("access_denied", Some(Denial::AccessDenied)),
        ("login_required", Some(Denial::LoginRequired)),
        ("consent_required", Some(Denial::ConsentRequired)),
        ("of_times_to_come", None),
    ] {
        let begun = begin(&client).await;

        let refused = begun.pending.finish(&client, &answer(&gateway, &format!("error={error}"))).await.unwrap_err();

        assert_eq!(refused.kind(), ErrorKind::AuthorizationDenied);
        assert_eq!(refused.denial().unwrap().known().copied(), denial);
        assert!(refused.to_string().contains(error), "{refused}");
    }
    assert_eq!(gateway.count("/oauth/token"), 0);
}

#[tokio::test]
async fn an_id_token_that_is_not_ours_names_nobody() {
    let good = json!({});
    for (forgery, claims) in [
        (Forgery::Claims, good.clone()),
        (Forgery::OtherKey, good.clone()),
        (Forgery::Missing, good.clone()),
        (Forgery::None, json!({ "nonce": "other" })),
        (Forgery::None, json!({ "nonce": null })),
        (Forgery::None, json!({ "iss": "https://evil.example" })),
        (Forgery::None, json!({ "aud": "app_01JD8Z6T5M3Q9V0K7W2X4Y6Z8B" })),
        (Forgery::None, json!({ "exp": 1_000_000_000 })),
        (Forgery::None, json!({ "iat": 4_000_000_000_i64 })),
        (Forgery::None, json!({ "sub": "psn_01JD8Z6T5M3Q9V0K7W2X4Y6Z8A" })),
    ] {
        let gateway = gateway().await;
        gateway.state.fans.lock().unwrap().claims.clone_from(&claims);
        gateway.state.fans.lock().unwrap().forgery = forgery;

        let refused = tokens(&gateway, &gateway.client()).await.unwrap_err();

        assert_eq!(refused.kind(), ErrorKind::AuthorizationNotVerified, "{claims} {refused}");
    }
}

#[tokio::test]
async fn who_signed_in_too_long_ago_is_not_taken() {
    for (max_age, is_taken) in [(5, true), (1, false)] {
        let gateway = gateway().await;
        let client = gateway.client();
        let ago = client.system().now_seconds() - if is_taken { 10 } else { 60 };
        gateway.state.fans.lock().unwrap().claims = json!({ "auth_time": ago });
        let begun = client.authorize(BACK).max_age(Duration::from_secs(max_age)).begin().await.unwrap();

        let finished = begun.pending.finish(&client, &answer(&gateway, "code=good-code")).await;

        assert_eq!(finished.is_ok(), is_taken, "{finished:?}");
    }
}

#[tokio::test]
async fn a_code_whose_answer_is_lost_is_not_sent_again() {
    let gateway = gateway().await;
    let client = gateway.client();
    let begun = begin(&client).await;
    *gateway.state.token_answers.lock().unwrap() = vec![Reply::cut()];

    let lost = begun.pending.finish(&client, &answer(&gateway, "code=good-code")).await.unwrap_err();

    assert_eq!((lost.kind(), gateway.count("/oauth/token")), (ErrorKind::Connection, 1));
}

#[tokio::test]
async fn a_wrong_clock_does_not_keep_fans_out() {
    let gateway = gateway().await;
    let client = gateway.client();
    client.system().test.wrong_seconds.store(-7_200, Ordering::Relaxed);

    let tokens = tokens(&gateway, &client).await;

    assert!(tokens.is_ok(), "{tokens:?}");
    assert_eq!(gateway.count("/oauth/par"), 2);
}

#[tokio::test]
async fn many_callers_renew_once() {
    let gateway = gateway().await;
    let client = gateway.client();
    let fan = client.as_fan(tokens(&gateway, &client).await.unwrap()).unwrap();
    gateway.pass(&client, Duration::from_mins(10));

    let answers = join_all((0..20).map(|_| read(&fan))).await;

    assert!(answers.iter().all(Result::is_ok));
    assert_eq!(gateway.count("/oauth/token"), 2);
    assert_eq!(gateway.token_form("refresh_token").as_deref(), Some("secret-refresh"));
}

#[tokio::test]
async fn a_consent_that_was_taken_back_is_said_so() {
    let gateway = gateway().await;
    let client = gateway.client();
    let fan = client.as_fan(tokens(&gateway, &client).await.unwrap()).unwrap();
    read(&fan).await.unwrap();
    gateway.state.fans.lock().unwrap().ended = true;
    gateway.state.revoked.store(1, Ordering::Relaxed);

    let ended = read(&fan).await.unwrap_err();

    assert_eq!((ended.kind(), ended.code()), (ErrorKind::GrantEnded, Some(ErrorCode::InvalidGrant)));
    assert!(ended.to_string().contains("ask the fan again"), "{ended}");
    // Only the fan's: the app goes on.
    assert!(client.raw(crate::Method::Get, "/v1/partner").await.is_ok());
}

#[derive(Default)]
struct Kept {
    tokens: Mutex<HashMap<FanId, FanTokens>>,
    breaks: std::sync::atomic::AtomicBool,
}

impl TokenStore for Kept {
    fn load(&self, fan: FanId) -> Stored<'_, Option<FanTokens>> {
        Box::pin(async move { Ok(self.tokens.lock().unwrap().get(&fan).cloned()) })
    }

    fn save(&self, tokens: FanTokens) -> Stored<'_, ()> {
        Box::pin(async move {
            if self.breaks.load(Ordering::Relaxed) {
                return Err("the disk is full".into());
            }
            self.tokens.lock().unwrap().insert(tokens.fan, tokens);
            Ok(())
        })
    }
}

#[tokio::test]
async fn renewed_tokens_are_stored_and_taken_from_the_store() {
    let gateway = gateway().await;
    let client = gateway.client();
    let kept = Arc::new(Kept::default());
    let fan: FanId = FAN.parse().unwrap();
    let nobody = client.as_stored_fan(fan, kept.clone()).await.unwrap();
    kept.save(tokens(&gateway, &client).await.unwrap()).await.unwrap();
    let one = client.as_stored_fan(fan, kept.clone()).await.unwrap().unwrap();
    let other = client.as_stored_fan(fan, kept.clone()).await.unwrap().unwrap();
    gateway.pass(&client, Duration::from_mins(10));

    read(&one).await.unwrap();
    read(&other).await.unwrap();

    assert!(nobody.is_none());
    assert_eq!(kept.tokens.lock().unwrap()[&fan].access.secret(), "secret-token-2");
    assert_eq!(gateway.count("/oauth/token"), 2, "the second process takes what the first one got");
}

#[tokio::test]
async fn a_grant_that_ended_is_said_also_when_the_store_has_another_token() {
    let gateway = gateway().await;
    let client = gateway.client();
    let kept = Arc::new(Kept::default());
    kept.save(tokens(&gateway, &client).await.unwrap()).await.unwrap();
    let fan = client.as_stored_fan(FAN.parse().unwrap(), kept.clone()).await.unwrap().unwrap();
    // Another process renewed before the fan took the consent back.
    kept.save(tokens(&gateway, &client).await.unwrap()).await.unwrap();
    gateway.state.fans.lock().unwrap().ended = true;
    gateway.state.revoked.store(2, Ordering::Relaxed);

    let ended = read(&fan).await.unwrap_err();

    assert_eq!(ended.kind(), ErrorKind::GrantEnded, "{ended}");
}

#[tokio::test]
async fn a_store_that_mixes_fans_up_lets_nobody_act_for_another() {
    let gateway = gateway().await;
    let client = gateway.client();
    let kept = Arc::new(Kept::default());
    let other: FanId = "fan_01JD8Z62T0FMN9RN32Q10XFR7N".parse().unwrap();
    let of_fan = tokens(&gateway, &client).await.unwrap();
    assert_ne!(of_fan.fan, other);
    kept.tokens.lock().unwrap().insert(other, of_fan);

    let refused = client.as_stored_fan(other, kept.clone()).await.unwrap_err();

    assert_eq!(refused.kind(), ErrorKind::Store, "{refused}");
}

#[tokio::test]
async fn an_answer_is_waited_for_ten_minutes() {
    let gateway = gateway().await;
    let client = gateway.client();
    let key = SealingKey::generate().unwrap();
    let mut outcomes = Vec::new();
    for minutes in [10, 11] {
        let sealed = begin(&client).await.pending.seal(&key).unwrap();
        gateway.pass(&client, Duration::from_mins(minutes));
        let pending = PendingAuthorization::open(&key, &sealed).unwrap();
        outcomes.push(pending.finish(&client, &answer(&gateway, "code=good-code")).await.map_err(|error| error.kind()));
    }

    assert!(outcomes[0].is_ok(), "{outcomes:?}");
    assert_eq!(outcomes[1].as_ref().unwrap_err(), &ErrorKind::AuthorizationNotVerified);
}

#[cfg(feature = "actix")]
mod in_actix {
    use actix_web::HttpResponse;
    use actix_web::error::InternalError;
    use actix_web::http::StatusCode;
    use actix_web::test::TestRequest;

    use super::*;
    use crate::actix::SignIn;

    type Answered = Result<HttpResponse, InternalError<String>>;

    fn cookies(response: &HttpResponse) -> Vec<String> {
        response.headers().get_all("set-cookie").map(|field| field.to_str().unwrap().to_owned()).collect()
    }

    async fn answered(outcome: Result<FanTokens, Error>) -> Answered {
        match outcome {
            Ok(tokens) => Ok(HttpResponse::Ok().insert_header(("fan", tokens.fan.to_string())).finish()),
            Err(error) => Err(InternalError::new(format!("{:?}", error.kind()), StatusCode::BAD_REQUEST)),
        }
    }

    #[tokio::test]
    async fn a_browser_is_sent_with_a_cookie_and_comes_back_without_one() {
        let gateway = gateway().await;
        let sign_in = SignIn::new(gateway.client(), BACK, SealingKey::generate().unwrap()).unwrap();

        let sent = sign_in.begin(|fan| fan.scopes([FanScope::CirclesJoin])).await.unwrap();
        let cookie = cookies(&sent).remove(0);
        let (sealed, rest) = cookie.split_once(';').unwrap();
        let query = answer(&gateway, "code=good-code");
        let back = |cookie: &str, query: &str| {
            let cookie = format!("other=1; {cookie}");
            TestRequest::get().uri(&format!("/back?{query}")).insert_header(("cookie", cookie)).to_http_request()
        };
        let good = sign_in.finish(&back(sealed, &query), answered).await;
        let refusals = [
            sign_in.finish(&back("quanzi_pending=made-up", &query), answered).await,
            sign_in.finish(&back("", &query), answered).await,
            sign_in.finish(&back(sealed, "code=good-code&state=other"), answered).await,
        ];

        assert_eq!(sent.status(), 303);
        let header =
            |response: &HttpResponse, name: &str| response.headers().get(name).unwrap().to_str().unwrap().to_owned();
        assert!(header(&sent, "location").starts_with(&format!("{}/oauth/authorize?", gateway.url)));
        assert_eq!(rest, " Path=/back; Max-Age=600; HttpOnly; SameSite=Lax; Secure");
        assert_eq!((good.status(), header(&good, "fan").as_str()), (StatusCode::OK, FAN));
        for refused in &refusals {
            assert_eq!(refused.status(), 400);
        }
        for response in refusals.iter().chain([&good]) {
            assert_eq!(cookies(response), ["quanzi_pending=; Path=/back; Max-Age=0; HttpOnly; SameSite=Lax; Secure"]);
        }
    }
}

#[tokio::test]
async fn a_store_that_cannot_write_keeps_nobody_out() {
    let gateway = gateway().await;
    let client = gateway.client();
    let kept = Arc::new(Kept::default());
    kept.save(tokens(&gateway, &client).await.unwrap()).await.unwrap();
    let fan = client.as_stored_fan(FAN.parse().unwrap(), kept.clone()).await.unwrap().unwrap();
    kept.breaks.store(true, Ordering::Relaxed);
    gateway.pass(&client, Duration::from_mins(10));

    let answer = read(&fan).await;

    assert!(answer.is_ok(), "{answer:?}");
}

#[tokio::test]
async fn what_is_pending_and_what_speaks_for_a_fan_do_not_show() {
    let gateway = gateway().await;
    let client = gateway.client();
    let begun = begin(&client).await;
    let secrets = ["state", "nonce"].map(|name| pushed(&gateway, name).unwrap());
    let tokens = tokens(&gateway, &client).await.unwrap();
    let fan = client.as_fan(tokens.clone()).unwrap();

    let shown = format!("{begun:?} {tokens:?} {fan:?}");

    assert!(!shown.contains("secret-") && secrets.iter().all(|secret| !shown.contains(secret)), "{shown}");
    let written = serde_json::to_string(&tokens).unwrap();
    let read: FanTokens = serde_json::from_str(&written).unwrap();
    assert_eq!((read.access.secret(), read.fan), (tokens.access.secret(), tokens.fan));
}

#[tokio::test]
async fn what_is_sealed_opens_with_its_key_and_unchanged_only() {
    let gateway = gateway().await;
    let client = gateway.client();
    let (key, other) = (SealingKey::new(&[1; 32]).unwrap(), SealingKey::new(&[2; 32]).unwrap());
    let begun = begin(&client).await;
    let state = pushed(&gateway, "state").unwrap();

    let sealed = begun.pending.seal(&key).unwrap();

    let mut altered = sealed.clone();
    altered.replace_range(30..31, if sealed[30..31] == *"A" { "B" } else { "A" });
    assert!(!sealed.contains(&state) && sealed != begun.pending.seal(&key).unwrap());
    assert!(
        PendingAuthorization::open(&other, &sealed).is_none() && PendingAuthorization::open(&key, &altered).is_none()
    );
    assert!(["", "AAAA", "=", &sealed[..20]].iter().all(|text| PendingAuthorization::open(&key, text).is_none()));
    let opened = PendingAuthorization::open(&key, &sealed).unwrap();
    assert!(opened.finish(&client, &answer(&gateway, "code=good-code")).await.is_ok());
}

#[tokio::test]
async fn a_client_without_an_app_asks_nobody() {
    let gateway = gateway().await;
    let visitor = Client::builder(&gateway.url).build().unwrap();

    let refused = visitor.authorize(BACK).begin().await.unwrap_err();

    assert_eq!(refused.kind(), ErrorKind::Configuration);
    let broken = gateway.client().authorize("not an address").begin().await.unwrap_err();
    assert_eq!(broken.kind(), ErrorKind::Configuration);
}
