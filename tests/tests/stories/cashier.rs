//! The cashier: what a fan sees in a browser, and what happens when the fan decides there.

use quanzi::circles::Circle;
use quanzi::content::NewPost;
use quanzi::id::FanId;
use quanzi::memberships::NewMembership;
use quanzi::payments::{NewPayment, Payment, PaymentStatus};
use quanzi::sandbox::NewSandboxFan;
use quanzi::tips::{LeaderboardQuery, TipDisclosure};
use quanzi::{Client, Currency, ErrorCode, Money};
use quanzi_tests::both_engines;
use quanzi_tests::money::{available, books_are_clean, cny, payer};
use quanzi_tests::provider::Provider;
use quanzi_tests::stage::{Knobs, Stage, code, open_circle, partner};
use quanzi_tests::{browser, raw};
use serde_json::json;

/// A browser in front of one payment's page, as far as a program can be one.
struct Browser {
    http: reqwest::Client,
    url: String,
    /// The cookie and the code of the form, from the first look.
    held: tokio::sync::OnceCell<(String, String)>,
}

/// What it was shown.
struct Shown {
    status: u16,
    headers: reqwest::header::HeaderMap,
    html: String,
}

impl Browser {
    fn before(payment: &Payment) -> Self {
        Self::at(payment.approval_url.clone().expect("a page"))
    }

    fn at(url: String) -> Self {
        Self { http: raw::client(), url, held: tokio::sync::OnceCell::new() }
    }

    async fn held(&self) -> &(String, String) {
        let first = async || {
            let page = self.look().await;
            let cookie = page.header("set-cookie").split(';').next().unwrap_or_default().to_owned();
            let code = page.html.split_once("name=\"code\" value=\"").and_then(|(_, rest)| rest.split_once('"'));
            (cookie, code.map(|(code, _)| code.to_owned()).unwrap_or_default())
        };
        self.held.get_or_init(first).await
    }

    async fn look(&self) -> Shown {
        self.send(self.http.get(&self.url)).await
    }

    async fn look_in(&self, languages: &str) -> Shown {
        self.send(self.http.get(&self.url).header("accept-language", languages)).await
    }

    /// Sends the form as the page would, and shows where that led.
    async fn press(&self, fields: &[(&str, &str)]) -> Shown {
        let (cookie, code) = self.held().await;
        let fields: Vec<_> = fields.iter().copied().chain([("code", code.as_str())]).collect();
        let request = self.http.post(&self.url).header("sec-fetch-site", "same-origin").header("cookie", cookie);
        self.send(request.form(&fields)).await
    }

    async fn send(&self, request: reqwest::RequestBuilder) -> Shown {
        let answer = request.send().await.expect("an answer");
        let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
        Shown { status, headers, html: answer.text().await.expect("a page") }
    }
}

impl Shown {
    #[track_caller]
    fn says(&self, status: u16, texts: &[&str]) {
        assert_eq!(self.status, status, "{}", self.html);
        for text in texts {
            assert!(self.html.contains(text), "{text} in {}", self.html);
        }
    }

    fn has_form(&self) -> bool {
        self.html.contains("<form")
    }

    fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }
}

async fn asked(client: &Client, fan: FanId, circle: &Circle, amount: Money) -> Payment {
    client.payments().create(NewPayment::tip(fan, circle.id, amount)).await.expect("a payment")
}

async fn status(client: &Client, payment: &Payment) -> PaymentStatus {
    let now = client.payments().get(payment.id).await.expect("the payment");
    *now.status.known().expect("a known status")
}

both_engines! {
    a_fan_sees_who_is_paid_and_pays,
    pressing_a_hundred_times_at_once_pays_once,
    a_fan_says_no,
    a_sandbox_tops_up_exactly_what_is_missing,
    the_page_follows_the_payment_to_every_end,
    what_cannot_be_paid_for_any_more_is_not,
    amounts_stand_in_the_currency_s_own_decimals,
    other_sites_decide_nothing,
    the_address_is_a_secret_and_nothing_gives_it_away,
    who_guesses_is_slowed_down_like_everybody,
    in_live_mode_a_stranger_sees_but_moves_nothing,
    in_live_mode_only_the_fan_who_is_signed_in_pays,
}

