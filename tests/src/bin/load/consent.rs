//! Consent: whole code flows per second, from the pushed request over the page and the decision to the tokens.
//!
//! Fans are signed in already and asked again each time. Both sides sign while the clock runs, so this has no bar: it shows drifts.

use std::time::{Duration, Instant};

use futures_util::future::join_all;
use quanzi_tests::browser::{Asking, Browser, Wish};
use quanzi_tests::stage::{Knobs, Stage};

use crate::figures::Figures;

const FANS: usize = 32;
const FLOWS_EACH: usize = 25;

/// On both engines.
pub async fn run() {
    println!("{FANS} fans at once, {FLOWS_EACH} flows each; client, gateway and database share this machine.\n");
    for (name, stage) in [("SQLite", Stage::sqlite().await), ("PostgreSQL", Stage::postgres().await)] {
        let stage = stage.reopen(&Knobs::unlimited()).await;
        let app = Asking::new(&stage).await;
        let browsers = join_all((0..FANS).map(|_| signed_in(&app))).await;
        let started = Instant::now();
        let latencies = join_all(browsers.into_iter().map(|browser| flows(&app, browser))).await;
        let figures = Figures::new(latencies.concat(), started.elapsed());
        println!(
            "{name}: {:.0} flows/s (p50 {:.0} ms, p99 {:.0} ms), four requests each",
            figures.per_second,
            figures.p50.as_secs_f64() * 1_000.0,
            figures.p99.as_secs_f64() * 1_000.0,
        );
        drop(app);
        stage.close().await;
    }
}

async fn signed_in(app: &Asking<'_>) -> Browser {
    let mut browser = Browser::new();
    app.fan_tokens(&mut browser, "openid").await;
    browser
}

async fn flows(app: &Asking<'_>, mut browser: Browser) -> Vec<Duration> {
    let mut latencies = Vec::with_capacity(FLOWS_EACH);
    for _ in 0..FLOWS_EACH {
        let started = Instant::now();
        let wish = Wish::new("openid").with("prompt", "consent");
        let url = app.address(&wish).await;
        let page = browser.get(&url).await;
        let back = browser.decide(&url, &page, "allow", false).await;
        app.exchange(&wish, &back.code()).await.expect_status(200);
        latencies.push(started.elapsed());
    }
    latencies
}
