//! Starts a gateway from a configuration, and shuts it down. Invariant: when the gateway reports that it listens, it can
//! serve, and a request that was accepted is answered before it exits.

use std::ffi::OsString;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use actix_web::dev::{Server, ServerHandle};
use actix_web::{HttpServer, web};
use quanzi_openapi::id::PartnerId;
use quanzi_openapi::ledger::LedgerCheck;
use secrecy::ExposeSecret as _;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::task::JoinHandle;

use crate::access::oauth;
use crate::app::command::{self, Action, KeysAction};
use crate::app::site::{MakeSite, SiteContext};
use crate::app::{self, App};
use crate::capabilities::partners;
use crate::capabilities::webhooks;
use crate::platform::clock::Clock;
use crate::platform::config::{Config, without_password};
use crate::platform::db::{self, Db, MigrationFault};
use crate::platform::exposure;
use crate::platform::fault::Fault;
use crate::platform::jobs;
use crate::platform::keyring::{self, KeysFault};
use crate::platform::ledger;
use crate::platform::logs;
use crate::platform::metrics::{self, Metrics};
use crate::platform::retention;
use crate::platform::shutdown::Stopping;
use crate::platform::tls::{Certificate, TlsError};
use crate::sandbox;

/// Longer than a load balancer keeps an idle connection, so that it is never the one to be surprised.
const KEEP_ALIVE: Duration = Duration::from_secs(75);
/// Between the end of an answer and the end of the connection.
const DISCONNECT_TIMEOUT: Duration = Duration::from_secs(5);
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(5);
/// Connections whose worker is gone cannot say farewell.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(5);
/// A signal this soon after the first is the same one: shells and supervisors send it to a process and to its group.
const AGAIN_AFTER: Duration = Duration::from_secs(1);
/// Migrations, signals and retention; requests are answered by actix's own workers.
const RUNTIME_THREADS: usize = 2;

