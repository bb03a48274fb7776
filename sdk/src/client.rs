//! The client: how it is built, and what its calls share.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use quanzi_openapi::Method;
use quanzi_openapi::endpoint::Endpoint;
use quanzi_openapi::id::AppId;
use quanzi_openapi::scope::Scope;
use serde::de::DeserializeOwned;
use url::{Origin, Position, Url};

use crate::call::{Call, RawCall};
use crate::discovery::{Discovery, discover};
use crate::error::{Error, ErrorKind};
use crate::key::Key;
use crate::retry::Bounds;
use crate::send::{Request, send};
use crate::system::System;
use crate::token::App;
use crate::verifier::GatewayKeys;

const USER_AGENT: &str = concat!("quanzi-rust/", env!("CARGO_PKG_VERSION"));
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// A client of one gateway, acting for one app. Cloning is cheap; clones share connections, token and keys.
#[derive(Clone)]
pub struct Client {
    shared: Arc<Shared>,
    app: Option<Arc<App>>,
}

/// Everything that does not depend on the app.
struct Shared {
    http: reqwest::Client,
    /// Where the client connects to; the path is `/`.
    base: Url,
    /// The gateway's public URL, used in signatures.
    public: Url,
    public_text: String,
    user_agent: String,
    bounds: Bounds,
    verifies: bool,
    debugs_signatures: bool,
    scopes: Option<Vec<Scope>>,
    system: System,
    discovery: tokio::sync::OnceCell<Arc<Discovery>>,
    keys: GatewayKeys,
}

impl Client {
    /// Builds a client of the gateway at this URL: scheme, host and port, as in `http://127.0.0.1:8080`.
    pub fn builder(base_url: impl Into<String>) -> ClientBuilder {
        ClientBuilder {
            base_url: base_url.into(),
            public_url: None,
            app: None,
            scopes: None,
            user_agent: USER_AGENT.to_owned(),
            bounds: Bounds::default(),
            verifies: true,
            debugs_signatures: false,
            http: None,
            #[cfg(feature = "tls")]
            trusted: Vec::new(),
        }
    }

    /// The same client, acting for this app.
    #[must_use]
    pub fn with_app(&self, app: AppId, key: Key) -> Self {
        let app = App::new(app, key, self.shared.scopes.clone());
        Self { shared: Arc::clone(&self.shared), app: Some(Arc::new(app)) }
    }

    /// The same client, with the tokens of this app.
    pub(crate) fn speaking_as(&self, app: App) -> Self {
        Self { shared: Arc::clone(&self.shared), app: Some(Arc::new(app)) }
    }

    /// A call to any endpoint of the contract; the methods of the facades are shorthands for this.
    pub fn call<E: Endpoint>(&self, params: E::Params, query: E::Query, body: E::Body) -> Call<E> {
        Call::new(self, params, query, body)
    }

    /// A call to any path of the gateway, for endpoints that this version has no types for. The path starts with `/` and may
    /// have a query. Signed like every other call.
    pub fn raw(&self, method: Method, path: &str) -> RawCall {
        RawCall::new(self, self.url(path).map(|url| Request::new(method, template(path), url, self.bounds())))
    }

    /// A URL at the gateway.
    pub(crate) fn url(&self, path: &str) -> Result<Url, Error> {
        let url = Some(path).filter(|path| path.starts_with('/')).and_then(|path| self.shared.base.join(path).ok());
        // A path such as `//other.example` names another host: a token would go there.
        let url = url.filter(|url| url.origin() == self.shared.base.origin());
        url.ok_or_else(|| {
            Error::new(
                ErrorKind::Configuration,
                format!("`{path}` is not a path at the gateway: it must start with a single slash"),
            )
        })
    }

    /// The public form of a URL the client connects to.
    pub(crate) fn target(&self, url: &Url) -> String {
        if url.origin() != self.shared.base.origin() {
            return url.to_string();
        }
        format!("{}{}", self.shared.public_text, &url[Position::BeforePath..Position::AfterQuery])
    }

    /// Where to connect for a URL as the gateway publishes it.
    pub(crate) fn connectable(&self, address: &str) -> Result<Url, Error> {
        let url = Url::parse(address).map_err(|error| {
            Error::new(ErrorKind::ResponseUnreadable, "the gateway published an invalid URL").with_source(error)
        })?;
        if url.origin() != self.shared.public.origin() {
            return Ok(url);
        }
        self.url(&url[Position::BeforePath..Position::AfterQuery])
    }

