//! A response before it is sent: status, headers, and the exact bytes that are digested, saved and sent.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::http::header::{HeaderName, HeaderValue};
use actix_web::web::Bytes;
use quanzi_openapi::Endpoint;
use quanzi_openapi::endpoint::Reply;

use crate::platform::fault::Fault;

/// An answer.
#[derive(Debug, Clone)]
pub struct Answer {
    /// HTTP status.
    pub status: u16,
    /// Media type of the body; none when there is no body.
    pub content_type: Option<&'static str>,
    /// Headers that belong to this answer, beside those the edge adds.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Bytes,
}

const REPLAYED: &str = "idempotent-replayed";
const JSON: &str = "application/json";

impl Answer {
    /// A success.
    pub(super) fn of<E: Endpoint>(reply: &E::Reply) -> Result<Self, Fault> {
        let names = E::Reply::HEADERS.iter().map(|header| header.name.to_ascii_lowercase());
        let mut headers: Vec<(String, String)> = names.zip(reply.headers()).collect();
        headers.push(("cache-control".to_owned(), E::Reply::CACHE.unwrap_or("no-store").to_owned()));
        if !E::Reply::HAS_BODY {
            return Ok(Self { status: E::STATUS, content_type: None, headers, body: Bytes::new() });
        }
        let body = serde_json::to_vec(reply).map_err(Fault::internal)?;
        Ok(Self { status: E::STATUS, content_type: Some(JSON), headers, body: body.into() })
    }

    /// The head of a success whose body goes on.
    pub(super) fn stream<E: Endpoint>() -> Self {
        let headers = vec![("cache-control".to_owned(), "no-store".to_owned())];
        Self { status: E::STATUS, content_type: Some(E::Reply::MEDIA_TYPE), headers, body: Bytes::new() }
    }

    /// A saved success.
    pub(super) fn saved(status: u16, headers: Vec<(String, String)>, body: Vec<u8>) -> Self {
        let content_type = (!body.is_empty()).then_some(JSON);
        let mut answer = Self { status, content_type, headers, body: body.into() };
        answer.headers.push((REPLAYED.to_owned(), "true".to_owned()));
        answer
    }

    /// A refusal.
    pub(super) fn refusal(fault: &Fault, oauth: bool, public_url: &str, request_id: &str) -> Self {
        let body = if oauth {
            serde_json::to_vec(&fault.oauth_error(public_url, request_id))
        } else {
            serde_json::to_vec(&fault.problem(public_url, request_id))
        };
        let content_type = if oauth { JSON } else { quanzi_openapi::problem::PROBLEM_TYPE };
        let mut headers: Vec<(String, String)> =
            fault.headers().iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
        headers.push(("cache-control".to_owned(), "no-store".to_owned()));
        if let Some(seconds) = fault.retry_after_seconds() {
            headers.push(("retry-after".to_owned(), seconds.to_string()));
        }
        // Problems are plain texts and numbers: they always serialise.
        let body = body.unwrap_or_default().into();
        Self { status: fault.code().status(), content_type: Some(content_type), headers, body }
    }

    /// Whether it is a saved answer.
    pub(super) fn is_replay(&self) -> bool {
        self.headers.iter().any(|(name, _)| name == REPLAYED)
    }

    /// One more header.
    pub(super) fn push(&mut self, name: &str, value: impl Into<String>) {
        self.headers.push((name.to_owned(), value.into()));
    }

    /// Into actix's response. An invalid header value is dropped, never sent.
    pub(super) fn into_response(self) -> HttpResponse {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut response = HttpResponse::new(status);
        for (name, value) in &self.headers {
            if let (Ok(name), Ok(value)) = (HeaderName::try_from(name.as_str()), HeaderValue::from_str(value)) {
                response.headers_mut().append(name, value);
            }
        }
        response.set_body(self.body).map_into_boxed_body()
    }
}