/// Why the gateway could not start or go on.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The address is taken or not ours.
    #[error("cannot listen on {address}")]
    Address {
        /// Which address.
        address: SocketAddr,
        /// The system's word.
        source: io::Error,
    },
    /// The database cannot be opened.
    #[error("cannot open the database {url}")]
    Database {
        /// Its address without the password.
        url: String,
        /// Why.
        source: db::Fault,
    },
    /// A command about a gateway that is not there.
    #[error("there is no database at {url}: run this where the gateway runs, or with its configuration")]
    NoDatabase {
        /// Its address.
        url: String,
    },
    /// The database cannot be brought up to date.
    #[error("cannot migrate the database")]
    Migration(#[from] MigrationFault),
    /// Certificate or key.
    #[error("cannot serve https")]
    Tls(#[from] TlsError),
    /// What the gateway keeps for itself cannot be made.
    #[error("cannot prepare the gateway: {fault}{}", .fault.cause().map(|cause| format!(": {cause}")).unwrap_or_default())]
    App {
        /// Why.
        fault: Fault,
    },
    /// The server itself.
    #[error("the server failed")]
    Server(#[from] io::Error),
    /// The books were checked, and do not add up.
    #[error("the ledger check found {0} differences")]
    Books(usize),
    /// What was asked of the gateway's keys cannot be done.
    #[error(transparent)]
    Keys(#[from] KeysFault),
    /// A second signal came before the requests under way were finished.
    #[error("interrupted while requests were in progress")]
    Interrupted,
}

/// A gateway that serves. [`stop`](Self::stop) it: dropped, it loses the requests under way when its runtime ends.
pub struct Running {
    app: Arc<App>,
    address: SocketAddr,
    server: Served,
    metrics: Option<(Served, SocketAddr)>,
    background: Background,
    certificate: Option<Arc<Certificate>>,
}

/// What goes on besides requests.
struct Background {
    retention: JoinHandle<()>,
    revocations: JoinHandle<()>,
    keyring: JoinHandle<()>,
    poster: JoinHandle<()>,
    jobs: JoinHandle<()>,
    clock: Option<JoinHandle<()>>,
    webhooks: JoinHandle<()>,
}

impl Background {
    /// Ends it, when no request is left; the gateway is stopping already.
    async fn stop(self, app: &App) {
        self.revocations.abort();
        self.keyring.abort();
        if let Some(clock) = self.clock {
            clock.abort();
        }
        // Whatever of these panicked has nothing left to stop.
        self.jobs.await.ok();
        // No more requests arrive; the waiting orders are posted.
        app.poster.close();
        self.poster.await.ok();
        self.retention.await.ok();
        self.webhooks.await.ok();
    }
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

/// Starts a gateway without its documentation site, which the program links in.
pub async fn start(config: Config) -> Result<Running, StartError> {
    start_with_site(config, None).await
}

/// Opens and migrates the database, makes the gateway and serves it. The port is known only when it is bound, and with it the public
/// URL: so it is bound first.
pub async fn start_with_site(mut config: Config, site: Option<MakeSite>) -> Result<Running, StartError> {
    let certificate = config.tls.as_ref().map(Certificate::read).transpose()?;
    let address = |address| move |source| StartError::Address { address, source };
    let listener = TcpListener::bind(config.listen).map_err(address(config.listen))?;
    let bound = listener.local_addr()?;
    config.bound(bound);

    let db = open(&config).await?;
    db.migrate().await?;
    let metrics = Metrics::new(&db);
    let stopping = Stopping::new();
    let metrics_listen = config.metrics_listen;
    let clock = Arc::new(Clock::system());
    if config.mode.is_sandbox() {
        // Before anything happens in it: a sandbox's time never goes back.
        sandbox::clock::begin(&db, &clock).await.map_err(|fault| StartError::App { fault })?;
    }
    let app = App::new(config, db, clock, metrics.clone(), stopping.clone());
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
    let platform = Arc::clone(app.platform());
    let poster = tokio::spawn(async move { ledger::run(&platform).await });
    let server = Served::spawn(server(&app, listener, certificate.as_ref(), site)?);
    let retention = tokio::spawn(retention::run(app::retention_tasks(&app), stopping));
    let revocations = tokio::spawn(oauth::revocation::run(Arc::clone(app.access())));
    let access = Arc::clone(app.access());
    let forget = move || access.tokens.forget_verified();
    let keyring = tokio::spawn(keyring::run(Arc::clone(app.platform()), forget));
    let jobs = tokio::spawn(jobs::runner::run(Arc::clone(&app.jobs)));
    let clock = app.config.mode.is_sandbox().then(|| tokio::spawn(sandbox::clock::run(Arc::clone(app.access()))));
    let webhooks = tokio::spawn(webhooks::run(Arc::clone(&app.webhooks)));
    let background = Background { retention, revocations, keyring, poster, jobs, clock, webhooks };
    Ok(Running { app, address: bound, server, metrics: page, background, certificate })
}

/// The same for a command about a gateway that is there: one in the wrong folder makes no database of its own, and does not report
/// on an empty one.
async fn open_existing(config: &Config) -> Result<Db, StartError> {
    let url = config.database_url.expose_secret();
    if let Some(path) = url.strip_prefix("sqlite:")
        && !Path::new(path.strip_prefix("//").unwrap_or(path)).exists()
    {
        return Err(StartError::NoDatabase { url: url.to_owned() });
    }
    open(config).await
}

async fn open(config: &Config) -> Result<Db, StartError> {
    Db::open(&config.database()).await.map_err(|source| {
        let url = without_password(config.database_url.expose_secret());
        StartError::Database { url, source }
    })
}

fn server(
    app: &Arc<App>,
    listener: TcpListener,
    certificate: Option<&Arc<Certificate>>,
    site: Option<MakeSite>,
) -> Result<Server, StartError> {
    let config = &app.config;
    let routes = app::routes(app);
    let site = site.map(|make| make(SiteContext::new(app, &routes)));
    let fans = Arc::clone(app);
    // Headers: actix takes at most 96 of them and 128 KiB in all, and offers no setting; the edge has the narrower limits.
    let factory = move || {
        let (routes, fans) = (routes.clone(), Arc::clone(&fans));
        let app = actix_web::App::new().configure(|config| routes.configure(config));
        let app = match &site {
            Some(mount) => app.configure(|config| mount(config)),
            None => app,
        };
        let app = app.configure(|config| app::pages(config, &fans));
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
                tracing::error!(%error, "the TLS certificate could not be reloaded; the current one stays in use")
            }
        }
    }

    fn banner(&self) -> String {
        let config = &self.app.config;
        let url = self.url();
        let database = without_password(config.database_url.expose_secret());
        let mut lines = vec![
            ("address", url.to_owned()),
            ("docs", format!("{url}/docs")),
            ("database", format!("{} ({database})", self.app.db.engine())),
        ];
        if let Some(address) = self.metrics_address() {
            lines.push(("metrics", format!("http://{address}/metrics")));
        }
        if let Some(demo) = &self.app.demo {
            lines.push(("demo app", demo.app.to_string()));
            lines.push(("demo key", demo.key_file.display().to_string()));
        }
        let title = format!("Quanzi {}, {} mode\n", env!("CARGO_PKG_VERSION"), config.mode.as_str());
        lines.iter().fold(title, |text, (name, value)| format!("{text}  {name:<9} {value}\n"))
    }
}

#[derive(PartialEq, Eq)]
enum SignalAction {
    Stop,
    Reload,
}

/// The signals that concern us. Taken before the start, so that none is lost.
pub struct Signals {
    terminate: Signal,
    interrupt: Signal,
    /// Only with TLS: otherwise a closed terminal ends the gateway as it ends any program.
    hangup: Option<Signal>,
}

impl Signals {
    /// Takes them from the system.
    pub fn take(config: &Config) -> io::Result<Self> {
        let hangup = config.tls.is_some().then(|| signal(SignalKind::hangup())).transpose()?;
        Ok(Self { terminate: signal(SignalKind::terminate())?, interrupt: signal(SignalKind::interrupt())?, hangup })
    }

    async fn next(&mut self) -> SignalAction {
        let hangup = async {
            match &mut self.hangup {
                Some(hangup) => hangup.recv().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            _ = self.terminate.recv() => SignalAction::Stop,
            _ = self.interrupt.recv() => SignalAction::Stop,
            _ = hangup => SignalAction::Reload,
        }
    }

    async fn stop(&mut self) {
        while self.next().await != SignalAction::Stop {}
    }

    async fn stop_again(&mut self) {
        let first = Instant::now();
        self.stop().await;
        while first.elapsed() < AGAIN_AFTER {
            self.stop().await;
        }
    }
}

/// The program: reads the command line, does what it says, gives the exit code.
pub fn main(
    words: impl IntoIterator<Item = OsString>,
    environment: impl IntoIterator<Item = (OsString, OsString)>,
    site: MakeSite,
) -> ExitCode {
    let (action, config) = match command::parse(words, environment) {
        Ok(parsed) => parsed,
        Err(message) => {
            // Help and version are "errors" of clap with exit code 0.
            message.print().ok();
            return ExitCode::from(u8::try_from(message.exit_code()).unwrap_or(2));
        }
    };
    let config = match config {
        Ok(config) => config,
        Err(error) => {
            say(io::stderr(), &format!("quanzi: {error}\n"));
            return ExitCode::from(2);
        }
    };
    if action == Action::Config {
        say(io::stdout(), &command::print(&config));
        return ExitCode::SUCCESS;
    }
    logs::start(&config);
    for hint in config.hints() {
        tracing::warn!("{hint}");
    }
    for warning in exposure::warnings(&config) {
        tracing::warn!("{warning}");
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(RUNTIME_THREADS).enable_all().build();
    let done = runtime.map_err(StartError::from).and_then(|runtime| {
        runtime.block_on(async {
            match action {
                Action::Migrate => migrate(&config).await,
                Action::CheckLedger => check_ledger(&config).await,
                Action::Keys(what) => keys(&config, &what).await,
                Action::SetFee(partner, fee_bps) => set_fee(&config, partner, fee_bps).await,
                Action::Serve | Action::Config => serve(config, site).await,
            }
        })
    });
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            say(io::stderr(), &format!("quanzi: {}\n", chain(&error)));
            ExitCode::FAILURE
        }
    }
}

async fn serve(config: Config, site: MakeSite) -> Result<(), StartError> {
    let mut signals = Signals::take(&config)?;
    let running = tokio::select! {
        started = start_with_site(config, Some(site)) => started?,
        () = signals.stop() => return Ok(()),
    };
    say(io::stdout(), &running.banner());
    running.wait(&mut signals).await
}

async fn migrate(config: &Config) -> Result<(), StartError> {
    let db = open(config).await?;
    db.migrate().await?;
    db.close().await;
    say(io::stdout(), &format!("The database is at migration {}.\n", db::latest_version()));
    Ok(())
}

/// Prints what does not add up. The gateway may be at work meanwhile.
async fn check_ledger(config: &Config) -> Result<(), StartError> {
    let db = open_existing(config).await?;
    db.migrate().await?;
    let checked = ledger::check(&db).await.map_err(|fault| StartError::App { fault: fault.into() })?;
    db.close().await;
    let LedgerCheck { clean, accounts, payments, differences } = checked;
    let sum = if clean { "; no differences were found" } else { "" };
    let mut text = format!("{accounts} accounts and {payments} payments were checked{sum}.\n");
    for difference in &differences {
        text = format!("{text}{difference}\n");
    }
    say(io::stdout(), &text);
    if clean { Ok(()) } else { Err(StartError::Books(differences.len())) }
}

async fn keys(config: &Config, what: &KeysAction) -> Result<(), StartError> {
    let db = open_existing(config).await?;
    db.migrate().await?;
    let (clock, is_live) = (Clock::system(), !config.mode.is_sandbox());
    if !is_live {
        sandbox::clock::begin(&db, &clock).await.map_err(|fault| StartError::App { fault })?;
    }
    let text = match what {
        KeysAction::Show => keyring::describe(&db, &clock).await.map_err(KeysFault::from)?,
        KeysAction::Rotate => {
            let rotated = keyring::rotate(&db, &clock, config.sealing(), is_live).await?;
            let lines = rotated
                .map(|key| format!("The next {} key is {}, used from {}.\n", key.purpose, key.kid, key.signs_from));
            format!("{}Running gateways publish them within a minute.\n", lines.concat())
        }
        KeysAction::Retire(kid) => {
            keyring::retire(&db, &clock, kid).await?;
            format!("{kid} is retired. Running gateways stop using and accepting it within a minute.\n")
        }
    };
    db.close().await;
    say(io::stdout(), &text);
    Ok(())
}

async fn set_fee(config: &Config, partner: PartnerId, fee_bps: Option<u16>) -> Result<(), StartError> {
    let db = open_existing(config).await?;
    db.migrate().await?;
    let fault = |fault| StartError::App { fault };
    let mut tx = db.begin().await.map_err(|error| fault(error.into()))?;
    partners::service::set_fee(&mut tx, partner, fee_bps).await.map_err(fault)?;
    tx.commit().await.map_err(|error| fault(error.into()))?;
    db.close().await;
    let what = fee_bps.map_or_else(|| format!("the platform's, {}", config.platform_fee_bps), |bps| bps.to_string());
    say(io::stdout(), &format!("The fee of {partner} is {what} basis points for future payments.\n"));
    Ok(())
}

/// The output may be closed; that is no reason to fail.
fn say(mut to: impl io::Write, text: &str) {
    to.write_all(text.as_bytes()).and_then(|()| to.flush()).ok();
}

/// An error with its causes, each once.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let more = error.to_string();
        if !text.contains(&more) {
            text = format!("{text}: {more}");
        }
        cause = error.source();
    }
    text
}

#[cfg(test)]
mod tests;
