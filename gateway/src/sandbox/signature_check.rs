//! Explains a signature without executing anything: the same checks as at the edge, with a full report.
//!
//! Invariant: nothing is written and no nonce is consumed.

use quanzi_openapi::problem::SignatureReport;
use quanzi_openapi::sandbox::{CheckSignature, SignatureFinding};
use quanzi_openapi::signature::{CONTENT_DIGEST, ContentDigest, REQUEST_TAG, SignatureError, Signatures};

use crate::access::AppFacts;
use crate::edge::Edge;
use crate::edge::signature::{self, Presented};
use crate::edge::{Anyone, Call, explain_with, key_of_other_client};
use crate::platform::fault::Fault;

/// Most headers of a request to look into.
const HEADERS_MAX: usize = 100;

/// `POST /sandbox/v1/signature/check`
pub(super) async fn check(call: &mut Call<CheckSignature, Anyone>) -> Result<SignatureFinding, Fault> {
    let asked = &call.body;
    if asked.headers.len() > HEADERS_MAX {
        return Err(Fault::field("/headers", format!("expected at most {HEADERS_MAX} headers")));
    }
    let target = url::Url::parse(&asked.url).ok().filter(url::Url::has_host);
    let target = target.ok_or_else(|| {
        Fault::field("/url", "expected the full URL you signed, such as http://127.0.0.1:8080/v1/partner")
    })?;
    let config = &call.edge.config;
    let origins = std::iter::once(&config.public_url).chain(&config.public_url_aliases);
    let path = raw_target(&asked.url, &target);
    let target_uris: Vec<String> = origins.map(|origin| format!("{origin}{path}")).collect();
    let headers: Vec<(&str, &[u8])> =
        asked.headers.iter().map(|header| (header.name.as_str(), header.value.as_bytes())).collect();
    let body = asked.body.as_deref().unwrap_or_default().as_bytes();
    let presented =
        Presented { method: &asked.method, target_uris: &target_uris, headers: &headers, has_body: !body.is_empty() };
    let facts = find_app(&call.edge, &presented).await?;
    let outcome = examine(&call.edge, &presented, facts.as_deref(), body, call.now.seconds()).await?;
    Ok(finding(&presented, facts.as_deref(), outcome, asked.signature_base.as_deref(), &asked.url))
}

/// Path and query as they were written: decoding or normalising them would be a different signature.
fn raw_target(text: &str, parsed: &url::Url) -> String {
    let rest = text.split_once("://").map_or("", |(_, rest)| rest);
    let path = rest.find(['/', '?']).and_then(|place| rest.get(place..)).unwrap_or("/");
    let path = path.split('#').next().unwrap_or("/");
    if path.starts_with('?') { format!("{}{path}", parsed.path()) } else { path.to_owned() }
}

/// The app whose key the signature names.
async fn find_app(edge: &Edge, presented: &Presented<'_>) -> Result<Option<std::sync::Arc<AppFacts>>, Fault> {
    let Some(keyid) = keyid(presented) else { return Ok(None) };
    match edge.directory.owner_of_key(&edge.db, &keyid).await? {
        Some(owner) => edge.directory.app(&edge.db, owner).await,
        None => Ok(None),
    }
}

fn keyid(presented: &Presented<'_>) -> Option<String> {
    let message = presented.message(presented.target_uris.first()?).ok()?;
    Signatures::read(&message).ok()?.choose(REQUEST_TAG).ok()?.keyid
}

async fn examine(
    edge: &Edge,
    presented: &Presented<'_>,
    facts: Option<&AppFacts>,
    body: &[u8],
    now: i64,
) -> Result<Result<(), SignatureError>, Fault> {
    if !presented.is_signed() {
        return Ok(Err(SignatureError::Missing));
    }
    if let Err(error) = presented.verify(facts, now) {
        return key_of_other_client(edge, error).await.map(Err);
    }
    let field = presented.headers.iter().find(|(name, _)| name.eq_ignore_ascii_case(CONTENT_DIGEST));
    Ok(ContentDigest::check_message(field.map(|(_, value)| *value), body))
}

fn finding(
    presented: &Presented<'_>,
    facts: Option<&AppFacts>,
    outcome: Result<(), SignatureError>,
    client_base: Option<&str>,
    asked_url: &str,
) -> SignatureFinding {
    // Even a signature that fits is shown with its base: people compare it with the one they are about to build.
    let error = outcome.as_ref().err().cloned().unwrap_or(SignatureError::Missing);
    let fault = explain_with(presented, facts, &error, client_base, signature::fault(&error));
    let mut report: SignatureReport = fault.signature_report().cloned().unwrap_or_default();
    if !presented.target_uris.iter().any(|uri| uri == asked_url)
        && let Some(ours) = presented.target_uris.first()
    {
        report.hints.push(format!("You sent {asked_url}; this gateway verifies signatures over {ours}."));
    }
    match outcome {
        Ok(()) => SignatureFinding { valid: true, code: None, detail: None, signature: report },
        Err(_) => SignatureFinding {
            valid: false,
            code: Some(fault.code().into()),
            detail: Some(fault.text().to_owned()),
            signature: report,
        },
    }
}
