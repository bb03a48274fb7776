//! Calls are values: build one, then await it. Nothing is sent before.

use std::future::{Future, IntoFuture};
use std::marker::PhantomData;
use std::pin::Pin;
use std::time::Duration;

use bytes::Bytes;
use quanzi_openapi::endpoint::{Body as _, BodyKind, Endpoint, Idempotency, Reply as _};
use quanzi_openapi::partners::etag;
use quanzi_openapi::{Access, Method};
use serde::Serialize;
use serde_json::Value;
use url::Url;

use crate::client::Client;
use crate::error::{Error, ErrorKind};
use crate::reply::RawReply;
use crate::send::{Request, prepare, send};
use crate::signer::PreparedRequest;

/// The future of a call.
pub type Answer<T> = Pin<Box<dyn Future<Output = Result<T, Error>> + Send>>;

/// A call to one endpoint. Await it, or set options first.
#[must_use = "a call does nothing until it is awaited"]
pub struct Call<E: Endpoint> {
    raw: RawCall,
    endpoint: PhantomData<fn() -> E>,
}

impl<E: Endpoint> Call<E> {
    #[expect(clippy::needless_pass_by_value, reason = "pass what to send to the method: `create(NewCircle::new(..))`")]
    pub(crate) fn new(client: &Client, params: E::Params, query: E::Query, body: E::Body) -> Self {
        Self { raw: RawCall::new(client, write::<E>(client, &params, &query, &body)), endpoint: PhantomData }
    }

    /// Uses this idempotency key instead of a random one: retried with the same key, the call takes effect once.
    pub fn idempotency_key(mut self, key: impl Into<String>) -> Self {
        self.raw = self.raw.idempotency_key(key);
        self
    }

    /// Changes the object only if it still has this version.
    pub fn if_match(mut self, version: i64) -> Self {
        self.raw = self.raw.if_match(version);
        self
    }

    /// Sets the timeout of each attempt.
    pub fn timeout(mut self, time: Duration) -> Self {
        self.raw = self.raw.timeout(time);
        self
    }

    /// Sets the maximum number of retries.
    pub fn retries(mut self, times: u32) -> Self {
        self.raw = self.raw.retries(times);
        self
    }

    /// Adds a header. It is not covered by the signature.
    pub fn header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.raw = self.raw.header(name, value);
        self
    }

    /// The same call, returning the response uninterpreted: status, headers, bytes.
    pub fn raw(self) -> RawCall {
        self.raw
    }

    pub(crate) fn into_parts(self) -> (Client, Result<Request, Error>) {
        (self.raw.client, self.raw.request)
    }
}

impl<E: Endpoint> IntoFuture for Call<E> {
    type Output = Result<E::Reply, Error>;
    type IntoFuture = Answer<E::Reply>;

    fn into_future(self) -> Self::IntoFuture {
        let RawCall { client, request } = self.raw;
        Box::pin(async move {
            let request = request?;
            send(&client, &request).await?.success(E::Reply::HAS_BODY, &request)
        })
    }
}

/// A call that returns the response uninterpreted; also the way to call endpoints this version does not know.
#[must_use = "a call does nothing until it is awaited"]
pub struct RawCall {
    client: Client,
    request: Result<Request, Error>,
}

impl RawCall {
    pub(crate) fn new(client: &Client, request: Result<Request, Error>) -> Self {
        Self { client: client.clone(), request }
    }

    /// Adds a query parameter.
    pub fn query(self, name: &str, value: &str) -> Self {
        self.change(|request| {
            request.url.query_pairs_mut().append_pair(name, value);
        })
    }

    /// Sends this value as JSON.
    pub fn json(mut self, value: &impl Serialize) -> Self {
        match serde_json::to_vec(value) {
            Ok(bytes) => self.body("application/json", bytes),
            Err(error) => {
                self.request =
                    self.request.and(Err(misput("the body cannot be serialised as JSON").with_source(error)));
                self
            }
        }
    }

    /// Sends these bytes.
    pub fn body(self, content_type: impl Into<String>, bytes: impl Into<Bytes>) -> Self {
        self.change(|request| {
            request.content_type = Some(content_type.into().into());
            request.body = bytes.into();
        })
    }

