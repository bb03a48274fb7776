//! The header `If-Match`.

use actix_web::HttpRequest;
use actix_web::http::header;
use quanzi_openapi::ErrorCode;

use crate::platform::fault::Fault;

/// The header that names the version a change is for.
pub(super) fn read(http: &HttpRequest) -> Result<i64, Fault> {
    let mut fields = http.headers().get_all(header::IF_MATCH);
    let Some(field) = fields.next() else {
        return Err(ErrorCode::IfMatchMissing.into());
    };
    if fields.next().is_some() {
        return Err(Fault::param("If-Match", "Send the header once."));
    }
    let text = field.to_str().unwrap_or_default().trim();
    let number = text.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).and_then(|number| number.parse().ok());
    number.ok_or_else(|| {
        Fault::param(
            "If-Match",
            "Send the object's ETag exactly as you received it, for example \"3\" with the quotes.",
        )
    })
}
