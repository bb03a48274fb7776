//! Mandates: what a fan agreed to be charged, how far it reaches, and how it ends.

use quanzi::ErrorCode;
use quanzi::events::EventType;
use quanzi::mandates::{MandateStatus, NewMandate};
use quanzi::me::{MyMandatesQuery, NewMyMandate, NewMyPayment};
use quanzi::payments::{NewPayment, PaymentStatus};
use quanzi_tests::both_engines;
use quanzi_tests::browser::{Browser, form_code, leads_to, text};
use quanzi_tests::fan::{EVERYTHING, Host};
use quanzi_tests::money::{books_are_clean, cny, mandate, payer};
use quanzi_tests::provider::Provider;
use quanzi_tests::stage::{Knobs, Stage, code, open_circle, partner};
use serde_json::json;

use super::me::{DAY, join, told};

both_engines! {
    within_a_mandate_a_tip_succeeds_in_the_call,
    a_fan_agrees_to_be_charged_and_takes_it_back,
    who_takes_a_grant_back_is_not_charged_any_more,
    without_its_scope_a_mandate_is_not_charged,
    an_app_can_neither_pester_a_fan_nor_hide_what_the_fan_agreed_to,
    a_consent_that_is_refused_or_forgotten_charges_nothing,
    in_live_mode_only_the_fan_who_is_signed_in_agrees,
}

async fn within_a_mandate_a_tip_succeeds_in_the_call(stage: Stage) {
    let client = partner(&stage).await;
    let circle = open_circle(&client, "Mandate").await;
    let fan = payer(&client, &circle, cny(100_000)).await;
    let mandate = mandate(&client, fan).await;
    let tip = |amount| client.payments().create(NewPayment::tip(fan, circle.id, cny(amount)).mandate(mandate.id));

    let paid = tip(1_000).await.expect("paid");

    assert_eq!(paid.status, PaymentStatus::Succeeded);
    let refused = tip(10_001).await.expect_err("more than the mandate allows at once");
    assert_eq!(refused.code(), Some(ErrorCode::MandateLimitReached));
    assert_eq!(
        refused.problem().and_then(|problem| problem.limit.clone()).map(|limit| limit.name),
        Some("mandate_per_payment".to_owned())
    );
    for _ in 0..4 {
        tip(10_000).await.expect("paid");
    }
    let refused = tip(9_001).await.expect_err("more than the mandate allows in a day");
    let limit = refused.problem().and_then(|problem| problem.limit.clone()).expect("a limit");
    assert_eq!((limit.name.as_str(), limit.allowed), ("mandate_per_day", 50_000));
    assert!(limit.resets_in_seconds <= 86_400);
    tip(9_000).await.expect("the rest of the day");
    stage.advance(i64::from(limit.resets_in_seconds) + 1);
    tip(9_001).await.expect("a new day");
    let revoked = client.mandates().revoke(mandate.id).await.expect("revoked");
    assert_eq!(revoked.version, 2);
    assert_eq!(code(tip(1).await), ErrorCode::MandateNotActive);
    books_are_clean(&client).await;
}

