//! What is known about a request before its caller is authenticated.

use std::net::IpAddr;

use actix_web::HttpRequest;

/// The request as it arrived.
pub struct RequestInfo {
    /// Names it in logs and answers.
    pub id: String,
    /// actix's request: raw target, headers.
    pub http: HttpRequest,
    /// The address it came from, behind trusted proxies too.
    pub address: IpAddr,
    /// The URL it was sent to, built from a configured origin, never from `Host`.
    pub target_uri: String,
}

impl RequestInfo {
    /// The same request, for what outlives its call.
    #[must_use]
    pub fn copy(&self) -> Self {
        Self {
            id: self.id.clone(),
            http: self.http.clone(),
            address: self.address,
            target_uri: self.target_uri.clone(),
        }
    }
}
