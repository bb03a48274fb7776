//! One request and its response, from the outside checks to the signature of the response.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Instant;

use actix_web::HttpRequest;
use actix_web::HttpResponse;
use actix_web::http::header::{self, HeaderValue};
use quanzi_openapi::endpoint::Access;
use quanzi_openapi::signature::{self, Draft, Message, ResponseShape};
use quanzi_openapi::{ErrorCode, Operation, Time};

use super::answer::Answer;
use super::call::Caller;
use super::limit::Left;
use crate::access::RequestInfo;
use crate::access::oauth::nonce;
use crate::access::oauth::proof::NONCE_HEADER;
use crate::access::replay::UsedNonce;
use crate::edge::Edge;
use crate::platform::fault::Fault;

/// Maximum number of headers of a request. actix itself closes a connection that sends more than 96, without our response.
const HEADERS_MAX: usize = 90;
/// Most bytes of all headers together.
const HEADER_BYTES_MAX: usize = 32 * 1024;
/// Longest path and query.
const TARGET_BYTES_MAX: usize = 8 * 1024;

/// One request on its way through the edge.
pub(crate) struct Exchange {
    pub edge: Arc<Edge>,
    pub http: HttpRequest,
    pub operation: &'static Operation,
    pub id: String,
    pub now: Time,
    pub started: Instant,
    pub address: IpAddr,
    /// Its URL at each configured origin, the canonical one first.
    pub target_uris: Vec<String>,
    /// The URL the request was signed for, once that is verified.
    pub signed_for: Option<String>,
    /// The nonce of its signature, with the key's id; a change uses it up in its transaction.
    pub nonce: Option<UsedNonce>,
    pub left: Option<Left>,
    pub caller: Option<Caller>,
}

impl Exchange {
    /// Takes the request in; nothing is checked yet.
    pub fn open(edge: &Arc<Edge>, http: HttpRequest, operation: &'static Operation) -> Self {
        let now = edge.clock.now();
        let id = format!("req_{}", edge.clock.random_text());
        let target = http.uri().path_and_query().map_or("/", |target| target.as_str());
        let origins = std::iter::once(&edge.config.public_url).chain(&edge.config.public_url_aliases);
        let target_uris = origins.map(|origin| format!("{origin}{target}")).collect();
        let address = client_address(edge, &http);
        Self {
            edge: Arc::clone(edge),
            http,
            operation,
            id,
            now,
            started: Instant::now(),
            address,
            target_uris,
            signed_for: None,
            nonce: None,
            left: None,
            caller: None,
        }
    }

    /// The request's headers as a signature sees them.
    pub fn headers(&self) -> Vec<(&str, &[u8])> {
        self.http.headers().iter().map(|(name, value)| (name.as_str(), value.as_bytes())).collect()
    }

    /// Limit by address, then sizes: before anything is looked at.
    pub fn check_outside(&mut self) -> Result<(), Fault> {
        match self.edge.limits.address(self.address) {
            Ok(left) => self.left = Some(left),
            Err((fault, left)) => {
                self.left = Some(left);
                return Err(fault);
            }
        }
        let headers = self.http.headers();
        let bytes: usize = headers.iter().map(|(name, value)| name.as_str().len() + value.len()).sum();
        let target = self.http.uri().path_and_query().map_or(0, |target| target.as_str().len());
        if headers.len() > HEADERS_MAX || bytes > HEADER_BYTES_MAX || target > TARGET_BYTES_MAX {
            return Err(Fault::new(ErrorCode::HeadersTooLarge).detail(format!(
                "At most {HEADERS_MAX} headers, {HEADER_BYTES_MAX} bytes of headers and {TARGET_BYTES_MAX} bytes of path and query are allowed."
            )));
        }
        Ok(())
    }

    /// What a handler sees of the request.
    pub fn info(&self) -> RequestInfo {
        RequestInfo {
            id: self.id.clone(),
            http: self.http.clone(),
            address: self.address,
            target_uri: self.target_uri().to_owned(),
        }
    }

    /// The URL the request was sent to: the one that was signed, else the configured origin its `Host` names, else the
    /// canonical one. `Host` only chooses among configured origins.
    fn target_uri(&self) -> &str {
        if let Some(signed_for) = &self.signed_for {
            return signed_for;
        }
        let host = self.http.headers().get(header::HOST).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let named = self.target_uris.iter().find(|uri| {
            uri.split_once("://").is_some_and(|(_, rest)| rest.split('/').next().is_some_and(|place| place == host))
        });
        named.or_else(|| self.target_uris.first()).map_or("/", String::as_str)
    }