    /// Gets a public document.
    pub(crate) async fn read_public<T: DeserializeOwned>(&self, url: &Url) -> Result<T, Error> {
        let mut request = Request::new(Method::Get, url.path().to_owned(), url.clone(), self.bounds());
        request.signed = false;
        send(self, &request).await?.success(true, &request)
    }

    pub(crate) async fn discovery(&self) -> Result<Arc<Discovery>, Error> {
        let discovery = self.shared.discovery.get_or_try_init(|| async { discover(self).await.map(Arc::new) });
        discovery.await.cloned()
    }

    /// Adopts the gateway's clock.
    pub(crate) fn correct_clock(&self, server_seconds: i64) {
        let seconds = self.shared.system.set_clock_by(server_seconds);
        tracing::warn!(seconds, "this machine's clock differs from the gateway's; signing with the gateway's time");
    }

    pub(crate) fn app(&self) -> Option<&Arc<App>> {
        self.app.as_ref()
    }

    pub(crate) fn http(&self) -> &reqwest::Client {
        &self.shared.http
    }

    pub(crate) fn system(&self) -> &System {
        &self.shared.system
    }

    pub(crate) fn gateway_keys(&self) -> &GatewayKeys {
        &self.shared.keys
    }

    pub(crate) fn bounds(&self) -> Bounds {
        self.shared.bounds
    }

    pub(crate) fn user_agent(&self) -> &str {
        &self.shared.user_agent
    }

    pub(crate) fn verifies(&self) -> bool {
        self.shared.verifies
    }

    pub(crate) fn debugs_signatures(&self) -> bool {
        self.shared.debugs_signatures
    }

    pub(crate) fn public_url(&self) -> &str {
        &self.shared.public_text
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client")
            .field("base_url", &self.shared.base.as_str())
            .field("app", &self.app.as_ref().map(|app| app.id))
            .finish_non_exhaustive()
    }
}

/// Builds a client; see [`Client::builder`].
#[must_use = "a builder does nothing until `build`"]
pub struct ClientBuilder {
    base_url: String,
    public_url: Option<String>,
    app: Option<(Result<AppId, String>, Key)>,
    scopes: Option<Vec<Scope>>,
    user_agent: String,
    bounds: Bounds,
    verifies: bool,
    debugs_signatures: bool,
    http: Option<reqwest::Client>,
    #[cfg(feature = "tls")]
    trusted: Vec<String>,
}

impl ClientBuilder {
    /// Acts for this app (an [`AppId`], or its text) with this key. Without an app only public calls are possible.
    pub fn app<A>(mut self, app: A, key: Key) -> Self
    where
        A: TryInto<AppId>,
        A::Error: fmt::Display,
    {
        self.app = Some((app.try_into().map_err(|error| error.to_string()), key));
        self
    }

    /// Requests tokens with these scopes only; by default with all scopes of the app.
    pub fn scopes(mut self, scopes: impl IntoIterator<Item = Scope>) -> Self {
        self.scopes = Some(scopes.into_iter().collect());
        self
    }

    /// The gateway's public URL, if the client reaches it through a different address (a tunnel, a sidecar).
    pub fn public_url(mut self, url: impl Into<String>) -> Self {
        self.public_url = Some(url.into());
        self
    }

    /// Sets the timeout of each attempt; 30 seconds by default.
    pub fn timeout(mut self, time: Duration) -> Self {
        self.bounds.attempt = time;
        self
    }

    /// Starts no further attempt after this time; 90 seconds by default.
    pub fn total_timeout(mut self, time: Duration) -> Self {
        self.bounds.total = time;
        self
    }

    /// Sets the maximum number of retries; 3 by default.
    pub fn retries(mut self, times: u32) -> Self {
        self.bounds.retries_max = times;
        self
    }

    /// Whether responses to signed calls must be signed by the gateway; on by default.
    pub fn verify_responses(mut self, verifies: bool) -> Self {
        self.verifies = verifies;
        self
    }

    /// Sends the signature base along, so that a sandbox gateway names the first line that differs.
    pub fn signature_debug(mut self, debugs: bool) -> Self {
        self.debugs_signatures = debugs;
        self
    }