async fn a_fan_sees_who_is_paid_and_pays(stage: Stage) {
    let client = partner(&stage).await;
    let circle = open_circle(&client, "Cats & <Dogs>").await;
    let fan = payer(&client, &circle, cny(5_000)).await;
    let post = client.posts().create(circle.id, NewPost::new("Meow").title("A \"quiet\" day")).await.expect("a post");
    let new = NewPayment::tip(fan, circle.id, cny(12_345)).post(post.id).message("<script>alert(1)</script>");
    let poor = client.payments().create(new).await.expect("a payment");
    let payment = asked(&client, fan, &circle, cny(1_000)).await;
    let browser = Browser::before(&payment);

    let page = browser.look().await;
    page.says(
        200,
        &[
            "¥10.00",
            "CNY",
            "Whisker &#38; Co",
            "Whisker Pet Supplies (Hangzhou) Co., Ltd.",
            "Cats &#38; &#60;Dogs&#62;",
            "30 minutes",
            "Nothing is paid until you press Pay",
            "Wallet balance",
            "¥50.00",
            "¥40.00",
        ],
    );
    assert!(!page.html.contains("<script"), "the page works without scripts");
    let evil = Browser::before(&poor).look().await;
    evil.says(200, &["&#60;script&#62;alert(1)", "A &#34;quiet&#34; day", "You need ¥73.45 more"]);
    assert!(!evil.html.contains("<script"), "nothing a partner writes becomes markup");

    let thanks = browser.press(&[("decision", "pay"), ("appear", "named")]).await;
    thanks.says(200, &["Thank you!"]);
    assert!(!thanks.has_form());
    assert_eq!(status(&client, &payment).await, PaymentStatus::Succeeded);
    let board = client.tips().leaderboard(circle.id, LeaderboardQuery::new(Currency::CNY)).await.expect("a board");
    assert_eq!(board.data[0].nickname.as_deref(), Some("Mei"));
    browser.press(&[("decision", "pay")]).await.says(200, &["Thank you!"]);
    browser.press(&[("decision", "decline")]).await.says(409, &["This payment is already settled", "Thank you!"]);
    assert_eq!(available(&client).await, 970);
    books_are_clean(&client).await;
}

async fn pressing_a_hundred_times_at_once_pays_once(stage: Stage) {
    let client = partner(&stage).await;
    let circle = open_circle(&client, "Once").await;
    let fan = payer(&client, &circle, cny(5_000)).await;
    let payment = asked(&client, fan, &circle, cny(1_000)).await;

    let mut browsers = Vec::new();
    for _ in 0..100 {
        let browser = Browser::before(&payment);
        browser.held().await;
        browsers.push(browser);
    }
    let presses = browsers.into_iter().map(|browser| {
        tokio::spawn(async move { browser.press(&[("decision", "pay"), ("appear", "absent")]).await.status })
    });
    let mut statuses = Vec::new();
    for press in presses.collect::<Vec<_>>() {
        statuses.push(press.await.expect("an answer"));
    }

    assert!(statuses.iter().all(|status| matches!(status, 200 | 503)), "{statuses:?}");
    assert_eq!(status(&client, &payment).await, PaymentStatus::Succeeded);
    assert_eq!(available(&client).await, 970);
    books_are_clean(&client).await;
}

