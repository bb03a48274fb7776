//! Events: a page of a log of a million, anywhere in it, beside its first page.

use quanzi_tests::raw::Partner;
use quanzi_tests::stage::{Knobs, Stage};

use crate::client::{send_all, wire};
use crate::figures::{median, millis};

const EVENTS: u32 = 1_000_000;
const REQUESTS: usize = 2_000;
const ROUNDS: usize = 5;
const PLACES: [u32; 4] = [1, EVENTS / 3, EVENTS / 2, EVENTS - 200];

/// Both engines.
pub async fn run() {
    println!("A log of {EVENTS} events, pages of 100, one connection, {ROUNDS} rounds, medians.\n");
    for (name, stage) in [("SQLite", Stage::sqlite().await), ("PostgreSQL", Stage::postgres().await)] {
        let stage = stage.reopen(&Knobs::unlimited()).await;
        let partner = Partner::register(stage.url()).await;
        stage.seed_events(&partner.id, EVENTS).await;
        let signed = |after: u32| -> Vec<Vec<u8>> {
            let path = format!("/v1/events?limit=100&after={after}");
            (0..REQUESTS).map(|_| wire(&partner.request("GET", &path).ready())).collect()
        };
        let address = stage.url().trim_start_matches("http://");
        let mut ratios = vec![Vec::new(); PLACES.len()];
        let mut first_page = Vec::new();
        for round in 0..=ROUNDS {
            let first = send_all(address, signed(0), 1).await;
            for (place, ratios) in PLACES.iter().zip(&mut ratios) {
                let there = send_all(address, signed(*place), 1).await;
                if round > 0 {
                    ratios.push(there.p50.as_secs_f64() / first.p50.as_secs_f64());
                }
            }
            if round > 0 {
                first_page.push(first);
            }
        }
        let middle = first_page[first_page.len() / 2];
        println!("{name}: first page p50 {} p99 {}", millis(middle.p50), millis(middle.p99));
        for (place, ratios) in PLACES.iter().zip(ratios) {
            println!("{name}: after {place}: {:.2} of the first page's p50 (bar 1.3)", median(ratios));
        }
        stage.close().await;
    }
}
