//! Rules of the authorization server, pure.

use quanzi_openapi::ErrorCode;
use quanzi_openapi::scope::Scopes;
use url::Url;

use crate::app::App;
use crate::fault::Fault;

/// Algorithms of proofs, as a challenge names them (RFC 9449, 7.1).
const ALGORITHMS: &str = "EdDSA Ed25519 ES256 PS256";

/// The `WWW-Authenticate` of a 401 of the API; without an error when the request carried no credentials (RFC 6750, 3.1).
pub fn challenge(app: &App, error: Option<&str>) -> String {
    challenge_at(&app.config.public_url, error)
}

fn challenge_at(issuer: &str, error: Option<&str>) -> String {
    let error = error.map(|error| format!("error=\"{error}\", ")).unwrap_or_default();
    let metadata = inserted(issuer, "/.well-known/oauth-protected-resource");
    format!("DPoP {error}algs=\"{ALGORITHMS}\", resource_metadata=\"{metadata}\"")
}

/// The path of the issuer, without a slash at its end; empty for most.
pub(super) fn issuer_path(issuer: &str) -> String {
    Url::parse(issuer).map(|url| url.path().trim_end_matches('/').to_owned()).unwrap_or_default()
}

/// A well-known address with the issuer's path after it (RFC 8414, 3; RFC 9728, 3).
fn inserted(issuer: &str, well_known: &str) -> String {
    let path = issuer_path(issuer);
    let origin = issuer.strip_suffix(path.as_str()).unwrap_or(issuer);
    format!("{origin}{well_known}{path}")
}

/// The scopes of a token: those asked for, when the app may have all of them, or everything the app may have.
pub(super) fn grant(asked: Option<&str>, may: Scopes) -> Result<Scopes, Fault> {
    let Some(asked) = asked else { return Ok(may) };
    if asked.split(' ').any(|scope| matches!(scope, "openid" | "offline_access")) {
        return Err(Fault::new(ErrorCode::InvalidScope)
            .detail("openid and offline_access are about fans; client_credentials speaks for the app itself."));
    }
    let asked: Scopes = asked.parse().map_err(|_| ErrorCode::InvalidScope)?;
    if !may.covers(asked) {
        return Err(Fault::new(ErrorCode::InvalidScope)
            .detail("The app may not have every scope it asks for; change the app's scopes first."));
    }
    Ok(asked)
}

/// A form parameter; one without a value counts as left out (RFC 6749, 3.2).
pub(super) fn sent(parameter: Option<&String>) -> Option<&str> {
    parameter.map(String::as_str).filter(|value| !value.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;
    use quanzi_openapi::scope::Scope;

    #[test]
    fn a_challenge_names_the_metadata_before_the_path_of_the_issuer() {
        assert_eq!(
            challenge_at("https://api.example/quanzi", Some("invalid_token")),
            "DPoP error=\"invalid_token\", algs=\"EdDSA Ed25519 ES256 PS256\", \
             resource_metadata=\"https://api.example/.well-known/oauth-protected-resource/quanzi\""
        );
        let bare = challenge_at("http://127.0.0.1:8080", None);
        assert!(
            !bare.contains("error=") && bare.contains("\"http://127.0.0.1:8080/.well-known/oauth-protected-resource\"")
        );
    }

    #[test]
    fn a_token_never_gets_more_than_the_app_may_have() {
        let may: Scopes = [Scope::CirclesRead, Scope::CirclesWrite].into_iter().collect();

        assert_eq!(grant(None, may).unwrap(), may);
        assert_eq!(grant(Some("circles:read"), may).unwrap().to_string(), "circles:read");
        for asked in ["apps:write", "circles:read apps:write", "openid", "offline_access circles:read", "nonsense"] {
            assert_eq!(grant(Some(asked), may).unwrap_err().code(), ErrorCode::InvalidScope, "{asked}");
        }
    }
}