async fn a_fan_says_no(stage: Stage) {
    let client = partner(&stage).await;
    let circle = open_circle(&client, "No").await;
    let fan = payer(&client, &circle, cny(5_000)).await;
    let payment = asked(&client, fan, &circle, cny(1_000)).await;
    let browser = Browser::before(&payment);

    browser
        .press(&[("decision", "decline"), ("appear", "named")])
        .await
        .says(200, &["You declined", "Nothing was paid"]);

    assert_eq!(status(&client, &payment).await, PaymentStatus::Declined);
    browser.press(&[("decision", "pay")]).await.says(409, &["This payment is already settled"]);
    assert_eq!(available(&client).await, 0);
    books_are_clean(&client).await;
}

async fn a_sandbox_tops_up_exactly_what_is_missing(stage: Stage) {
    let client = partner(&stage).await;
    let circle = open_circle(&client, "Poor").await;
    let fan = payer(&client, &circle, cny(300)).await;
    let payment = asked(&client, fan, &circle, cny(1_000)).await;
    let browser = Browser::before(&payment);

    let poor = browser.look().await;
    poor.says(200, &["You need ¥7.00 more"]);
    assert!(!poor.html.contains("value=\"pay\""));
    browser.press(&[("decision", "pay")]).await.says(402, &["Your wallet balance is too low", "Nothing was paid"]);
    let filled = browser.press(&[("decision", "top_up")]).await;
    filled.says(200, &["value=\"pay\"", "¥0.00"]);
    browser.press(&[("decision", "top_up")]).await.says(200, &["¥10.00", "afterwards ¥0.00"]);
    browser.press(&[("decision", "pay")]).await.says(200, &["Thank you!"]);

    assert_eq!(available(&client).await, 970);
    books_are_clean(&client).await;
}

async fn the_page_follows_the_payment_to_every_end(stage: Stage) {
    let client = partner(&stage).await;
    let circle = open_circle(&client, "Ends").await;
    let fan = payer(&client, &circle, cny(500_000)).await;
    let (late, taken_back, slow, failing) = (
        asked(&client, fan, &circle, cny(1_000)).await,
        asked(&client, fan, &circle, cny(1_001)).await,
        asked(&client, fan, &circle, cny(66_603)).await,
        asked(&client, fan, &circle, cny(66_602)).await,
    );
    let down = asked(&client, fan, &circle, cny(66_604)).await;

    client.payments().cancel(taken_back.id).await.expect("canceled");
    Browser::before(&taken_back).look().await.says(200, &["The payment was canceled"]);
    Browser::before(&failing).press(&[("decision", "pay")]).await.says(200, &["The payment did not go through"]);
    Browser::before(&down).press(&[("decision", "pay")]).await.says(503, &["The payment service is unavailable"]);
    let slowly = Browser::before(&slow);
    slowly.press(&[("decision", "pay")]).await.says(200, &["Your payment is being processed", "Refresh"]);
    stage.advance(31);
    stage.run_due().await;
    slowly.look().await.says(200, &["Thank you!"]);
    client.payments().refund(slow.id, quanzi::payments::NewRefund::part(cny(600))).await.expect("a refund");
    slowly.look().await.says(200, &["Partially refunded", "¥6.00 of ¥666.03"]);
    client.payments().refund(slow.id, quanzi::payments::NewRefund::rest()).await.expect("a refund");
    slowly.look().await.says(200, &["Fully refunded", "¥666.03 was refunded to your wallet"]);
    let too_late = Browser::before(&late);
    too_late.held().await;
    stage.advance(30 * 60);
    too_late.look().await.says(200, &["This request has expired"]);
    too_late.press(&[("decision", "pay")]).await.says(409, &["This request has expired"]);
    assert_eq!(available(&client).await, 0);
    books_are_clean(&client).await;
}

