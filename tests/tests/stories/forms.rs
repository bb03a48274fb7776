//! Every form of every page: one that does not come from the page itself is answered with 403, and nothing has changed.

use quanzi::me::NewMyMandate;
use quanzi::payments::NewPayment;
use quanzi_gateway::app::testing::FORM_PAGES;
use quanzi_tests::both_engines;
use quanzi_tests::browser::{Asking, Browser, Wish, form_code, text};
use quanzi_tests::fan::Host;
use quanzi_tests::money::{cny, payer};
use quanzi_tests::stage::{Stage, open_circle};

/// A page that waits for a decision, in the browser of the person who could make it, and a decision that would change something.
struct Waiting {
    browser: Browser,
    url: String,
    decision: &'static str,
}

async fn waiting(stage: &Stage, host: &Host<'_>, path: &str) -> Waiting {
    match path {
        "/pay/{token}" => {
            let circle = open_circle(&host.client, "Cashier").await;
            let fan = payer(&host.client, &circle, cny(1_000)).await;
            let payment =
                host.client.payments().create(NewPayment::tip(fan, circle.id, cny(500))).await.expect("a payment");
            Waiting { browser: Browser::new(), url: payment.approval_url.expect("a page"), decision: "pay" }
        }
        "/mandate/{token}" => {
            let fan = host.fan("openid payments:mandate").await;
            let asked = fan.send(host.client.me().ask_mandate(NewMyMandate::new(cny(100), cny(100)))).await;
            let url = asked.expect("a mandate").consent_url.expect("a page");
            Waiting { browser: fan.browser, url, decision: "agree" }
        }
        "/oauth/authorize" => {
            let url = Asking::new(stage).await.address(&Wish::new("openid circles:join")).await;
            let mut browser = Browser::new();
            browser.sign_in(&url, "Mei").await;
            Waiting { browser, url, decision: "allow" }
        }
        "/me" => {
            let fan = host.fan("openid").await;
            Waiting { browser: fan.browser, url: format!("{}/me", stage.url()), decision: "sign_out" }
        }
        other => panic!("a page with a form that this walk does not know: {other}"),
    }
}

/// What a decision could change: what a partner sees, and who is signed in.
async fn state(stage: &Stage) -> (String, i64) {
    (stage.fingerprint().await, stage.count("fan_session").await)
}

async fn a_form_from_elsewhere_is_refused_on_every_page(stage: Stage) {
    let host = Host::new(&stage).await;
    let address = Asking::new(&stage).await.address(&Wish::new("openid")).await;
    let foreign = form_code(&Browser::new().get(&address).await);
    for path in FORM_PAGES {
        let Waiting { mut browser, url, decision } = waiting(&stage, &host, path).await;
        let page = browser.get(&url).await;
        let own = form_code(&page);
        let before = state(&stage).await;

        let cross_site = [("sec-fetch-site", "cross-site")];
        let origin = [("origin", "https://evil.example")];
        let good = [("code", own.as_str()), ("decision", decision)];
        let refused = [
            ("another site", browser.post_with(&url, &good, &cross_site).await),
            ("another origin", browser.post_with(&url, &good, &origin).await),
            ("no code", browser.post(&url, &[("decision", decision)]).await),
            ("a wrong code", browser.post(&url, &[("code", "wrong"), ("decision", decision)]).await),
            ("another browser's code", browser.post(&url, &[("code", &foreign), ("decision", decision)]).await),
            ("no cookie", Browser::new().post(&url, &good).await),
        ];
        let after = state(&stage).await;
        let own = browser.post(&url, &good).await;

        for (what, answer) in refused {
            assert_eq!((answer.status, answer.header("location")), (403, None), "{path}, {what}: {}", text(&answer));
        }
        assert_eq!(before, after, "{path}");
        // The very form, from the page, is acted on: the gate is what refused the others.
        assert!(matches!(own.status, 200 | 303), "{path}: {} {}", own.status, text(&own));
        assert_ne!(state(&stage).await, after, "{path}");
    }
}

/// Whoever mounts a POST beside the endpoints of the contract uses the gate.
#[test]
fn forms_are_mounted_in_one_place() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../gateway/src");
    let (mut posts, mut gates) = (Vec::new(), 0);
    let mut folders = vec![std::path::PathBuf::from(folder)];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let source = std::fs::read_to_string(&path).unwrap_or_default();
            gates += source.matches("form_page::mount(").count();
            if source.contains("web::post()") {
                posts.push(path.file_name().expect("a name").to_string_lossy().into_owned());
            }
        }
    }
    posts.sort();

    assert_eq!(posts, ["form_page.rs", "mount.rs"]);
    assert_eq!(gates, FORM_PAGES.len());
}

both_engines! {
    a_form_from_elsewhere_is_refused_on_every_page,
}
