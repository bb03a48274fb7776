//! One attempt: a signed POST and its result. Invariant: no redirect is followed, no proxy from the environment is used, no
//! more of a response is read than allowed, and a failure says which part failed.

use std::error::Error as StdError;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use bytes::Bytes;
use quanzi_openapi::deliveries::{DeliveryError, RESPONSE_EXCERPT_BYTES_MAX};
use quanzi_openapi::webhooks::{WEBHOOK_CONTROL, WEBHOOK_ID, WEBHOOK_SIGNATURE, WEBHOOK_TIMESTAMP};
use reqwest::header::{CONTENT_TYPE, HeaderMap, RETRY_AFTER};
use reqwest::redirect::Policy;
use reqwest::{Client, Response, StatusCode, Url};
use url::Host;

use super::address::{AddressForbidden, NotResolved, Reach, Resolver};
use super::sign::{self, Secrets};
use crate::platform::Platform;
use crate::platform::fault::Fault;
use crate::platform::tls;

/// For everything: connecting, sending, the whole answer.
const TIMEOUT: Duration = Duration::from_secs(15);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// How long a connection is kept for the next event.
const IDLE_TIMEOUT: Duration = Duration::from_mins(1);
/// Most bytes of an answer that are read.
const RESPONSE_BYTES_MAX: usize = 64 * 1_024;
const USER_AGENT: &str = concat!("Quanzi-Webhooks/", env!("CARGO_PKG_VERSION"));

/// Where to, and what to sign with.
pub struct Target {
    /// Where to; its literal address was checked.
    pub url: Url,
    /// What the `v1` signatures are made with.
    pub secrets: Secrets,
}

/// What came of an attempt.
#[derive(Debug, Clone)]
pub struct Attempt {
    /// Status of the answer.
    pub status: Option<u16>,
    /// Why it failed, and that in words.
    pub failure: Option<(DeliveryError, String)>,
    /// The beginning of the answer.
    pub response: Option<String>,
    /// How long it took.
    pub latency_ms: i64,
    /// What the receiver asks for.
    pub asks: Asks,
}

impl Attempt {
    /// The gateway itself failed.
    pub fn not_sent() -> Self {
        failed(DeliveryError::Connect, "the gateway could not send the request".to_owned())
    }
}

/// What a receiver can ask for in its answer.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Asks {
    /// `webhook-control: disable`.
    pub disable: bool,
    /// `Retry-After`, in seconds.
    pub pause_seconds: Option<i64>,
}

/// The HTTP client, made when it is first needed: reading the system's certificates takes time and memory.
#[derive(Default)]
pub struct Sender(OnceLock<Client>);

impl Sender {
    fn client(&self, reach: Reach) -> Result<&Client, Fault> {
        if let Some(client) = self.0.get() {
            return Ok(client);
        }
        let client = client(reach).map_err(Fault::internal)?;
        Ok(self.0.get_or_init(|| client))
    }

    /// Posts the body, signed now.
    pub async fn post(&self, platform: &Platform, target: &Target, id: &str, body: Bytes) -> Result<Attempt, Fault> {
        let reach = Reach::of(&platform.config);
        let client = self.client(reach)?;
        let started = Instant::now();
        let mut attempt = match check_literal(reach, &target.url) {
            Err(forbidden) => failed(DeliveryError::AddressForbidden, forbidden.to_string()),
            Ok(()) => match send(client, platform, target, id, body).await {
                Ok(attempt) => attempt,
                Err(error) => failure(&error),
            },
        };
        attempt.latency_ms = i64::try_from(started.elapsed().as_millis()).unwrap_or(i64::MAX);
        Ok(attempt)
    }
}

fn client(reach: Reach) -> Result<Client, crate::platform::db::Cause> {
    let client = Client::builder()
        .tls_backend_preconfigured(tls::client()?)
        .dns_resolver(Resolver(reach))
        .redirect(Policy::none())
        .retry(reqwest::retry::never())
        .no_proxy()
        .timeout(TIMEOUT)
        .connect_timeout(CONNECT_TIMEOUT)
        .pool_idle_timeout(IDLE_TIMEOUT)
        .tcp_nodelay(true)
        .user_agent(USER_AGENT);
    Ok(client.build()?)
}

/// A literal address is connected to without asking the resolver, so it is looked at here, before each attempt.
fn check_literal(reach: Reach, url: &Url) -> Result<(), AddressForbidden> {
    match url.host() {
        Some(Host::Ipv4(address)) => reach.check(address.into()),
        Some(Host::Ipv6(address)) => reach.check(address.into()),
        _ => Ok(()),
    }
}

async fn send(
    client: &Client,
    platform: &Platform,
    target: &Target,
    id: &str,
    body: Bytes,
) -> Result<Attempt, reqwest::Error> {
    // The receiver compares it with its own clock, so it is the system's time, also when a sandbox's clock was moved.
    let timestamp = platform.clock.machine().seconds();
    let (keys, now) = (platform.keyring.keys(), platform.clock.now());
    let signatures = sign::signatures(&target.secrets, now, keys.signing_and_before(now), id, timestamp, &body);
    let request = client
        .post(target.url.clone())
        .header(CONTENT_TYPE, "application/json")
        .header(WEBHOOK_ID, id)
        .header(WEBHOOK_TIMESTAMP, timestamp)
        .header(WEBHOOK_SIGNATURE, signatures)
        .body(body);
    read(platform, request.send().await?).await
}

