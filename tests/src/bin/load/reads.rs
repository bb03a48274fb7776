//! Reads: signed `GET /v1/circles/{id}` beside the same read without any check; pages of a feed of a million posts beside one of
//! a thousand.

use quanzi_openapi::signature::Algorithm;
use quanzi_tests::raw::{Partner, TestKey};
use quanzi_tests::stage::{Knobs, Stage};
use serde_json::{Value, json};

use crate::bare::Bare;
use crate::client::{get, send_all, wire};
use crate::figures::{Figures, median, millis};
use crate::process;

const CONNECTIONS: usize = 64;
const ROUNDS: usize = 5;
const REQUESTS: usize = 20_000;
/// RSA takes long to sign, not to verify.
const RSA_REQUESTS: usize = 5_000;
const POSTS_FEW: u32 = 1_000;
const POSTS_MANY: u32 = 1_000_000;
const PAGES: usize = 20;
const PAGE_REQUESTS: usize = 2_000;

/// Everything, on both engines.
pub async fn run() {
    println!(
        "{CONNECTIONS} connections, {ROUNDS} rounds, medians; signed before the clock starts; client and gateway share this machine.\n"
    );
    for (name, stage) in [("SQLite", Stage::sqlite().await), ("PostgreSQL", Stage::postgres().await)] {
        let stage = stage.reopen(&Knobs::unlimited()).await;
        circles(name, &stage).await;
        feeds(name, &stage).await;
        stage.close().await;
        println!();
    }
    tokio::task::spawn_blocking(process::run).await.expect("measured");
}

async fn circles(engine: &str, stage: &Stage) {
    let keys = [
        ("Ed25519", TestKey::ed25519(), REQUESTS),
        ("P-256", TestKey::p256(), REQUESTS),
        ("RSA-2048 PSS", TestKey::rsa(), RSA_REQUESTS),
    ];
    for (name, key, requests) in keys {
        let partner = Partner::register_with(stage.url(), key).await;
        debug_assert!(!matches!(partner.key, TestKey::Rsa(_, Algorithm::RsaV15Sha256)));
        compare(engine, name, stage, &partner, requests).await;
    }
}

async fn compare(engine: &str, key: &str, stage: &Stage, partner: &Partner, requests: usize) {
    let circle = make_circle(partner, "Read").await;
    let path = format!("/v1/circles/{circle}");
    let bare = Bare::start(stage.another_db().await, partner.id.parse().expect("an id"));
    let address = stage.url().trim_start_matches("http://");
    let same_read = get(&format!("http://{}/circles/{circle}", bare.address));
    let nothing = get(&format!("http://{}/nothing", bare.address));
    let (mut ratios, mut to_nothing, mut rounds) = (Vec::new(), Vec::new(), Vec::new());
    for round in 0..=ROUNDS {
        let signed: Vec<Vec<u8>> = (0..requests).map(|_| wire(&partner.request("GET", &path).ready())).collect();
        let read = send_all(&bare.address, vec![same_read.clone(); requests], CONNECTIONS).await;
        let ours = send_all(address, signed, CONNECTIONS).await;
        let empty = send_all(&bare.address, vec![nothing.clone(); requests], CONNECTIONS).await;
        // The first round warms caches and connections.
        if round > 0 {
            ratios.push(ours.per_second / read.per_second);
            to_nothing.push(ours.per_second / empty.per_second);
            rounds.push((ours, read));
        }
    }
    bare.stop().await;
    let middle = |pick: fn(&(Figures, Figures)) -> f64| median(rounds.iter().map(pick).collect());
    println!(
        "{engine}, {key}: signed read {:.0}/s (p50 {:.2} ms, p99 {:.2} ms), bare read {:.0}/s, ratio {:.0} % (bar with Ed25519 on SQLite: 50 %); \
         of an empty handler {:.0} %",
        middle(|(ours, _)| ours.per_second),
        middle(|(ours, _)| ours.p50.as_secs_f64() * 1_000.0),
        middle(|(ours, _)| ours.p99.as_secs_f64() * 1_000.0),
        middle(|(_, read)| read.per_second),
        median(ratios) * 100.0,
        median(to_nothing) * 100.0,
    );
}

async fn make_circle(partner: &Partner, name: &str) -> String {
    let circle = partner.post("/v1/circles", json!({ "name": name })).await.expect_status(201);
    let id = circle["id"].as_str().expect("an id").to_owned();
    partner.request("POST", &format!("/v1/circles/{id}/open")).send().await.expect_status(200);
    id
}

async fn feeds(engine: &str, stage: &Stage) {
    let partner = Partner::register(stage.url()).await;
    let few = make_circle(&partner, "Few").await;
    let many = make_circle(&partner, "Many").await;
    stage.seed_posts(&partner.id, &few, 1, POSTS_FEW).await;
    stage.seed_posts(&partner.id, &many, 2, POSTS_MANY).await;
    let few_pages = pages(&partner, &few, 1).await;
    let many_pages = pages(&partner, &many, 10).await;
    let address = stage.url().trim_start_matches("http://");
    let (mut ratios, mut rounds) = (Vec::new(), Vec::new());
    for round in 0..=ROUNDS {
        let few = send_all(address, signed(&partner, &few_pages), 1).await;
        let many = send_all(address, signed(&partner, &many_pages), 1).await;
        if round > 0 {
            ratios.push(many.p99.as_secs_f64() / few.p99.as_secs_f64());
            rounds.push((few, many));
        }
    }
    let (few, many) = rounds[rounds.len() / 2];
    println!(
        "{engine}, page of 50 posts: of {POSTS_FEW} p50 {} p99 {}, of {POSTS_MANY} p50 {} p99 {}, ratio of p99 {:.2} (bar: 1.3)",
        millis(few.p50),
        millis(few.p99),
        millis(many.p50),
        millis(many.p99),
        median(ratios),
    );
}

/// Addresses of pages of a feed: every `stride`-th from the top on.
async fn pages(partner: &Partner, circle: &str, stride: usize) -> Vec<String> {
    let first = format!("/v1/circles/{circle}/posts?limit=50");
    let mut found = vec![first.clone()];
    let mut path = first.clone();
    for number in 1..PAGES * stride {
        let page: Value = partner.get(&path).await.expect_status(200);
        let Some(cursor) = page["next_cursor"].as_str() else { break };
        path = format!("{first}&cursor={cursor}");
        if number % stride == 0 {
            found.push(path.clone());
        }
    }
    found
}

fn signed(partner: &Partner, pages: &[String]) -> Vec<Vec<u8>> {
    (0..PAGE_REQUESTS).map(|number| wire(&partner.request("GET", &pages[number % pages.len()]).ready())).collect()
}
