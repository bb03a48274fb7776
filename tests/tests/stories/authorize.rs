//! Fans through the SDK alone: asked, believed, spoken for, renewed, and lost again, against the real pages.

use quanzi::authorize::{Begun, Denial, FanTokens, Prompt};
use quanzi::content::NewPost;
use quanzi::me::{NewFanComment, NewMyMembership, NewMyPayment};
use quanzi::memberships::MembershipStatus;
use quanzi::payments::PaymentStatus;
use quanzi::{Client, ErrorCode, ErrorKind, FanScope};
use quanzi_tests::both_engines;
use quanzi_tests::browser::{Browser, form_code, leads_to, text};
use quanzi_tests::fan::Host;
use quanzi_tests::money::{books_are_clean, cny};
use quanzi_tests::raw::{Answer, REDIRECT_URI};
use quanzi_tests::stage::{Stage, open_circle};

async fn begin(client: &Client) -> Begun {
    client.authorize(REDIRECT_URI).scopes(FanScope::ALL).begin().await.expect("a pushed request")
}

/// What stands behind the `?` of where the browser is sent.
#[track_caller]
fn query(answer: &Answer) -> String {
    leads_to(answer).split_once('?').expect("parameters").1.to_owned()
}

/// A new person signs in and decides.
async fn decided(browser: &mut Browser, url: &str, decision: &str) -> String {
    let page = browser.sign_in(url, "Mei").await;
    let code = form_code(&page);
    query(&browser.post(url, &[("code", &code), ("decision", decision), ("nickname", "show")]).await)
}

async fn signed_in(client: &Client, browser: &mut Browser) -> FanTokens {
    let begun = begin(client).await;
    let answer = decided(browser, &begun.url, "allow").await;
    begun.pending.finish(client, &answer).await.expect("tokens")
}

/// The fan takes everything back, at `/me`.
async fn take_back(stage: &Stage, browser: &mut Browser) {
    let me = format!("{}/me", stage.url());
    let page = browser.get(&me).await;
    let shown = text(&page);
    let hidden = |name: &str| {
        let (_, rest) = shown.split_once(&format!("name=\"{name}\" value=\"")).expect(name);
        rest.split('"').next().expect(name).to_owned()
    };
    let (code, partner, grant) = (form_code(&page), hidden("partner"), hidden("grant"));
    let form = [("code", code.as_str()), ("decision", "revoke_grant"), ("partner", &partner), ("grant", &grant)];
    assert_eq!(browser.post(&me, &form).await.status, 303);
}

both_engines! {
    a_fan_signs_in_joins_comments_tips_comes_back_later_and_takes_it_back,
    a_no_is_a_no_and_without_a_page_nobody_is_asked,
    an_answer_of_one_browser_does_nothing_in_another,
}

async fn a_fan_signs_in_joins_comments_tips_comes_back_later_and_takes_it_back(stage: Stage) {
    let host = Host::new(&stage).await;
    let client = &host.client;
    let circle = open_circle(client, "Cats of Hangzhou").await;
    let post = client.posts().create(circle.id, NewPost::new("Look!")).await.expect("a post");
    let mut browser = Browser::new();

    let tokens = signed_in(client, &mut browser).await;
    let fan = client.as_fan(tokens.clone()).expect("a fan");
    let me = fan.me().get().await.expect("the fan");
    let membership = fan.me().join(NewMyMembership::new(circle.id)).await.expect("a membership");
    let comment = fan.me().comment(post.id, NewFanComment::new("What a cat!")).await.expect("a comment");
    client.sandbox().top_up(tokens.fan, cny(1_000)).await.expect("topped up");
    let tip = fan.me().pay(NewMyPayment::tip(circle.id, cny(500))).await.expect("a payment");
    let cashier = tip.approval_url.expect("a page");
    let code = form_code(&browser.get(&cashier).await);
    let pay = [("code", code.as_str()), ("decision", "pay"), ("appear", "named")];
    let paid = browser.post(&cashier, &pay).await;
    let tip = fan.me().payment(tip.id).await.expect("the payment");

    assert_eq!((me.fan, me.nickname.as_deref()), (tokens.fan, Some("Mei")));
    assert_eq!(tokens.scopes, FanScope::ALL);
    assert_eq!((membership.fan, membership.status.known()), (tokens.fan, Some(&MembershipStatus::Active)));
    assert_eq!((comment.text.as_str(), paid.status), ("What a cat!", 303));
    assert_eq!(tip.status, PaymentStatus::Succeeded);

    stage.advance(24 * 3_600);
    let later = fan.me().get().await.expect("renewed");
    take_back(&stage, &mut browser).await;
    let ended = fan.me().get().await.expect_err("the fan took it back");
    let again = client.as_fan(tokens).expect("a fan").me().get().await.expect_err("the fan took it back");

    assert_eq!(later.fan, me.fan);
    assert_eq!((ended.kind(), ended.code()), (ErrorKind::GrantEnded, Some(ErrorCode::InvalidGrant)));
    assert_eq!(again.kind(), ErrorKind::GrantEnded);
    client.circles().get(circle.id).await.expect("the app goes on");
    books_are_clean(client).await;
}

async fn a_no_is_a_no_and_without_a_page_nobody_is_asked(stage: Stage) {
    let host = Host::new(&stage).await;
    let client = &host.client;
    let mut browser = Browser::new();
    let silent = || async { client.authorize(REDIRECT_URI).prompt(Prompt::None).begin().await.expect("pushed") };

    let stranger = silent().await;
    let answer = query(&browser.get(&stranger.url).await);
    let stranger = stranger.pending.finish(client, &answer).await.expect_err("not signed in");
    let asked = begin(client).await;
    let answer = decided(&mut browser, &asked.url, "deny").await;
    let no = asked.pending.finish(client, &answer).await.expect_err("the fan said no");
    let known = silent().await;
    let answer = query(&browser.get(&known.url).await);
    let known = known.pending.finish(client, &answer).await.expect_err("not consented");

    assert_eq!(stranger.denial(), Some(&Denial::LoginRequired.into()));
    assert_eq!(no.denial(), Some(&Denial::AccessDenied.into()));
    assert_eq!(known.denial(), Some(&Denial::ConsentRequired.into()));
}

async fn an_answer_of_one_browser_does_nothing_in_another(stage: Stage) {
    let host = Host::new(&stage).await;
    let client = &host.client;
    let (thief, victim) = (begin(client).await, begin(client).await);

    let answer = decided(&mut Browser::new(), &thief.url, "allow").await;
    let refused = victim.pending.finish(client, &answer).await.expect_err("a stranger's code");
    let own = thief.pending.finish(client, &answer).await;

    assert_eq!(refused.kind(), ErrorKind::AuthorizationNotVerified);
    assert!(own.is_ok(), "the code is still its owner's");
}