    /// Uses this idempotency key. A POST without one is not retried when its response was lost.
    pub fn idempotency_key(self, key: impl Into<String>) -> Self {
        self.change(|request| request.idempotency_key = Some(key.into()))
    }

    /// Changes the object only if it still has this version.
    pub fn if_match(self, version: i64) -> Self {
        self.change(|request| request.if_match = Some(etag(version)))
    }

    /// Sets the timeout of each attempt.
    pub fn timeout(self, time: Duration) -> Self {
        self.change(|request| request.bounds.attempt = time)
    }

    /// Sets the maximum number of retries.
    pub fn retries(self, times: u32) -> Self {
        self.change(|request| request.bounds.retries_max = times)
    }

    /// Adds a header. It is not covered by the signature.
    pub fn header(self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.change(|request| request.headers.push((name.into().to_ascii_lowercase().into(), value.into())))
    }

    /// Sends the call without token and signature.
    pub fn unsigned(self) -> Self {
        self.change(|request| request.signed = false)
    }

    /// Signs the call as it would be sent now, without sending it.
    pub async fn prepare(self) -> Result<PreparedRequest, Error> {
        prepare(&self.client, &self.request?, &mut None).await
    }

    fn change(mut self, change: impl FnOnce(&mut Request)) -> Self {
        if let Ok(request) = &mut self.request {
            change(request);
        }
        self
    }
}

impl IntoFuture for RawCall {
    type Output = Result<RawReply, Error>;
    type IntoFuture = Answer<RawReply>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(async move { send(&self.client, &self.request?).await })
    }
}

fn misput(message: impl Into<String>) -> Error {
    Error::new(ErrorKind::Configuration, message)
}

/// Builds a request from the declaration.
fn write<E: Endpoint>(client: &Client, params: &E::Params, query: &E::Query, body: &E::Body) -> Result<Request, Error> {
    let mut url = client.url("/")?;
    fill(&mut url, E::PATH, &members(params)?)?;
    let query = members(query)?;
    if !query.is_empty() {
        url.query_pairs_mut().extend_pairs(query.iter().map(|(name, value)| (name, plain(value))));
    }
    let mut request = Request::new(E::METHOD, E::PATH, url, client.bounds());
    request.body = body.write().map_err(|error| misput("the body cannot be serialised").with_source(error))?.into();
    if E::Body::KIND != BodyKind::Nothing {
        request.content_type = E::Body::KIND.media_types().first().map(|kind| (*kind).into());
    }
    request.signed = match E::ACCESS {
        Access::Public => false,
        Access::Partner(_) | Access::Fan(_) => true,
        Access::Client => return Err(misput("the SDK calls the endpoints of the authorization server itself")),
    };
    if E::METHOD == Method::Post && E::IDEMPOTENCY != Idempotency::None {
        request.idempotency_key = Some(client.system().nonce()?);
    }
    Ok(request)
}

fn members(fields: &impl Serialize) -> Result<serde_json::Map<String, Value>, Error> {
    match serde_json::to_value(fields) {
        Ok(Value::Object(members)) => Ok(members),
        Ok(_) => Err(misput("parameters must be a struct")),
        Err(error) => Err(misput("a parameter cannot be serialised").with_source(error)),
    }
}

fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// Replaces the placeholders in the path, each with one segment whatever the value contains.
fn fill(url: &mut Url, path: &str, values: &serde_json::Map<String, Value>) -> Result<(), Error> {
    let mut segments = url.path_segments_mut().map_err(|()| misput("the base URL cannot carry a path"))?;
    segments.clear();
    for segment in path.split('/').skip(1) {
        let Some(name) = segment.strip_prefix('{').and_then(|rest| rest.strip_suffix('}')) else {
            segments.push(segment);
            continue;
        };
        let value = values.get(name).map(plain).unwrap_or_default();
        // These would be dropped or climb the path, and so name another endpoint.
        if matches!(value.as_str(), "" | "." | "..") {
            return Err(misput(format!("`{name}` cannot be used in a path: `{value}`")));
        }
        segments.push(&value);
    }
    Ok(())
}
