//! Discovery: what a gateway publishes about its URL, its authorization server and its keys.
//!
//! Invariant: the published issuer must be the one we were configured with (RFC 8414, 3.3; RFC 9728, 3.3). Otherwise an
//! assertion or a signature made for one server could be used at another.

use quanzi_openapi::Endpoint as _;
use quanzi_openapi::oauth::{GetResourceMetadata, GetServerMetadata, ResourceMetadata, ServerMetadata};
use url::Url;

use crate::client::Client;
use crate::error::{Error, ErrorKind};

/// Where tokens and keys come from.
pub(crate) struct Discovery {
    /// Audience of client assertions.
    pub(crate) issuer: String,
    pub(crate) token_endpoint: Url,
    /// Where authorization requests are pushed.
    pub(crate) push_endpoint: Url,
    /// Where a fan's browser is sent: as the gateway publishes it, because the browser connects by itself.
    pub(crate) authorization_endpoint: Url,
    pub(crate) jwks_uri: Url,
}

/// Gets both metadata documents.
pub(crate) async fn discover(client: &Client) -> Result<Discovery, Error> {
    let resource: ResourceMetadata = client.read_public(&client.url(GetResourceMetadata::PATH)?).await?;
    if !same(&resource.resource, client.public_url()) {
        return Err(misnamed(&resource.resource, client.public_url()));
    }
    let issuer = resource.authorization_servers.into_iter().next();
    let issuer = issuer
        .ok_or_else(|| Error::new(ErrorKind::ResponseUnreadable, "the gateway publishes no authorization server"))?;
    let metadata = format!("{}{}", issuer.trim_end_matches('/'), GetServerMetadata::PATH);
    let server: ServerMetadata = client.read_public(&client.connectable(&metadata)?).await?;
    if server.issuer != issuer {
        return Err(misnamed(&server.issuer, &issuer));
    }
    Ok(Discovery {
        issuer,
        token_endpoint: client.connectable(&server.token_endpoint)?,
        push_endpoint: client.connectable(&server.pushed_authorization_request_endpoint)?,
        authorization_endpoint: Url::parse(&server.authorization_endpoint).map_err(|error| {
            Error::new(ErrorKind::ResponseUnreadable, "the authorization endpoint is not a URL").with_source(error)
        })?,
        jwks_uri: client.connectable(&resource.jwks_uri)?,
    })
}

fn same(one: &str, other: &str) -> bool {
    one.trim_end_matches('/') == other.trim_end_matches('/')
}

fn misnamed(found: &str, expected: &str) -> Error {
    Error::new(
        ErrorKind::Configuration,
        format!(
            "the gateway's URL is {found}, but the client was built for {expected}: use the gateway's own URL, or set it with `public_url`"
        ),
    )
}