    /// Turns a refusal into the answer of this endpoint.
    pub fn refuse(&self, fault: &Fault) -> Answer {
        let oauth = self.operation.access == Access::Client;
        Answer::refusal(fault, oauth, &self.edge.config.public_url, &self.id)
    }

    /// Completes the answer with what every answer has, signs it where it must be, and sends it.
    pub fn finish(&self, mut answer: Answer) -> HttpResponse {
        if let Some(content_type) = answer.content_type {
            answer.push("content-type", content_type);
        }
        answer.push("request-id", self.id.as_str());
        // Our clock's, not the system's: clients set theirs by it, and a sandbox's may have been moved.
        answer.push("date", self.edge.clock.now().http_date());
        answer.push("x-content-type-options", "nosniff");
        // A fresh nonce with every answer to an app, so that a client whose clock is off needs no round trip more (RFC 9449, 8.2).
        let takes_proofs = self.operation.access != Access::Public;
        if takes_proofs && !answer.headers.iter().any(|(name, _)| name.eq_ignore_ascii_case(NONCE_HEADER)) {
            answer.push(NONCE_HEADER, nonce::current(&self.edge));
        }
        if let Some(left) = &self.left {
            answer.push("ratelimit-policy", left.policy());
            answer.push("ratelimit", left.rest());
        }
        answer.push("vary", "accept-signature");
        if self.wants_signature()
            && let Err(error) = self.sign(&mut answer, true).or_else(|_| self.sign(&mut answer, false))
        {
            tracing::error!(%error, "a response could not be signed");
        }
        answer.into_response()
    }

    /// Changes are always answered signed, anything else when asked (`Accept-Signature`).
    fn wants_signature(&self) -> bool {
        let asked = || {
            let field = self.http.headers().get(signature::ACCEPT_SIGNATURE);
            field.is_some_and(|value| signature::wants_signed_response(value.as_bytes()))
        };
        let partner = matches!(self.operation.access, Access::Partner(_) | Access::Fan(_));
        (partner && self.operation.signed) || asked()
    }

    /// Signs status, digest and the request that is answered (RFC 9421, 2.4).
    ///
    /// A request whose own headers cannot be part of a signature base (bytes outside ASCII) is bound by method and URL alone.
    fn sign(&self, answer: &mut Answer, binds_headers: bool) -> Result<(), signature::SignatureError> {
        let has_body = !answer.body.is_empty();
        if has_body && !answer.headers.iter().any(|(name, _)| name == signature::CONTENT_DIGEST) {
            answer.push(signature::CONTENT_DIGEST, signature::content_digest(&answer.body));
        }
        let request_headers = if binds_headers { self.headers() } else { Vec::new() };
        let request = Message::request(self.http.method().as_str(), self.target_uri(), &request_headers)?;
        let headers: Vec<(&str, &[u8])> =
            answer.headers.iter().map(|(name, value)| (name.as_str(), value.as_bytes())).collect();
        let message = Message::response(answer.status, &headers, Some(&request));
        let shape = ResponseShape::of(&message, has_body);
        let now = self.edge.clock.now();
        let key = self.edge.keyring.signing(now);
        let draft = Draft::response(&shape, now.seconds(), key.kid())?;
        let base = draft.base(&message)?;
        let signed = draft.finish("quanzi", &key.sign(base.as_bytes()))?;
        answer.push(signature::SIGNATURE_INPUT, signed.signature_input);
        answer.push(signature::SIGNATURE, signed.signature);
        Ok(())
    }
}

/// The address of the client: the peer's, unless the peer is a trusted proxy; then the nearest one in
/// `X-Forwarded-For` that is not.
pub(crate) fn client_address(edge: &Edge, http: &HttpRequest) -> IpAddr {
    let peer = http.peer_addr().map_or(IpAddr::from([0, 0, 0, 0]), |peer| peer.ip()).to_canonical();
    let trusted = |address: &IpAddr| edge.config.trusted_proxies.iter().any(|range| range.contains(address));
    if !trusted(&peer) {
        return peer;
    }
    // From the right, where the proxies wrote: a client can put anything before that, so nothing left of an unreadable or
    // untrusted hop counts.
    let fields: Vec<&[u8]> = http.headers().get_all("x-forwarded-for").map(HeaderValue::as_bytes).collect();
    let mut nearest = peer;
    for hop in fields.iter().rev().flat_map(|field| field.rsplit(|byte| *byte == b',')) {
        let Some(hop) = std::str::from_utf8(hop).ok().and_then(|text| text.trim().parse::<IpAddr>().ok()) else {
            break;
        };
        nearest = hop.to_canonical();
        if !trusted(&nearest) {
            break;
        }
    }
    nearest
}