async fn read(platform: &Platform, mut response: Response) -> Result<Attempt, reqwest::Error> {
    let status = response.status();
    let asks = asks(platform, response.headers());
    let mut bytes: Vec<u8> = Vec::new();
    let mut read: usize = 0;
    while let Some(chunk) = response.chunk().await? {
        read = read.saturating_add(chunk.len());
        let room = RESPONSE_EXCERPT_BYTES_MAX.saturating_sub(bytes.len());
        bytes.extend(chunk.iter().take(room));
        if read > RESPONSE_BYTES_MAX {
            break;
        }
    }
    let failure = if !status.is_success() {
        Some((DeliveryError::Status, words(status)))
    } else if read > RESPONSE_BYTES_MAX {
        let words = format!("the response is larger than {RESPONSE_BYTES_MAX} bytes");
        Some((DeliveryError::ResponseTooLarge, words))
    } else {
        None
    };
    let response = (!bytes.is_empty()).then(|| excerpt(&bytes));
    Ok(Attempt { status: Some(status.as_u16()), failure, response, latency_ms: 0, asks })
}

fn words(status: StatusCode) -> String {
    if status.is_redirection() {
        return format!("the receiver responded with {}; redirects are not followed", status.as_u16());
    }
    format!("the receiver responded with {}", status.as_u16())
}

/// As text, without what would upset a terminal or a database.
fn excerpt(bytes: &[u8]) -> String {
    let text: String = String::from_utf8_lossy(bytes)
        .chars()
        .map(|letter| if letter.is_control() && !matches!(letter, '\n' | '\t') { ' ' } else { letter })
        .collect();
    let mut end = text.len().min(RESPONSE_EXCERPT_BYTES_MAX);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.get(..end).unwrap_or_default().to_owned()
}

fn asks(platform: &Platform, headers: &HeaderMap) -> Asks {
    let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).map(str::trim);
    let pause_seconds = header(RETRY_AFTER.as_str()).and_then(|text| match text.parse::<i64>() {
        Ok(seconds) => Some(seconds.max(0)),
        Err(_) => http_date(text).map(|at| (at - platform.clock.machine().seconds()).max(0)),
    });
    Asks { disable: header(WEBHOOK_CONTROL).is_some_and(|word| word.eq_ignore_ascii_case("disable")), pause_seconds }
}

fn http_date(text: &str) -> Option<i64> {
    let time = jiff::fmt::rfc2822::DateTimeParser::new().parse_timestamp(text).ok()?;
    Some(time.as_second())
}

fn failed(error: DeliveryError, words: String) -> Attempt {
    Attempt { status: None, failure: Some((error, words)), response: None, latency_ms: 0, asks: Asks::default() }
}

/// Which part failed. reqwest and hyper nest their errors; ours, rustls' and the system's are somewhere inside.
fn failure(error: &reqwest::Error) -> Attempt {
    let mut cause: Option<&(dyn StdError + 'static)> = Some(error);
    let mut last = error.to_string();
    while let Some(inner) = cause {
        if let Some(forbidden) = inner.downcast_ref::<AddressForbidden>() {
            return failed(DeliveryError::AddressForbidden, forbidden.to_string());
        }
        if let Some(unknown) = inner.downcast_ref::<NotResolved>() {
            let words = unknown.0.as_ref().map_or_else(|| unknown.to_string(), |error| format!("{unknown}: {error}"));
            return failed(DeliveryError::Dns, words);
        }
        if let Some(tls) = inner.downcast_ref::<rustls::Error>() {
            return failed(DeliveryError::Tls, tls.to_string());
        }
        last = inner.to_string();
        let io = inner.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref);
        cause = match io {
            Some(boxed) => Some(boxed),
            None => inner.source(),
        };
    }
    let (kind, words) = if error.is_connect() {
        (DeliveryError::Connect, last)
    } else if error.is_timeout() {
        (DeliveryError::Timeout, format!("no complete response within {} seconds", TIMEOUT.as_secs()))
    } else {
        (DeliveryError::Interrupted, last)
    };
    failed(kind, words)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_excerpt_is_short_text_without_control_characters() {
        let long = "圈".repeat(1_000);

        assert_eq!(excerpt(b"a\0b\x1b[31m\r\nc\tok"), "a b [31m \nc\tok");
        assert!(excerpt(long.as_bytes()).len() <= RESPONSE_EXCERPT_BYTES_MAX);
        assert!(excerpt(&[0xff; 2_000]).len() <= RESPONSE_EXCERPT_BYTES_MAX);
    }

    #[test]
    fn a_date_is_read_as_well_as_seconds() {
        assert_eq!(http_date("Sun, 06 Nov 1994 08:49:37 GMT"), Some(784_111_777));
        assert_eq!(http_date("soon"), None);
    }
}
