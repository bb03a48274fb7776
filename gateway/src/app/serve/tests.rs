//! Start and shutdown.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use secrecy::ExposeSecret as _;

use super::*;
use crate::app::error::chain;
use crate::platform::db::Sql;
use crate::platform::db::scratch::Scratch;
use crate::sql;

const NEWER: Sql = sql!(
    "insert into _sqlx_migrations (version, description, success, checksum, execution_time) ",
    "select 9999, description, success, checksum, execution_time from _sqlx_migrations where version = 1"
);

fn config(scratch: &Scratch, more: &[(&str, &str)]) -> Config {
    let url = scratch.settings().url.expose_secret();
    let given: &[(&str, &str)] =
        &[("listen", "127.0.0.1:0"), ("database_url", url), ("workers", "1"), ("sandbox_demo", "false")];
    Config::of(&[given, more].concat()).expect("a right configuration")
}

/// One request on a connection of its own: status and everything that came.
async fn get(url: &str, path: &str) -> (u16, String) {
    let (address, path) = (url.trim_start_matches("http://").to_owned(), path.to_owned());
    let asked = tokio::task::spawn_blocking(move || {
        let mut stream = TcpStream::connect(&address).expect("a connection");
        write!(stream, "GET {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n").expect("sent");
        let mut text = String::new();
        stream.read_to_string(&mut text).expect("an answer");
        text
    });
    let text = asked.await.expect("asked");
    let status = text.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status");
    (status, text)
}

async fn a_gateway_starts_answers_and_stops(scratch: Scratch) {
    let running = start(config(&scratch, &[("metrics_listen", "127.0.0.1:0")])).await.expect("it starts");
    let url = running.url().to_owned();
    let metrics = format!("http://{}", running.metrics_address().expect("an address"));

    assert_eq!(get(&url, "/healthz").await.0, 200);
    assert_eq!(get(&url, "/readyz").await.0, 200);
    assert_eq!(get(&url, "/nowhere").await.0, 404);
    assert_eq!(get(&url, "/metrics").await.0, 404);
    let (status, page) = get(&metrics, "/metrics").await;
    assert!(status == 200 && page.contains("quanzi_build_info") && page.contains("openmetrics-text"), "{page}");
    assert_eq!(get(&metrics, "/healthz").await.0, 404);

    running.app().stopping.set();
    assert_eq!(get(&url, "/readyz").await.0, 503);
    assert_eq!(get(&url, "/healthz").await.0, 200);

    running.stop().await.expect("it stops");
    assert!(TcpStream::connect(url.trim_start_matches("http://")).is_err());
}

#[tokio::test]
async fn a_gateway_starts_answers_and_stops_on_sqlite() {
    a_gateway_starts_answers_and_stops(Scratch::sqlite().expect("a scratch folder")).await;
}

#[tokio::test]
async fn a_gateway_starts_answers_and_stops_on_postgres() {
    a_gateway_starts_answers_and_stops(Scratch::postgres().await.expect("a scratch database")).await;
}

// The test itself blocks a thread.
#[tokio::test(flavor = "multi_thread")]
async fn an_idle_connection_does_not_hold_up_the_stop() {
    let scratch = Scratch::sqlite().expect("a scratch folder");
    let running = start(config(&scratch, &[])).await.expect("it starts");
    let address = running.url().trim_start_matches("http://").to_owned();
    let mut idle = TcpStream::connect(&address).expect("a connection");
    write!(idle, "GET /readyz HTTP/1.1\r\nhost: {address}\r\n\r\n").expect("sent");
    let mut begin = [0; 12];
    idle.read_exact(&mut begin).expect("an answer");

    let stopped = tokio::time::timeout(Duration::from_secs(3), running.stop()).await;

    assert_eq!(&begin, b"HTTP/1.1 200");
    stopped.expect("in time").expect("it stops");
}

#[tokio::test]
async fn a_taken_address_is_refused_by_name() {
    let taken = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = taken.local_addr().expect("an address").to_string();
    let scratch = Scratch::sqlite().expect("a scratch folder");

    let error = start(config(&scratch, &[("listen", &address)])).await.err().expect("a refusal");

    assert!(chain(&error).starts_with(&format!("cannot listen on {address}: ")), "{}", chain(&error));
}

#[tokio::test]
async fn a_newer_database_is_refused_in_words() {
    let scratch = Scratch::sqlite().expect("a scratch folder");
    let db = scratch.open().await.expect("a migrated database");
    let mut tx = db.begin().await.expect("a transaction");
    tx.query(NEWER).run().await.expect("written");
    tx.commit().await.expect("committed");
    db.close().await;

    let error = start(config(&scratch, &[])).await.err().expect("a refusal");

    let text = chain(&error);
    assert!(text.starts_with("cannot migrate the database: the database is at migration 9999"), "{text}");
    assert!(text.ends_with("start a newer one"), "{text}");
}

#[tokio::test]
async fn a_database_that_is_not_there_is_named_without_its_password() {
    let scratch = Scratch::sqlite().expect("a scratch folder");
    let url = ("database_url", "postgres://quanzi:hunter2@127.0.0.1:1/quanzi");

    let error = start(config(&scratch, &[url])).await.err().expect("a refusal");

    let text = chain(&error);
    assert!(text.starts_with("cannot open the database postgres://quanzi:hidden@127.0.0.1:1/quanzi: "), "{text}");
    assert!(!text.contains("hunter2"), "{text}");
}

#[tokio::test]
async fn a_request_under_way_is_answered_before_the_gateway_goes() {
    let scratch = Scratch::sqlite().expect("a scratch folder");
    let running = start(config(&scratch, &[])).await.expect("it starts");
    let address = running.url().trim_start_matches("http://").to_owned();
    // Readiness waits here for a connection to read with, until the pool has one for it again.
    let db = running.app().db.clone();
    let mut held = Vec::new();
    for _ in 0..8 {
        held.push(db.reading().await.expect("a connection"));
    }
    let asked = tokio::task::spawn_blocking(move || {
        let mut stream = TcpStream::connect(&address).expect("a connection");
        write!(stream, "GET /readyz HTTP/1.1\r\nhost: {address}\r\n\r\n").expect("sent");
        let mut begin = [0; 12];
        stream.read_exact(&mut begin).expect("an answer");
        begin
    });
    tokio::time::sleep(Duration::from_millis(200)).await;

    let stopping = tokio::spawn(running.stop());
    tokio::time::sleep(Duration::from_millis(200)).await;
    let early = stopping.is_finished();
    held.clear();

    assert!(!early, "the gateway left a request behind");
    // It was taken before the gateway began to stop, and says so: answered is what counts.
    assert_eq!(&asked.await.expect("asked"), b"HTTP/1.1 503");
    stopping.await.expect("no panic").expect("it stops");
}
