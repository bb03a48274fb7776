//! Lists: one page, or all entries of all pages as a stream.

use std::collections::VecDeque;
use std::pin::Pin;
use std::task::{Context, Poll};

use futures_util::stream::{self, BoxStream, Stream, StreamExt as _};
use quanzi_openapi::endpoint::{Endpoint, Reply};
use quanzi_openapi::{Cursor, Page};

use crate::call::Call;
use crate::client::Client;
use crate::error::{Error, ErrorKind};
use crate::send::{Request, send};

impl<T: Reply + Send, E: Endpoint<Reply = Page<T>>> Call<E> {
    /// One page: the first, or the one the query's cursor points to. The same as awaiting the call.
    pub async fn page(self) -> Result<Page<T>, Error> {
        self.await
    }

    /// All entries from here on; further pages are fetched when they are needed.
    pub fn stream(self) -> Items<T> {
        let (client, request) = self.into_parts();
        let start = Walk { client, request: Some(request), ready: VecDeque::new() };
        Items(
            stream::try_unfold(
                start,
                |mut walk: Walk<T>| async move { Ok(walk.step().await?.map(|item| (item, walk))) },
            )
            .boxed(),
        )
    }
}

/// The entries of a list, one by one.
///
/// A [`Stream`]; [`next`](Items::next) lets you use it without any other crate. It ends after an error.
#[must_use = "a stream does nothing until it is awaited"]
pub struct Items<T>(BoxStream<'static, Result<T, Error>>);

impl<T> Items<T> {
    /// The next entry; `None` after the last.
    pub async fn next(&mut self) -> Option<Result<T, Error>> {
        self.0.next().await
    }

    /// The first `most` entries, or all if there are fewer.
    pub async fn take(mut self, most: usize) -> Result<Vec<T>, Error> {
        let mut items = Vec::new();
        while items.len() < most {
            match self.next().await {
                Some(item) => items.push(item?),
                None => break,
            }
        }
        Ok(items)
    }
}

impl<T> Stream for Items<T> {
    type Item = Result<T, Error>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.0.poll_next_unpin(context)
    }
}

/// Position of an iteration over pages.
struct Walk<T> {
    client: Client,
    /// The request for the next page; `None` after the last.
    request: Option<Result<Request, Error>>,
    ready: VecDeque<T>,
}

impl<T: Reply> Walk<T> {
    async fn step(&mut self) -> Result<Option<T>, Error> {
        loop {
            if let Some(item) = self.ready.pop_front() {
                return Ok(Some(item));
            }
            let Some(request) = self.request.take() else { return Ok(None) };
            let request = request?;
            let page: Page<T> = send(&self.client, &request).await?.success(true, &request)?;
            self.ready = page.data.into();
            if let Some(cursor) = page.next_cursor.filter(|_| page.has_more) {
                self.request = Some(after(request, &cursor));
            }
        }
    }
}

/// The same list from this cursor on. A page that points to itself would be read forever.
fn after(mut request: Request, cursor: &Cursor) -> Result<Request, Error> {
    let cursor = cursor.to_string();
    let pairs: Vec<(String, String)> = request.url.query_pairs().into_owned().collect();
    if pairs.iter().any(|(name, value)| name == "cursor" && *value == cursor) {
        return Err(Error::new(
            ErrorKind::ResponseUnreadable,
            "the list does not advance: its next page is the same page",
        ));
    }
    let others = pairs.iter().filter(|(name, _)| name != "cursor");
    request.url.query_pairs_mut().clear().extend_pairs(others).append_pair("cursor", &cursor);
    Ok(request)
}