async fn what_cannot_be_paid_for_any_more_is_not(stage: Stage) {
    let client = partner(&stage).await;
    let circle = open_circle(&client, "Gone").await;
    let (stays, banned) = (payer(&client, &circle, cny(10_000)).await, payer(&client, &circle, cny(10_000)).await);
    let post = client.posts().create(circle.id, NewPost::new("soon gone")).await.expect("a post");
    let of_banned = asked(&client, banned, &circle, cny(1_000)).await;
    let for_post =
        client.payments().create(NewPayment::tip(stays, circle.id, cny(1_000)).post(post.id)).await.expect("a payment");
    let of_closed = asked(&client, stays, &circle, cny(1_000)).await;
    let membership = client.memberships().join(circle.id, NewMembership::new(banned)).await.expect("a member");
    let pay = async |payment: &Payment| Browser::before(payment).press(&[("decision", "pay")]).await;
    let by_api = async |payment: &Payment| code(client.sandbox().approve_payment(payment.id).retries(0).await);

    client.memberships().ban(membership.id).await.expect("banned");
    client.posts().delete(post.id).await.expect("deleted");
    pay(&of_banned).await.says(409, &["You are not a member", "Nothing was paid"]);
    pay(&for_post).await.says(404, &["The post was deleted", "Nothing was paid"]);
    assert_eq!(
        (by_api(&of_banned).await, by_api(&for_post).await),
        (ErrorCode::PayerNotMember, ErrorCode::PostNotFound)
    );
    client.circles().close(circle.id).await.expect("closed");
    pay(&of_closed).await.says(409, &["The circle is closed", "Nothing was paid"]);

    assert_eq!((available(&client).await, stage.count("transfer").await), (0, 2), "the two top-ups");
    // What cannot be paid can still be refused, and ends by itself.
    Browser::before(&of_closed).press(&[("decision", "decline")]).await.says(200, &["You declined"]);
    stage.advance(30 * 60);
    stage.run_due().await;
    assert_eq!(status(&client, &of_banned).await, PaymentStatus::Expired);
    books_are_clean(&client).await;
}

async fn amounts_stand_in_the_currency_s_own_decimals(stage: Stage) {
    let client = partner(&stage).await;
    let circle = open_circle(&client, "Money").await;
    for (currency, english, chinese) in [
        (Currency::CNY, "¥12.34", "¥12.34"),
        (Currency::USD, "$12.34", "US$12.34"),
        (Currency::EUR, "€12.34", "€12.34"),
        (Currency::JPY, "¥1,234", "JP¥1,234"),
        (Currency::KWD, "KWD\u{a0}1.234", "KWD\u{a0}1.234"),
    ] {
        let fan = payer(&client, &circle, Money::new(5_000, currency)).await;
        let payment = asked(&client, fan, &circle, Money::new(1_234, currency)).await;
        let browser = Browser::before(&payment);

        browser.look().await.says(200, &[&format!("Pay {english}"), "lang=\"en\"", currency.code()]);
        let page = browser.look_in("zh-CN,zh;q=0.9,en;q=0.8").await;
        page.says(200, &[&format!("支付 {chinese}"), "lang=\"zh-Hans\"", currency.code()]);
        assert_eq!((page.header("content-language"), page.header("vary")), ("zh-Hans", "Accept-Language"));
    }
}

async fn other_sites_decide_nothing(stage: Stage) {
    let client = partner(&stage).await;
    let circle = open_circle(&client, "Forgers").await;
    let fan = payer(&client, &circle, cny(5_000)).await;
    let payment = asked(&client, fan, &circle, cny(1_000)).await;
    let browser = Browser::before(&payment);
    let pay = [("decision", "pay")];

    for (name, value) in [
        ("sec-fetch-site", "cross-site"),
        ("sec-fetch-site", "same-site"),
        ("origin", "https://evil.example"),
        ("origin", "http://127.0.0.1"),
    ] {
        let forged = browser.send(browser.http.post(&browser.url).header(name, value).form(&pay)).await;
        forged.says(403, &["The request did not come from this page"]);
    }
    let other = Browser::before(&payment);
    let (cookie, code) = (&browser.held().await.0, &other.held().await.1);
    for (cookie, code) in [("", ""), (cookie.as_str(), ""), (cookie, code), ("", code)] {
        let fields = [("decision", "pay"), ("code", code)];
        let forged = browser.send(browser.http.post(&browser.url).header("cookie", cookie).form(&fields)).await;
        forged.says(403, &["The request did not come from this page"]);
    }
    for (content_type, body, status) in [
        ("application/x-www-form-urlencoded", "decision=steal".to_owned(), 400),
        ("application/x-www-form-urlencoded", String::new(), 400),
        ("application/json", "{\"decision\":\"pay\"}".to_owned(), 415),
        ("application/x-www-form-urlencoded", format!("decision=pay&more={}", "x".repeat(2_000)), 413),
    ] {
        let request = browser.http.post(&browser.url).header("content-type", content_type).body(body);
        browser.send(request).await.says(status, &["Your choice was incomplete", "Nothing was changed"]);
    }
    assert_eq!(browser.send(browser.http.delete(&browser.url)).await.status, 405);
    assert_eq!(status(&client, &payment).await, PaymentStatus::RequiresApproval);
}

