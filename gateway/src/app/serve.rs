//! Starts a gateway from a configuration, and shuts it down. Invariant: when the gateway reports that it listens, it can
//! serve, and a request that was accepted is answered before it exits.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use actix_web::dev::{Server, ServerHandle};
use actix_web::{HttpServer, web};
use tokio::task::JoinHandle;

use super::background::Background;
use super::database::open;
use super::error::StartError;
use super::signals::{SignalAction, Signals};
use super::site::{MakeSite, SiteContext};
use super::state::App;
use crate::access::oauth;
use crate::platform::clock::Clock;
use crate::platform::config::Config;
use crate::platform::metrics::{self, Metrics};
use crate::platform::shutdown::Stopping;
use crate::platform::tls::Certificate;
use crate::sandbox;

/// Longer than a load balancer keeps an idle connection, so that it is never the one to be surprised.
const KEEP_ALIVE: Duration = Duration::from_secs(75);
/// Between the end of an answer and the end of the connection.
const DISCONNECT_TIMEOUT: Duration = Duration::from_secs(5);
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(5);
/// Connections whose worker is gone cannot say farewell.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(5);
/// A gateway that serves. [`stop`](Self::stop) it: dropped, it loses the requests under way when its runtime ends.
pub struct Running {
    app: Arc<App>,
    address: SocketAddr,
    server: Served,
    metrics: Option<(Served, SocketAddr)>,
    background: Background,
    certificate: Option<Arc<Certificate>>,
}

/// A server on the runtime.
struct Served {
    handle: ServerHandle,
    task: JoinHandle<io::Result<()>>,
}

impl Served {
    fn spawn(server: Server) -> Self {
        Self { handle: server.handle(), task: tokio::spawn(server) }
    }

    async fn stop(self, is_graceful: bool) -> io::Result<()> {
        self.handle.stop(is_graceful).await;
        outcome(self.task.await)
    }
}

fn outcome(joined: Result<io::Result<()>, tokio::task::JoinError>) -> io::Result<()> {
    joined.unwrap_or_else(|panic| Err(io::Error::other(panic)))
}

/// A gateway on its way up. Boxed: an `async fn` is compiled again by every crate that awaits it, and this one is the whole gateway.
pub type Starting = Pin<Box<dyn Future<Output = Result<Running, StartError>>>>;

/// Starts a gateway without its documentation site, which the program links in.
pub fn start(config: Config) -> Starting {
    start_with_site(config, None)
}

/// Starts a gateway with the documentation site of the program.
pub fn start_with_site(config: Config, site: Option<MakeSite>) -> Starting {
    Box::pin(open_and_serve(config, site))
}

/// Opens and migrates the database, makes the gateway and serves it. The port is known only when it is bound, and with it the public
/// URL: so it is bound first.
async fn open_and_serve(mut config: Config, site: Option<MakeSite>) -> Result<Running, StartError> {
    let certificate = config.tls.as_ref().map(Certificate::read).transpose()?;
    let address = |address| move |source| StartError::Address { address, source };
    let listener = TcpListener::bind(config.listen).map_err(address(config.listen))?;
    let bound = listener.local_addr()?;
    config.bound(bound);

    let db = open(&config).await?;
    db.migrate().await?;
    let metrics = Metrics::new(&db);
    let metrics_listen = config.metrics_listen;
    let clock = Arc::new(Clock::system());
    if config.mode.is_sandbox() {
        // Before anything happens in it: a sandbox's time never goes back.
        sandbox::clock::begin(&db, &clock).await.map_err(|fault| StartError::App { fault })?;
    }
    let app = App::new(config, db, clock, metrics.clone(), Stopping::new());
    let app = Arc::new(app.await.map_err(|fault| StartError::App { fault })?);

    // Before the first request: revocations from while no gateway was running must be known.
    oauth::revocation::catch_up(&app).await.map_err(|fault| StartError::App { fault })?;

    let page = match metrics_listen {
        Some(listen) => {
            let (server, bound) = metrics::serve(&metrics, listen).map_err(address(listen))?;
            Some((Served::spawn(server), bound))
        }
        None => None,
    };
    let server = Served::spawn(server(&app, listener, certificate.as_ref(), site)?);
    let background = Background::start(&app);
    Ok(Running { app, address: bound, server, metrics: page, background, certificate })
}