async fn a_fan_agrees_to_be_charged_and_takes_it_back(stage: Stage) {
    let host = Host::new(&stage).await;
    let (client, me) = (&host.client, host.client.me());
    let circle = open_circle(client, "Standing consent").await;
    let (mut mei, bo) = (host.fan(EVERYTHING).await, host.fan(EVERYTHING).await);
    join(&mei, client, &circle).await;
    join(&bo, client, &circle).await;
    client.sandbox().top_up(mei.id, cny(5_000)).await.expect("topped up");
    let until = circle.created_at.plus_seconds(30 * DAY);
    let new = NewMyMandate::new(cny(1_000), cny(2_500)).circle(circle.id).expires_at(until);
    let asked = mei.send(me.ask_mandate(new)).await.expect("a mandate");
    let tip = || me.pay(NewMyPayment::tip(circle.id, cny(600)).mandate(asked.id));

    let too_early = mei.send(tip()).await.expect_err("a refusal");
    let url = asked.consent_url.clone().expect("an address");
    let page = mei.browser.get(&url).await;
    let shown = text(&page);
    let elsewhere = mei.browser.post(&url, &[("code", "wrong"), ("decision", "agree")]).await;
    let agreed = mei.browser.post(&url, &[("code", &form_code(&page)), ("decision", "agree")]).await;
    let active = mei.send(me.mandate(asked.id)).await.expect("the mandate");
    let paid = mei.send(tip()).await.expect("a payment");
    let of_another = bo.send(tip()).await.expect_err("a refusal");
    let foreign = bo.send(me.revoke_mandate(asked.id)).await.expect_err("a refusal");
    let twice = mei.browser.post(&url, &[("code", &form_code(&page)), ("decision", "decline")]).await;
    mei.send(me.revoke_mandate(asked.id)).await.expect("taken back");
    let too_late = mei.send(tip()).await.expect_err("a refusal");

    assert_eq!((asked.status.known(), asked.fan), (Some(&MandateStatus::RequiresConsent), mei.id));
    assert!(url.starts_with(&format!("{}/mandate/", stage.url())) && asked.consent_until.is_some());
    assert_eq!((too_early.status, too_early.code()), (409, ErrorCode::MandateNotActive));
    for words in ["Raw partner", "Raw Partner Ltd.", "Standing consent", "¥10.00", "¥25.00", "Mei", "Agree", "Decline"]
    {
        assert!(shown.contains(words), "{words} in {shown}");
    }
    assert_eq!((elsewhere.status, agreed.status, twice.status), (403, 303, 409));
    assert_eq!(
        (active.status.known(), active.consent_url.as_deref(), active.version),
        (Some(&MandateStatus::Active), None, 2)
    );
    assert_eq!((paid.status.known(), paid.approval_url.as_deref()), (Some(&PaymentStatus::Succeeded), None));
    assert_eq!((of_another.code(), foreign.code()), (ErrorCode::MandateNotFound, ErrorCode::MandateNotFound));
    assert_eq!(too_late.code(), ErrorCode::MandateNotActive);
    assert_eq!(mei.send(me.mandates(MyMandatesQuery::default())).await.expect("a page").data.len(), 1);
    assert_eq!(client.mandates().get(asked.id).await.expect("the mandate").status, MandateStatus::Revoked);
    assert_eq!(
        told(client, asked.id).await,
        [EventType::MandateRequested, EventType::MandateCreated, EventType::MandateRevoked]
    );
    assert!(text(&mei.browser.get(&url).await).contains("The permission was revoked"));
}

async fn who_takes_a_grant_back_is_not_charged_any_more(stage: Stage) {
    let host = Host::new(&stage).await;
    let (client, me) = (&host.client, host.client.me());
    let circle = open_circle(client, "Everything back").await;
    let mut mei = host.fan(EVERYTHING).await;
    join(&mei, client, &circle).await;
    client.sandbox().top_up(mei.id, cny(5_000)).await.expect("topped up");
    let asked = mei.send(me.ask_mandate(NewMyMandate::new(cny(1_000), cny(2_500)))).await.expect("a mandate");
    let url = asked.consent_url.expect("an address");
    let page = mei.browser.get(&url).await;
    mei.browser.post(&url, &[("code", &form_code(&page)), ("decision", "agree")]).await;
    let tip = || client.payments().create(NewPayment::tip(mei.id, circle.id, cny(600)).mandate(asked.id)).retries(0);
    tip().await.expect("paid");

    let own = format!("{}/me", stage.url());
    let page = text(&mei.browser.get(&own).await);
    let hidden = |name: &str| {
        let (_, rest) = page.split_once(&format!("name=\"{name}\" value=\"")).expect("a field");
        rest.split('"').next().expect("a value").to_owned()
    };
    let (form, partner, grant) = (hidden("code"), hidden("partner"), hidden("grant"));
    assert!(page.contains("This also revokes the pre-approved payments below."), "{page}");
    let fields = [("code", form.as_str()), ("decision", "revoke_grant"), ("partner", &partner), ("grant", &grant)];
    assert_eq!(mei.browser.post(&own, &fields).await.status, 303);

    assert_eq!(code(tip().await), ErrorCode::MandateNotActive);
    assert_eq!(client.mandates().get(asked.id).await.expect("the mandate").status, MandateStatus::Revoked);
    assert_eq!(
        told(client, asked.id).await,
        [EventType::MandateRequested, EventType::MandateCreated, EventType::MandateRevoked]
    );
}