async fn the_address_is_a_secret_and_nothing_gives_it_away(stage: Stage) {
    let client = partner(&stage).await;
    let circle = open_circle(&client, "Secrets").await;
    let fan = payer(&client, &circle, cny(5_000)).await;
    let payment = asked(&client, fan, &circle, cny(1_000)).await;
    let browser = Browser::before(&payment);

    let page = browser.look().await;
    let policy = page.header("content-security-policy");
    for part in ["default-src 'none'", "form-action 'self'", "frame-ancestors 'none'", "base-uri 'none'"] {
        assert!(policy.contains(part), "{policy}");
    }
    assert!(!policy.contains("script-src") && !policy.contains("unsafe"));
    assert_eq!(page.header("cache-control"), "no-store");
    assert_eq!(page.header("referrer-policy"), "no-referrer");
    assert_eq!(page.header("x-content-type-options"), "nosniff");
    assert!(page.header("x-robots-tag").contains("noindex"));
    assert!(page.header("request-id").starts_with("req_"));
    let (head, token) = browser.url.rsplit_once('/').expect("a path");
    assert!(!page.html.contains(token));
    let mut other = token.to_owned();
    let last = if other.pop() == Some('A') { 'Q' } else { 'A' };
    other.push(last);
    for wrong in [other.as_str(), "x", "..%2f..%2fetc", &"A".repeat(4_000), "%00", "' or 1=1 --"] {
        let lost = browser.send(browser.http.get(format!("{head}/{wrong}"))).await;
        assert_eq!(lost.status, 404, "{wrong}");
        lost.says(404, &["This link is not valid"]);
    }
    let sheet =
        page.html.split("href=\"").find(|part| part.contains("pages.css")).and_then(|part| part.split('"').next());
    let sheet = browser.send(browser.http.get(format!("{}{}", stage.url(), sheet.expect("a stylesheet")))).await;
    assert_eq!((sheet.status, sheet.header("content-type")), (200, "text/css; charset=utf-8"));
}

async fn who_guesses_is_slowed_down_like_everybody(stage: Stage) {
    let client = partner(&stage).await;
    let circle = open_circle(&client, "Guess").await;
    let fan = payer(&client, &circle, cny(5_000)).await;
    let payment = asked(&client, fan, &circle, cny(1_000)).await;
    let token = payment.approval_url.as_deref().and_then(|url| url.rsplit('/').next()).expect("a token").to_owned();
    let stage = stage.reopen(&Knobs { address_per_second: 1, ..Knobs::default() }).await;
    let http = raw::client();

    let mut statuses = Vec::new();
    for _ in 0..50 {
        let answer = http.get(format!("{}/pay/{token}", stage.url())).send().await.expect("an answer");
        let (status, waits) = (answer.status().as_u16(), answer.headers().contains_key("retry-after"));
        assert_eq!(waits, status == 429);
        if status == 429 {
            assert!(answer.text().await.expect("a page").contains("Too many requests"));
        }
        statuses.push(status);
    }

    assert!(statuses.contains(&200) && statuses.contains(&429), "{statuses:?}");
}

