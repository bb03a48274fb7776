//! Listens to the event stream to learn at once that there are new events; the events themselves are read from the log.
//!
//! A stream is not signed, so it is trusted only as a hint that there may be new events.

use std::time::Duration;

use quanzi_openapi::Nothing;
use quanzi_openapi::events::{StreamEvents, StreamQuery};

use crate::client::Client;
use crate::error::Error;
use crate::send::prepare;
use crate::transport::{Chunks, open};

/// The gateway sends something every 15 seconds; a stream that is silent for longer is considered dead.
const SILENCE_MAX: Duration = Duration::from_secs(40);
/// Maximum length of a line that is parsed; the line with a sequence number is short.
const LINE_BYTES_MAX: usize = 64;

pub(super) struct StreamListener {
    client: Client,
    chunks: Option<Chunks>,
    numbers: Numbers,
}

impl std::fmt::Debug for StreamListener {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("StreamListener").field("open", &self.chunks.is_some()).finish_non_exhaustive()
    }
}

impl StreamListener {
    pub(super) fn new(client: &Client) -> Self {
        Self { client: client.clone(), chunks: None, numbers: Numbers::default() }
    }

    /// Waits until there may be an event after this sequence number; without a stream, for `pause`. When dropped halfway, it
    /// only opens a new stream later.
    pub(super) async fn wait(&mut self, after: i64, pause: Duration) {
        let mut chunks = match self.chunks.take() {
            Some(chunks) => chunks,
            None => match self.open(after).await {
                Ok(chunks) => {
                    self.numbers = Numbers::default();
                    chunks
                }
                Err(error) => {
                    tracing::debug!(%error, "the event stream could not be opened");
                    return self.client.system().sleep(pause).await;
                }
            },
        };
        let rang = tokio::time::timeout(SILENCE_MAX, async {
            while let Some(bytes) = chunks.next().await {
                if self.numbers.read(&bytes) > after {
                    return true;
                }
            }
            false
        });
        if rang.await == Ok(true) {
            self.chunks = Some(chunks);
        } else {
            // It ended, or is dead, and is opened anew the next time; not at once, for it may end again at once.
            self.client.system().sleep(self.client.system().jitter(pause)).await;
        }
    }

    async fn open(&self, after: i64) -> Result<Chunks, Error> {
        let mut query = StreamQuery::default();
        query.after = Some(after);
        let (client, request) = self.client.call::<StreamEvents>(Nothing {}, query, Nothing {}).into_parts();
        let request = request?;
        let prepared = prepare(&client, &request, &mut None).await?;
        open(client.http(), &prepared, request.bounds.attempt).await.map_err(|lost| lost.error)
    }
}

/// The highest sequence number a stream has sent so far.
#[derive(Default)]
struct Numbers {
    highest: i64,
    /// The current line; only its first bytes.
    line: Vec<u8>,
}

impl Numbers {
    fn read(&mut self, bytes: &[u8]) -> i64 {
        for byte in bytes {
            if *byte == b'\n' {
                let number = self.line.strip_prefix(b"id: ").and_then(|text| std::str::from_utf8(text).ok());
                if let Some(number) = number.and_then(|text| text.trim().parse::<i64>().ok()) {
                    self.highest = self.highest.max(number);
                }
                self.line.clear();
            } else if self.line.len() < LINE_BYTES_MAX {
                self.line.push(*byte);
            }
        }
        self.highest
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_across_the_cuts_of_a_connection() {
        let stream =
            "id: 41\nevent: circle.opened\ndata: {\"text\":\"id: 99\"}\n\n:\n\nid: 42\nevent: x\ndata: id: 7\n\n";
        for cut in 0..stream.len() {
            let mut numbers = Numbers::default();
            let (head, tail) = stream.as_bytes().split_at(cut);
            numbers.read(head);

            assert_eq!(numbers.read(tail), 42, "cut at {cut}");
        }
        let mut numbers = Numbers::default();
        assert_eq!(numbers.read(b"id: x\nid: 99999999999999999999\ndata: 5\n"), 0);
    }
}
