//! A client that costs little: keep-alive connections that write ready-made requests and read answers by their length.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use quanzi_tests::raw::Ready;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::figures::Figures;

/// A request as it goes onto the wire.
pub fn wire(ready: &Ready) -> Vec<u8> {
    let (_, rest) = ready.url.split_once("://").expect("a URL");
    let (authority, path) = rest.split_at(rest.find('/').expect("a path"));
    let mut text = format!("{} {path} HTTP/1.1\r\nhost: {authority}\r\n", ready.method);
    for (name, value) in &ready.headers {
        text.extend([name, ": ", value, "\r\n"]);
    }
    let body = ready.body.as_deref().unwrap_or_default();
    if !body.is_empty() {
        text.extend(["content-length: ", &body.len().to_string(), "\r\n"]);
    }
    text.push_str("\r\n");
    [text.as_bytes(), body].concat()
}

/// A bare GET.
pub fn get(url: &str) -> Vec<u8> {
    wire(&Ready { method: "GET".to_owned(), url: url.to_owned(), headers: Vec::new(), body: None, base: String::new() })
}

/// Sends every request once, over so many connections, and measures.
pub async fn send_all(address: &str, requests: Vec<Vec<u8>>, connections: usize) -> Figures {
    let requests = Arc::new(requests);
    let next = Arc::new(AtomicUsize::new(0));
    let mut streams = Vec::new();
    for _ in 0..connections {
        let stream = TcpStream::connect(address).await.expect("a connection");
        stream.set_nodelay(true).expect("no delay");
        streams.push(stream);
    }
    let started = Instant::now();
    let workers: Vec<_> = streams
        .into_iter()
        .map(|mut stream| {
            let (requests, next) = (Arc::clone(&requests), Arc::clone(&next));
            tokio::spawn(async move {
                let mut latencies = Vec::new();
                let mut buffer = Vec::with_capacity(64 * 1024);
                while let Some(request) = requests.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let sent = Instant::now();
                    stream.write_all(request).await.expect("sent");
                    read_answer(&mut stream, &mut buffer).await;
                    latencies.push(sent.elapsed());
                }
                latencies
            })
        })
        .collect();
    let mut latencies: Vec<Duration> = Vec::new();
    for worker in workers {
        latencies.extend(worker.await.expect("no panic"));
    }
    Figures::new(latencies, started.elapsed())
}

async fn read_answer(stream: &mut TcpStream, buffer: &mut Vec<u8>) {
    buffer.clear();
    let mut end = None;
    while end.is_none() {
        assert!(stream.read_buf(buffer).await.expect("an answer") > 0, "the connection was closed");
        end = buffer.windows(4).position(|window| window == b"\r\n\r\n");
    }
    let head_len = end.expect("found") + 4;
    let head = std::str::from_utf8(&buffer[..head_len]).expect("text").to_ascii_lowercase();
    assert!(head.starts_with("http/1.1 20"), "{}", String::from_utf8_lossy(buffer));
    let length: usize = head
        .lines()
        .find_map(|line| line.strip_prefix("content-length:"))
        .map_or(0, |text| text.trim().parse().expect("a number"));
    while buffer.len() < head_len + length {
        assert!(stream.read_buf(buffer).await.expect("a body") > 0, "the connection was closed");
    }
}