async fn in_live_mode_a_stranger_sees_but_moves_nothing(stage: Stage) {
    let client = partner(&stage).await;
    let circle = open_circle(&client, "Live").await;
    let fan = client
        .sandbox()
        .create_fan(NewSandboxFan::new("Secret Mei").adult().tip_disclosure(TipDisclosure::Named))
        .await
        .expect("a fan");
    client.memberships().join(circle.id, quanzi::memberships::NewMembership::new(fan.id)).await.expect("a member");
    client.sandbox().top_up(fan.id, cny(5_000)).await.expect("topped up");
    let payment = asked(&client, fan.id, &circle, cny(1_000)).await;
    let token = payment.approval_url.as_deref().and_then(|url| url.rsplit('/').next()).expect("a token").to_owned();
    let stage = stage.reopen(&Knobs { live: true, ..Knobs::default() }).await;
    let browser = Browser::at(format!("http://{}/pay/{token}", stage.address()));

    let page = browser.look().await;
    page.says(200, &["¥10.00", "Sign in to pay", "Nothing was paid"]);
    assert!(!page.has_form() && !page.html.contains("Secret Mei") && !page.html.contains("Wallet balance"));
    for decision in ["pay", "decline", "top_up"] {
        assert_eq!(browser.press(&[("decision", decision)]).await.status, 403);
    }
    assert_eq!(stage.scalar("select status from payment").await, "requires_approval");
    assert_eq!(stage.scalar("select count(*) from transfer where code <> 'top_up'").await, "0");
}

async fn in_live_mode_only_the_fan_who_is_signed_in_pays(stage: Stage) {
    let provider = Provider::start();
    let client = partner(&stage).await;
    let circle = open_circle(&client, "Live").await;
    let fan = payer(&client, &circle, cny(5_000)).await;
    let payment = asked(&client, fan, &circle, cny(1_000)).await;
    let path = payment
        .approval_url
        .as_deref()
        .and_then(|url| url.strip_prefix(stage.url()))
        .expect("an address of the gateway");
    let live = Knobs { live: true, sign_in_issuer: Some(provider.issuer), ..Knobs::default() };
    let stage = stage.reopen(&live).await;
    let (url, mut browser) = (format!("http://{}{path}", stage.address()), browser::Browser::new());
    let pay = |page: &raw::Answer| [("code", browser::form_code(page)), ("decision", "pay".to_owned())];
    let press = async |browser: &mut browser::Browser, page: &raw::Answer| {
        let fields = pay(page);
        browser.post(&url, &fields.each_ref().map(|(name, value)| (*name, value.as_str()))).await
    };

    let page = browser.get(&url).await;
    let stranger = press(&mut browser, &page).await;
    let sent = browser.post(&url, &[("code", &browser::form_code(&page)), ("decision", "sign_in")]).await;
    let now = stage.now().seconds();
    let back = provider.sign_in(&browser::leads_to(&sent), now, &json!({ "sub": "u1", "nickname": "Bo" }));
    browser.get(&back.replace("https://api.quanzi.example", &format!("http://{}", stage.address()))).await;
    let page = browser.get(&url).await;
    let somebody = press(&mut browser, &page).await;
    let before = stage.scalar("select status from payment").await;
    // As if the provider had named the fan.
    stage.execute("update fan_session set person_id = (select person_id from payment)".to_owned()).await;
    let own = browser.get(&url).await;
    let paid = press(&mut browser, &own).await;

    assert_eq!((stranger.status, sent.status, somebody.status), (403, 200, 403));
    assert_eq!(before, "requires_approval");
    assert!(browser::text(&own).contains("Pay ¥10.00"), "{}", browser::text(&own));
    assert_eq!((paid.status, paid.header("location")), (303, Some(path)));
    assert_eq!(stage.scalar("select status from payment").await, "succeeded");
    provider.stop().await;
}
