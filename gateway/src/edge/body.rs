//! Reads a body: limited in size and time, digested while it arrives.

use std::time::Duration;

use actix_web::HttpRequest;
use actix_web::http::header::{self, HeaderValue};
use actix_web::web::{Bytes, BytesMut, Payload};
use futures_util::StreamExt as _;
use quanzi_openapi::ErrorCode;
use quanzi_openapi::endpoint::BodyKind;
use quanzi_openapi::signature::ContentDigest;

use super::signature;
use crate::platform::fault::Fault;

/// What is reserved before anything has arrived: an announcement alone must not cost memory.
const CAPACITY_MAX: usize = 16 * 1024;
/// The largest body of which a wrong digest is explained.
const HINTED_BYTES_MAX: usize = 64 * 1024;

/// How much, and how long.
pub(super) struct Bounds {
    /// Most bytes.
    pub bytes_max: usize,
    /// Longest time for the whole body, in seconds.
    pub seconds_max: u64,
    /// Whether a `Content-Digest` that is sent is checked. The OAuth endpoints know no such header.
    pub checks_digest: bool,
    /// Whether a wrong digest is explained: that costs more than checking it.
    pub hints: bool,
}

/// Whether a body was announced. A chunked one counts, even if it turns out empty.
pub(super) fn is_announced(http: &HttpRequest) -> bool {
    let length = http.headers().get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok());
    http.headers().contains_key(header::TRANSFER_ENCODING) || length.is_some_and(|text| text.trim() != "0")
}

/// Reads the whole body, and checks it against `Content-Digest` when there is one.
pub(super) async fn read(http: &HttpRequest, payload: Payload, bounds: &Bounds) -> Result<Bytes, Fault> {
    let seconds = bounds.seconds_max;
    match tokio::time::timeout(Duration::from_secs(seconds), collect(http, payload, bounds)).await {
        Ok(read) => read,
        Err(_) => {
            Err(Fault::new(ErrorCode::BodyTimeout).detail(format!("The body did not arrive within {seconds} seconds.")))
        }
    }
}

async fn collect(http: &HttpRequest, mut payload: Payload, bounds: &Bounds) -> Result<Bytes, Fault> {
    let bytes_max = bounds.bytes_max;
    let too_large =
        || Fault::new(ErrorCode::BodyTooLarge).detail(format!("The body may have at most {bytes_max} bytes."));
    let announced = http.headers().get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok());
    let announced: Option<usize> = announced.and_then(|text| text.trim().parse().ok());
    if announced.is_some_and(|length| length > bytes_max) {
        return Err(too_large());
    }
    // Several lines are one list (RFC 9110, 5.3), as the signature base has it.
    let lines: Vec<&[u8]> =
        http.headers().get_all(quanzi_openapi::signature::CONTENT_DIGEST).map(HeaderValue::as_bytes).collect();
    let sent = (bounds.checks_digest && !lines.is_empty()).then(|| lines.join(&b", "[..]));
    let digest = sent.as_deref().map(ContentDigest::parse).transpose();
    let digest = digest.map_err(|error| signature::fault(&error))?;
    let mut check = digest.map(ContentDigest::begin);
    let mut body = BytesMut::with_capacity(announced.unwrap_or_default().min(CAPACITY_MAX));
    while let Some(chunk) = payload.next().await {
        let chunk = chunk.map_err(|error| {
            Fault::new(ErrorCode::BodyMalformed)
                .detail("The body ended early or is framed incorrectly.")
                .because(error.to_string())
        })?;
        if body.len() + chunk.len() > bytes_max {
            return Err(too_large());
        }
        if let Some(check) = &mut check {
            check.update(&chunk);
        }
        body.extend_from_slice(&chunk);
    }
    match check.map(quanzi_openapi::signature::DigestCheck::finish) {
        Some(Err(error)) if bounds.hints && body.len() <= HINTED_BYTES_MAX => {
            Err(signature::digest_fault(&error, &body))
        }
        Some(Err(error)) => Err(signature::fault(&error)),
        _ => Ok(body.freeze()),
    }
}

/// Refuses a body of another media type than the endpoint takes.
pub(super) fn check_type(http: &HttpRequest, kind: BodyKind, is_empty: bool) -> Result<(), Fault> {
    if is_empty && kind == BodyKind::Nothing {
        return Ok(());
    }
    let mut fields = http.headers().get_all(header::CONTENT_TYPE);
    let sent = fields.next().and_then(|value| value.to_str().ok()).unwrap_or_default();
    let doubled = fields.next().is_some();
    let essence = sent.split(';').next().unwrap_or_default().trim();
    let coded = http.headers().get(header::CONTENT_ENCODING).is_some_and(|value| value.as_bytes() != b"identity");
    let taken = kind.media_types();
    if coded || doubled || !taken.iter().any(|media_type| essence.eq_ignore_ascii_case(media_type)) {
        let wanted = taken.join(" or ");
        return Err(Fault::new(ErrorCode::ContentTypeUnsupported)
            .detail(format!("Send the body as {wanted}, without Content-Encoding."))
            .header("accept", wanted));
    }
    Ok(())
}