async fn without_its_scope_a_mandate_is_not_charged(stage: Stage) {
    let host = Host::new(&stage).await;
    let (client, me) = (&host.client, host.client.me());
    let circle = open_circle(client, "Scope of a consent").await;
    let mut mei = host.fan(EVERYTHING).await;
    join(&mei, client, &circle).await;
    client.sandbox().top_up(mei.id, cny(5_000)).await.expect("topped up");
    let mandate =
        client.sandbox().create_mandate(NewMandate::new(mei.id, cny(500), cny(500))).await.expect("a mandate").id;
    let tip = || me.pay(NewMyPayment::tip(circle.id, cny(100)).mandate(mandate));

    mei.send(tip()).await.expect("with both scopes");
    mei.renew(Some("openid payments:tip")).await;
    let refused = mei.send(tip()).await.expect_err("a refusal");
    mei.send(me.pay(NewMyPayment::tip(circle.id, cny(100)))).await.expect("a tip that the fan approves");

    assert_eq!((refused.status, refused.code()), (403, ErrorCode::ScopeMissing));
    assert!(
        refused.problem["detail"].as_str().is_some_and(|detail| detail.contains("payments:mandate")),
        "{refused:?}"
    );
    assert_eq!(stage.count("payment").await, 2);
}

async fn an_app_can_neither_pester_a_fan_nor_hide_what_the_fan_agreed_to(stage: Stage) {
    let host = Host::new(&stage).await;
    let (client, me) = (&host.client, host.client.me());
    let mut mei = host.fan(EVERYTHING).await;
    let ask = || me.ask_mandate(NewMyMandate::new(cny(700), cny(700)));
    client.sandbox().create_mandate(NewMandate::new(mei.id, cny(4_321), cny(4_321))).await.expect("a mandate");

    for _ in 0..5 {
        // As many as can wait, and all of them forgotten.
        for fan in futures_util::future::join_all((0..5).map(|_| mei.send(ask()))).await {
            fan.expect("asked");
        }
        let refused = mei.send(ask()).await.expect_err("a refusal");
        assert_eq!((refused.status, refused.code()), (409, ErrorCode::MandatesWaiting));
        stage.advance(31 * 60);
        stage.run_due().await;
        mei.renew(None).await;
    }
    let page = text(&mei.browser.get(&format!("{}/me", stage.url())).await);

    assert!(page.contains("¥43.21") && !page.contains("¥7.00"), "{page}");
    assert_eq!(stage.count("mandate").await, 26);
    assert_eq!(stage.sweep("mandates").await, 0, "not yet");
    stage.advance(31 * DAY);
    assert_eq!(stage.sweep("mandates").await, 25, "what was never given goes, what was given stays");
}