fn server(
    app: &Arc<App>,
    listener: TcpListener,
    certificate: Option<&Arc<Certificate>>,
    site: Option<MakeSite>,
) -> Result<Server, StartError> {
    let config = &app.config;
    let routes = app.routes();
    let site = site.map(|make| make(SiteContext::new(app, &routes)));
    let shared = Arc::clone(app);
    // Headers: actix takes at most 96 of them and 128 KiB in all, and offers no setting; the edge has the narrower limits.
    let factory = move || {
        let (routes, shared) = (routes.clone(), Arc::clone(&shared));
        let app = actix_web::App::new().configure(|config| routes.configure(config));
        let app = match &site {
            Some(mount) => app.configure(|config| mount(config)),
            None => app,
        };
        let app = app.configure(|config| shared.pages(config));
        app.default_service(web::to(move |http| std::future::ready(routes.not_found(http))))
    };
    let server = HttpServer::new(factory)
        .workers(config.workers)
        .client_request_timeout(config.body_timeout())
        .client_disconnect_timeout(DISCONNECT_TIMEOUT)
        .tls_handshake_timeout(HANDSHAKE_TIMEOUT)
        .keep_alive(KEEP_ALIVE)
        .shutdown_timeout(config.shutdown_seconds)
        .disable_signals();
    let server = match certificate {
        Some(certificate) => server.listen_rustls_0_23(listener, certificate.server()?)?,
        None => server.listen(listener)?,
    };
    Ok(server.run())
}

impl Running {
    /// Where it can be reached.
    pub fn url(&self) -> &str {
        &self.app.config.public_url
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The gateway itself.
    pub fn app(&self) -> &Arc<App> {
        &self.app
    }

    /// Where `/metrics` is.
    pub fn metrics_address(&self) -> Option<SocketAddr> {
        self.metrics.as_ref().map(|(_, address)| *address)
    }

    /// Says no to readiness, takes no more requests, finishes those under way, and disconnects.
    pub async fn stop(self) -> Result<(), StartError> {
        self.app.stopping.set();
        let config = &self.app.config;
        tokio::time::sleep(Duration::from_secs(config.shutdown_delay_seconds)).await;
        let stopped = self.server.stop(true).await;
        if let Some((metrics, _)) = self.metrics {
            metrics.stop(false).await?;
        }
        self.background.stop(&self.app).await;
        if tokio::time::timeout(CLOSE_TIMEOUT, self.app.db.close()).await.is_err() {
            tracing::warn!("some database connections did not close in time");
        }
        Ok(stopped?)
    }

    /// Serves until a signal or a failure, then stops. A second signal ends the wait for requests under way.
    pub async fn wait(mut self, signals: &mut Signals) -> Result<(), StartError> {
        loop {
            tokio::select! {
                ended = &mut self.server.task => {
                    self.app.stopping.set();
                    return Ok(outcome(ended)?);
                }
                told = signals.next() => match told {
                    SignalAction::Reload => self.reload(),
                    SignalAction::Stop => break,
                },
            }
        }
        tracing::info!("stopping: finishing the requests in progress");
        tokio::select! {
            stopped = self.stop() => stopped,
            () = signals.stop_again() => Err(StartError::Interrupted),
        }
    }

    fn reload(&self) {
        let Some(certificate) = &self.certificate else { return };
        match certificate.reload() {
            Ok(()) => tracing::info!("the TLS certificate was reloaded"),
            Err(error) => {
                tracing::error!(%error, "the TLS certificate could not be reloaded; the current one stays in use");
            }
        }
    }
}

#[cfg(test)]
mod tests;
