//! One plain HTTP exchange: no redirects, no retries, no content coding, and a limit on what is read.

use std::time::Duration;

use bytes::{Bytes, BytesMut};

use crate::error::{Error, ErrorKind};
use crate::reply::RawReply;
use crate::signer::PreparedRequest;

/// Maximum size of a response, in bytes; a full page of the largest posts is half of that.
const ANSWER_BYTES_MAX: usize = 32 * 1024 * 1024;

/// There is no response.
pub(crate) struct Lost {
    pub(crate) error: Error,
    /// Whether the request may have reached the gateway.
    pub(crate) sent: bool,
}

pub(crate) async fn exchange(
    http: &reqwest::Client,
    request: &PreparedRequest,
    time: Duration,
) -> Result<RawReply, Lost> {
    let response = write(http, request)?.timeout(time).send().await.map_err(lost)?;
    let status = response.status().as_u16();
    let headers = response.headers().iter();
    let headers = headers.map(|(name, value)| (name.as_str().to_owned(), value.as_bytes().to_vec())).collect();
    let body = read(response).await?;
    Ok(RawReply { status, headers, body, trusted: false, after_doubt: false, attempts: 1 })
}

/// A streaming response, piece by piece.
pub(crate) struct Chunks(reqwest::Response);

impl Chunks {
    /// The next piece; `None` at the end, or when the connection broke.
    pub(crate) async fn next(&mut self) -> Option<Bytes> {
        self.0.chunk().await.ok().flatten()
    }
}

/// Opens a streaming response; anything but success is an error.
pub(crate) async fn open(http: &reqwest::Client, request: &PreparedRequest, time: Duration) -> Result<Chunks, Lost> {
    let late = |_| Lost { error: Error::new(ErrorKind::Timeout, "no response in time"), sent: true };
    let response = tokio::time::timeout(time, write(http, request)?.send()).await.map_err(late)?.map_err(lost)?;
    if response.status().is_success() {
        return Ok(Chunks(response));
    }
    let message = format!("the gateway does not stream (status {})", response.status().as_u16());
    Err(Lost { error: Error::new(ErrorKind::Unavailable, message), sent: true })
}

fn write(http: &reqwest::Client, request: &PreparedRequest) -> Result<reqwest::RequestBuilder, Lost> {
    let method = reqwest::Method::from_bytes(request.method.as_str().as_bytes())
        .map_err(|_| unsendable("the method is not an HTTP method"))?;
    let mut builder = http.request(method, request.url.clone());
    for (name, value) in &request.headers {
        // A value that is not a header's (a line break) is refused here, before it could start a header of its own.
        let value = reqwest::header::HeaderValue::from_str(value)
            .map_err(|_| unsendable(&format!("the value of header `{name}` is not printable ASCII")))?;
        let name = reqwest::header::HeaderName::from_bytes(name.as_bytes())
            .map_err(|_| unsendable(&format!("`{name}` is not a header name")))?;
        builder = builder.header(name, value);
    }
    Ok(if request.body.is_empty() { builder } else { builder.body(request.body.clone()) })
}

async fn read(mut response: reqwest::Response) -> Result<Bytes, Lost> {
    let mut body = BytesMut::new();
    while let Some(chunk) = response.chunk().await.map_err(lost)? {
        if body.len() + chunk.len() > ANSWER_BYTES_MAX {
            let error = Error::new(
                ErrorKind::ResponseUnreadable,
                format!("the response is larger than {ANSWER_BYTES_MAX} bytes"),
            );
            return Err(Lost { error, sent: true });
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body.freeze())
}

fn lost(error: reqwest::Error) -> Lost {
    // An address can hold personal data in its query; the call says which endpoint it was.
    let error = error.without_url();
    let sent = !error.is_connect() && !error.is_builder();
    let (kind, message) = if error.is_timeout() {
        (ErrorKind::Timeout, "no response in time")
    } else if error.is_connect() {
        (ErrorKind::Connection, "no connection to the gateway")
    } else if error.is_builder() {
        (ErrorKind::Configuration, "the request could not be built")
    } else {
        (ErrorKind::Connection, "the connection broke before the response was complete")
    };
    let message = match innermost(&error) {
        Some(cause) => format!("{message}: {cause}"),
        None => message.to_owned(),
    };
    Lost { error: Error::new(kind, message).with_source(error), sent }
}

fn innermost(error: &reqwest::Error) -> Option<String> {
    let mut cause = std::error::Error::source(error)?;
    while let Some(next) = cause.source() {
        cause = next;
    }
    Some(cause.to_string())
}

fn unsendable(message: &str) -> Lost {
    Lost { error: Error::new(ErrorKind::Configuration, message), sent: false }
}
