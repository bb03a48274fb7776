//! Explains a signature error, for the sandbox: the base line by line, the first difference, and what the signature would
//! match.
//!
//! Nothing here makes a decision; credentials are hashed before they are shown.

use quanzi_openapi::problem::LineDifference;
use quanzi_openapi::signature::{
    REQUEST_TAG, SIGNATURE_DEBUG, Signature, SignatureError, Signatures, base, decode_debug, first_difference, redact,
};

use super::signature::{Presented, find_key};
use crate::access::AppFacts;
use crate::platform::crypto;
use crate::platform::fault::Fault;

/// Completes a signature refusal with everything a sandbox may say.
pub(super) fn explain(
    presented: &Presented<'_>,
    facts: Option<&AppFacts>,
    error: &SignatureError,
    fault: Fault,
) -> Fault {
    let sent = presented.headers.iter().find(|(name, _)| name.eq_ignore_ascii_case(SIGNATURE_DEBUG));
    let client = sent.and_then(|(_, value)| decode_debug(value).ok());
    explain_with(presented, facts, error, client.as_deref(), fault)
}

/// The same, with the client's base from elsewhere than the header.
pub(crate) fn explain_with(
    presented: &Presented<'_>,
    facts: Option<&AppFacts>,
    error: &SignatureError,
    client: Option<&str>,
    fault: Fault,
) -> Fault {
    let Some((parsed, server)) = server_base(presented) else { return fault };
    let hints = match (error, facts) {
        (SignatureError::Mismatch, Some(facts)) => hints(presented, facts, &parsed, &server),
        _ => Vec::new(),
    };
    fault.map_signature(|report| {
        report.signature_base = redact(&server);
        if let Some(difference) = client.and_then(|client| first_difference(&server, client)) {
            report.first_difference = Some(LineDifference {
                line: u32::try_from(difference.line).unwrap_or(u32::MAX),
                server: difference.server,
                client: difference.client,
            });
        }
        report.hints.extend(hints);
    })
}

/// The base as the gateway computes it, when the signature can be read at all.
fn server_base(presented: &Presented<'_>) -> Option<(Signature, String)> {
    let message = presented.message(presented.target_uris.first()?).ok()?;
    let parsed = Signatures::read(&message).ok()?.choose(REQUEST_TAG).ok()?;
    let text = base(&message, &parsed).ok()?;
    Some((parsed, text))
}

/// What the signature fits, if one thing were different.
fn hints(presented: &Presented<'_>, facts: &AppFacts, parsed: &Signature, server: &str) -> Vec<String> {
    let (Ok(key), Some(ours)) = (find_key(Some(facts), parsed), presented.target_uris.first()) else {
        return Vec::new();
    };
    let base_of = |presented: &Presented<'_>, target_uri: &str| {
        presented.message(target_uri).ok().and_then(|message| base(&message, parsed).ok())
    };
    let mut others: Vec<(String, String)> = Vec::new();
    for (target_uri, hint) in target_candidates(ours) {
        let hint = format!("{hint} You signed {target_uri}, this gateway is {ours}.");
        others.extend(base_of(presented, &target_uri).map(|text| (text, hint)));
    }
    for method in ["GET", "POST", "PUT", "PATCH", "DELETE"].into_iter().filter(|method| *method != presented.method) {
        let hint = format!("You signed the method {method}, but sent {}.", presented.method);
        others.extend(base_of(&Presented { method, ..*presented }, ours).map(|text| (text, hint)));
    }
    let ours = crypto::Candidate { base: server, hint: None };
    let others = others.iter().map(|(base, hint)| crypto::Candidate { base, hint: Some(hint) });
    let candidates: Vec<crypto::Candidate<'_>> = std::iter::once(ours).chain(others).collect();
    crypto::diagnose(key.algorithm, &key.public, &candidates, &parsed.bytes)
}

/// URLs that people sign by mistake instead of the gateway's.
fn target_candidates(ours: &str) -> Vec<(String, &'static str)> {
    let Ok(url) = url::Url::parse(ours) else { return Vec::new() };
    let mut candidates = Vec::new();
    let (scheme, rest) = ours.split_once("://").unwrap_or(("http", ours));
    let other = if scheme == "https" { "http" } else { "https" };
    candidates.push((format!("{other}://{rest}"), "The scheme is different."));
    let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let host = url.host_str().unwrap_or(authority);
    let port = url.port_or_known_default().unwrap_or(80);
    if url.port().is_some() {
        candidates.push((format!("{scheme}://{host}{path}"), "The port is missing."));
    } else {
        candidates.push((format!("{scheme}://{host}:{port}{path}"), "The default port must be omitted."));
    }
    for name in ["localhost", "127.0.0.1", "[::1]"] {
        if name != host {
            candidates.push((format!("{scheme}://{name}:{port}{path}"), "The host is different."));
        }
    }
    if let Some((bare, _)) = ours.split_once('?') {
        candidates.push((bare.to_owned(), "The query is missing."));
        candidates.push((format!("{bare}?"), "The query is empty."));
    }
    if let Some(bare) = ours.strip_suffix('/') {
        candidates.push((bare.to_owned(), "The trailing slash is missing."));
    } else {
        candidates.push((format!("{ours}/"), "There is an extra trailing slash."));
    }
    let decoded: String =
        url::form_urlencoded::parse(path.replace('+', "%2B").as_bytes()).map(|(name, _)| name).collect();
    if decoded != path {
        candidates.push((format!("{scheme}://{authority}{decoded}"), "The path was decoded before signing."));
    }
    candidates.push((path.to_owned(), "Sign the full URL, not just the path."));
    candidates
}