    /// Starts the `User-Agent` with the name of your program.
    pub fn user_agent(mut self, program: &str) -> Self {
        self.user_agent = format!("{program} {USER_AGENT}");
        self
    }

    /// Also trusts these certificate authorities (PEM), in addition to those of the system.
    #[cfg(feature = "tls")]
    pub fn trust_pem(mut self, certificates: impl Into<String>) -> Self {
        self.trusted.push(certificates.into());
        self
    }

    /// Uses this HTTP client: for proxies, client certificates and the like. It must not follow redirects, retry requests or
    /// decode bodies, because signatures and digests would no longer match.
    pub fn http_client(mut self, http: reqwest::Client) -> Self {
        self.http = Some(http);
        self
    }

    /// Builds the client. Nothing is sent yet.
    pub fn build(self) -> Result<Client, Error> {
        let base = origin(&self.base_url)?;
        let public = self.public_url.as_deref().map_or_else(|| Ok(base.clone()), origin)?;
        if base.scheme() == "http" && !is_loopback(&base) {
            tracing::warn!(base_url = %base, "plain http is only allowed to this machine: anyone on the way could read along");
        }
        let app = match self.app {
            Some((Ok(id), key)) => Some(Arc::new(App::new(id, key, self.scopes.clone()))),
            Some((Err(error), _)) => return Err(Error::new(ErrorKind::Configuration, format!("the app id: {error}"))),
            None => None,
        };
        let http = match &self.http {
            Some(http) => http.clone(),
            #[cfg(feature = "tls")]
            None => http(crate::tls::config(base.scheme() == "https", &self.trusted)?)?,
            #[cfg(not(feature = "tls"))]
            None if base.scheme() == "https" => {
                return Err(Error::new(ErrorKind::Configuration, "https needs the feature `tls`"));
            }
            #[cfg(not(feature = "tls"))]
            None => http()?,
        };
        let shared = Shared {
            http,
            public_text: public.origin().ascii_serialization(),
            base,
            public,
            user_agent: self.user_agent,
            bounds: self.bounds,
            verifies: self.verifies,
            debugs_signatures: self.debugs_signatures,
            scopes: self.scopes,
            system: System::new(),
            discovery: tokio::sync::OnceCell::new(),
            keys: GatewayKeys::default(),
        };
        Ok(Client { shared: Arc::new(shared), app })
    }
}

fn http(#[cfg(feature = "tls")] tls: rustls::ClientConfig) -> Result<reqwest::Client, Error> {
    let builder = reqwest::Client::builder()
        .connect_timeout(CONNECT_TIMEOUT)
        .redirect(reqwest::redirect::Policy::none())
        // Repeating is our business: every attempt has a nonce of its own.
        .retry(reqwest::retry::never());
    #[cfg(feature = "tls")]
    let builder = builder.tls_backend_preconfigured(tls);
    let unusable =
        |error| Error::new(ErrorKind::Configuration, "the HTTP client could not be built").with_source(error);
    builder.build().map_err(unusable)
}

fn origin(text: &str) -> Result<Url, Error> {
    let wrong = || {
        Error::new(
            ErrorKind::Configuration,
            format!(
                "`{text}` is not the URL of a gateway: scheme, host and port, as in https://api.example or http://127.0.0.1:8080"
            ),
        )
    };
    let url = Url::parse(text).map_err(|error| wrong().with_source(error))?;
    let plain = matches!(url.scheme(), "http" | "https")
        && matches!(url.origin(), Origin::Tuple(..))
        && url.username().is_empty()
        && url.password().is_none()
        && url.path() == "/"
        && url.query().is_none()
        && url.fragment().is_none();
    if plain { Ok(url) } else { Err(wrong()) }
}

/// A path fit for a log: without the query, and without ids, which may identify people.
fn template(path: &str) -> String {
    let path = path.split('?').next().unwrap_or_default();
    let is_id = |segment: &str| segment.split_once('_').is_some_and(|(kind, rest)| kind.len() == 3 && rest.len() == 26);
    let segments: Vec<&str> = path.split('/').map(|segment| if is_id(segment) { "{id}" } else { segment }).collect();
    segments.join("/")
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(url::Host::Domain(name)) => name == "localhost",
        Some(url::Host::Ipv4(address)) => address.is_loopback(),
        Some(url::Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}