async fn a_consent_that_is_refused_or_forgotten_charges_nothing(stage: Stage) {
    let host = Host::new(&stage).await;
    let (client, me) = (&host.client, host.client.me());
    let mut mei = host.fan(EVERYTHING).await;
    let ask = || me.ask_mandate(NewMyMandate::new(cny(100), cny(100)));
    let (refused, forgotten, given_up) = (
        mei.send(ask()).await.expect("asked"),
        mei.send(ask()).await.expect("asked"),
        mei.send(ask()).await.expect("asked"),
    );
    let url = refused.consent_url.expect("an address");

    let page = mei.browser.get(&url).await;
    mei.browser.language = "zh-CN";
    let chinese = text(&mei.browser.get(&url).await);
    mei.browser.post(&url, &[("code", &form_code(&page)), ("decision", "decline")]).await;
    client.mandates().revoke(given_up.id).await.expect("given up");
    stage.advance(31 * 60);
    stage.run_due().await;
    let late = forgotten.consent_url.expect("an address");
    let page = text(&mei.browser.get(&late).await);
    let unknown = mei.browser.get(&format!("{}/mandate/AAAAAAAAAAAAAAAAAAAAAA", stage.url())).await;

    assert!(chinese.contains("最多") && chinese.contains("所有圈子"), "{chinese}");
    assert_eq!(client.mandates().get(refused.id).await.expect("the mandate").status, MandateStatus::Declined);
    assert_eq!(client.mandates().get(forgotten.id).await.expect("the mandate").status, MandateStatus::Expired);
    assert_eq!(told(client, refused.id).await, [EventType::MandateRequested, EventType::MandateDeclined]);
    assert_eq!(told(client, forgotten.id).await, [EventType::MandateRequested, EventType::MandateExpired]);
    assert_eq!(told(client, given_up.id).await, [EventType::MandateRequested, EventType::MandateRevoked]);
    assert!(page.contains("已过期") && !page.contains("name=\"decision\""), "{page}");
    assert_eq!(unknown.status, 404);
    for (per_payment, per_day, pointer) in [(0, 1, "/per_payment/amount"), (2, 1, "/per_day/amount")] {
        let mut fan = host.fan("openid payments:mandate").await;
        fan.renew(None).await;
        let wrong =
            fan.send(me.ask_mandate(NewMyMandate::new(cny(per_payment), cny(per_day)))).await.expect_err("a refusal");
        assert_eq!(wrong.problem["pointer"], pointer, "{wrong:?}");
    }
}

async fn in_live_mode_only_the_fan_who_is_signed_in_agrees(stage: Stage) {
    let provider = Provider::start();
    let (path, mandate, fan) = {
        let host = Host::new(&stage).await;
        let mei = host.fan(EVERYTHING).await;
        let asked = mei.send(host.client.me().ask_mandate(NewMyMandate::new(cny(100), cny(100)))).await.expect("asked");
        let url = asked.consent_url.expect("an address");
        (url.strip_prefix(stage.url()).expect("an address of the gateway").to_owned(), asked.id, mei.id.to_string())
    };
    let stage = stage.reopen(&Knobs { live: true, sign_in_issuer: Some(provider.issuer), ..Knobs::unlimited() }).await;
    let url = format!("http://{}{path}", stage.address());
    let mut anybody = Browser::new();

    let status = format!("select status from mandate where id = '{mandate}'");
    let at = |url: &str| url.replace("https://api.quanzi.example", &format!("http://{}", stage.address()));

    let page = anybody.get(&url).await;
    let shown = text(&page);
    let tried = anybody.post(&url, &[("code", &form_code(&page)), ("decision", "agree")]).await;
    let sent = anybody.post(&url, &[("code", &form_code(&page)), ("decision", "sign_in")]).await;
    let now = stage.now().seconds();
    let back = provider.sign_in(&leads_to(&sent), now, &json!({ "sub": "u1", "nickname": "Bo" }));
    let arrived = anybody.get(&at(&back)).await;
    let page = anybody.get(&url).await;
    let of_another = anybody.post(&url, &[("code", &form_code(&page)), ("decision", "agree")]).await;
    let before = stage.scalar(&status).await;
    stage.make_newest_person_be(&fan).await;
    let own = anybody.get(&url).await;
    let agreed = anybody.post(&url, &[("code", &form_code(&own)), ("decision", "agree")]).await;

    assert!(
        shown.contains("¥1.00") && shown.contains("Sign in to agree") && shown.contains("Sign in at 127.0.0.1"),
        "{shown}"
    );
    assert!(
        !shown.contains("Mei") && !shown.contains("value=\"agree\""),
        "nothing of the fan's, nothing to agree with: {shown}"
    );
    assert_eq!((tried.status, sent.status, arrived.header("location")), (403, 200, Some(path.as_str())));
    assert!(
        !text(&page).contains("value=\"agree\"") && of_another.status == 403,
        "somebody is signed in, and not the fan"
    );
    assert_eq!(before, "requires_consent");
    assert!(text(&own).contains("Bo") && agreed.status == 303, "{}", text(&own));
    assert_eq!(stage.scalar(&status).await, "active");
    provider.stop().await;
}
