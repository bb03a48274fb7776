//! The connections. Invariant: all writes go through `write`, one connection on SQLite; a connection from `read` cannot
//! write, which the engine enforces.

use std::path::Path;
use std::str::FromStr;
use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use sqlx::pool::PoolOptions;
use sqlx::postgres::PgConnectOptions;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous};
use sqlx::{ConnectOptions, Connection, PgConnection, Postgres, Sqlite};

use crate::platform::clock::Clock;
use crate::platform::retry::{RetryPolicy, retry_if};

use super::connection::{On, Pools};
use super::engine::Engine;
use super::fault::Fault;
use super::migrate::{self, MigrationFault};
use super::tx::{Reader, Tx};

/// Connections for work that goes on all the time: the ledger's poster, and two looks for many at once.
const STEADY_CONNECTIONS_MAX: u32 = 3;
/// Statements in rotation are a few hundred; the driver's default of 100 makes each of them ten times slower.
const STATEMENTS_CACHED: usize = 512;
/// How long a connection has to say that it is alive.
const PING_TIMEOUT: Duration = Duration::from_secs(1);
/// A connection idle for longer is tried before use; on a shorter pause the trial costs more than the statement.
const PING_AFTER: Duration = Duration::from_secs(1);
/// Two processes that make one new file collide while switching it to WAL, where SQLite does not wait by itself.
const OPENING: RetryPolicy =
    RetryPolicy { runs_max: 20, pause: Duration::from_millis(25), pause_max: Duration::from_millis(100) };

/// Where the database is and how much of it to use.
#[derive(Debug, Clone)]
pub struct Settings {
    /// `sqlite:path` or `postgres://user:password@host/name`.
    pub url: SecretString,
    /// A PostgreSQL replica for reads; without it they go to `url`.
    pub read_url: Option<SecretString>,
    /// Connections for reading, per process.
    pub read_connections_max: u32,
    /// Connections for writing, per process; SQLite always has one.
    pub write_connections_max: u32,
    /// How long to wait for a free connection.
    pub acquire_timeout: Duration,
    /// How long to wait for another's lock.
    pub lock_timeout: Duration,
    /// How long one statement may run (PostgreSQL).
    pub statement_timeout: Duration,
    /// How long a session may say nothing in the middle of a transaction (PostgreSQL): past it its process, or the way to it, is
    /// gone, and what it holds is given back.
    pub transaction_idle_max: Duration,
    /// Statements slower than this are logged.
    pub slow_statement: Duration,
    /// Whether a commit waits until it would survive a power cut. Off in tests only.
    pub durable: bool,
}

impl Settings {
    /// The defaults for this address.
    pub fn new(url: impl Into<String>) -> Self {
        Self {
            url: url.into().into(),
            read_url: None,
            read_connections_max: 8,
            write_connections_max: 8,
            acquire_timeout: Duration::from_secs(5),
            lock_timeout: Duration::from_secs(5),
            statement_timeout: Duration::from_secs(10),
            transaction_idle_max: Duration::from_secs(20),
            slow_statement: Duration::from_millis(250),
            durable: true,
        }
    }
}

/// How many connections are open, and how many of them idle: for the metrics page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub struct Connections {
    pub read_open: u32,
    pub read_idle: usize,
    pub write_open: u32,
    pub write_idle: usize,
}

/// The database. Cheap to clone: all clones share the pools.
#[derive(Debug, Clone)]
pub struct Db {
    pools: Pools,
    /// Whether reads go to another server than writes.
    replica: bool,
    slow: Duration,
}

impl Db {
    /// Connects, making the file when there is none. Does not migrate.
    pub async fn open(settings: &Settings) -> Result<Self, Fault> {
        let url = settings.url.expose_secret();
        let pools = match url.strip_prefix("sqlite:") {
            Some(path) => sqlite(path.strip_prefix("//").unwrap_or(path), settings).await?,
            None if url.starts_with("postgres:") || url.starts_with("postgresql:") => postgres(url, settings).await?,
            None => return Err(Fault::Misuse("the database URL starts with neither sqlite: nor postgres:")),
        };
        Ok(Self { pools, replica: settings.read_url.is_some(), slow: settings.slow_statement })
    }

    /// Brings the schema up to this binary's version; refuses a newer database and a migration that was changed afterwards.
    pub async fn migrate(&self) -> Result<(), MigrationFault> {
        self.migrate_with(migrate::FILES).await
    }

    pub(super) async fn migrate_with(&self, files: &[migrate::File]) -> Result<(), MigrationFault> {
        match &self.pools {
            Pools::Sqlite { write, .. } => migrate::sqlite(write, files).await,
            Pools::Postgres { write, .. } => migrate::postgres(write, files).await,
        }
    }

    /// A write transaction. On SQLite the others wait here, not in the middle of their work.
    pub async fn begin(&self) -> Result<Tx, Fault> {
        let on = match &self.pools {
            Pools::Sqlite { write, .. } => On::SqliteWrite(write.begin_with("BEGIN IMMEDIATE").await?),
            Pools::Postgres { write, .. } => On::PostgresWrite(write.begin().await?),
        };
        Ok(Tx::new(on, self.slow))
    }

    /// The same, for work that goes on all the time: on connections of its own, which have at hand what it needs. A pool hands out
    /// its connections in turn, and each server process behind them keeps caches of its own.
    pub async fn begin_steady(&self) -> Result<Tx, Fault> {
        match &self.pools {
            Pools::Sqlite { .. } => self.begin().await,
            Pools::Postgres { steady, .. } => Ok(Tx::new(On::PostgresWrite(steady.begin().await?), self.slow)),
        }
    }

    /// A reading handle for work that goes on all the time, on the newest state.
    pub async fn reading_steady(&self) -> Result<Reader, Fault> {
        match &self.pools {
            Pools::Sqlite { .. } => self.reading().await,
            Pools::Postgres { steady, .. } => Ok(Reader::new(On::PostgresRead(steady.acquire().await?), self.slow)),
        }
    }

    /// A reading handle: each statement sees what was committed before it.
    pub async fn reading(&self) -> Result<Reader, Fault> {
        Ok(Reader::new(self.pools.reading().await?, self.slow))
    }

    /// A reading handle whose statements all see the same moment: for checks of the whole. A statement may take long.
    pub async fn snapshot(&self) -> Result<Reader, Fault> {
        let on = match &self.pools {
            // A plain `begin` reads: the snapshot is taken by the first statement, and on SQLite nobody waits for it.
            Pools::Sqlite { read, .. } => On::SqliteWrite(read.begin().await?),
            Pools::Postgres { write, .. } => {
                let begin = "begin isolation level repeatable read read only";
                let mut transaction = write.begin_with(begin).await?;
                sqlx::query("set local statement_timeout = '10min'").execute(&mut *transaction).await?;
                On::PostgresWrite(transaction)
            }
        };
        Ok(Reader::new(on, self.slow))
    }

    /// A reading handle on the database that is written to, never on a replica that may lag behind it: for what decides who may
    /// call.
    pub async fn reading_newest(&self) -> Result<Reader, Fault> {
        Ok(Reader::new(self.pools.reading_newest(self.replica).await?, self.slow))
    }

    /// The same, but the connection is taken when the first statement is run: for work that may do without.
    pub fn reading_newest_when_asked(&self) -> Reader {
        Reader::new(On::NotYet { pools: self.pools.clone(), replica: self.replica }, self.slow)
    }

    /// Which engine this is.
    pub fn engine(&self) -> Engine {
        self.pools.engine()
    }

    /// The connections at this moment.
    pub fn connections(&self) -> Connections {
        let (read_open, read_idle, write_open, write_idle) = match &self.pools {
            Pools::Sqlite { read, write } => (read.size(), read.num_idle(), write.size(), write.num_idle()),
            Pools::Postgres { read, write, steady } => {
                let (open, idle) = (write.size() + steady.size(), write.num_idle() + steady.num_idle());
                (read.size(), read.num_idle(), open, idle)
            }
        };
        Connections { read_open, read_idle, write_open, write_idle }
    }

    /// Waits for the transactions under way and disconnects; SQLite folds its log into the file.
    pub async fn close(&self) {
        match &self.pools {
            Pools::Sqlite { read, write } => {
                read.close().await;
                write.close().await;
            }
            Pools::Postgres { read, write, steady } => {
                read.close().await;
                write.close().await;
                steady.close().await;
            }
        }
    }
}

async fn sqlite(path: &str, settings: &Settings) -> Result<Pools, Fault> {
    if path.is_empty() || path.contains(":memory:") || path.contains('?') {
        // In memory, readers and writer would each have a database of their own or block each other.
        return Err(Fault::Misuse("a SQLite database is a file: sqlite:path, without options"));
    }
    if let Some(folder) = Path::new(path).parent().filter(|folder| !folder.as_os_str().is_empty()) {
        // The owner's alone: the database holds the sandbox's signing key in the clear.
        let mut private = tokio::fs::DirBuilder::new();
        private.recursive(true);
        #[cfg(unix)]
        private.mode(0o700);
        private.create(folder).await.map_err(|cause| Fault::Gone(cause.into()))?;
    }
    let options = SqliteConnectOptions::new()
        .filename(path)
        .create_if_missing(true)
        .foreign_keys(true)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(if settings.durable { SqliteSynchronous::Full } else { SqliteSynchronous::Off })
        .busy_timeout(settings.lock_timeout)
        .statement_cache_capacity(STATEMENTS_CACHED)
        .pragma("cache_size", "-16384")
        .pragma("temp_store", "memory")
        .disable_statement_logging();
    // Connections to a file do not go stale; keeping the writer open also keeps the log file from being made anew all the time.
    let pool = || {
        PoolOptions::<Sqlite>::new()
            .acquire_timeout(settings.acquire_timeout)
            .test_before_acquire(false)
            .idle_timeout(None)
            .max_lifetime(None)
    };
    let is_busy = |fault: &Fault| matches!(fault, Fault::Busy(_));
    let once = || async { Ok(pool().max_connections(1).connect_with(options.clone()).await?) };
    let write = retry_if(OPENING, &Clock::system(), is_busy, once).await?;
    let read =
        pool().max_connections(settings.read_connections_max).connect_lazy_with(options.pragma("query_only", "on"));
    Ok(Pools::Sqlite { read, write })
}

async fn postgres(url: &str, settings: &Settings) -> Result<Pools, Fault> {
    let options = |url: &str| -> Result<PgConnectOptions, Fault> {
        let ms = |duration: Duration| duration.as_millis().to_string();
        Ok(PgConnectOptions::from_str(url)?
            .application_name("quanzi")
            .statement_cache_capacity(STATEMENTS_CACHED)
            .disable_statement_logging()
            .options([
                ("statement_timeout", ms(settings.statement_timeout)),
                ("lock_timeout", ms(settings.lock_timeout)),
                ("idle_in_transaction_session_timeout", ms(settings.transaction_idle_max)),
                // The layer's claims about conflicts hold at this level, whatever the server's default.
                ("default_transaction_isolation", "read committed".to_owned()),
                // For disks that turn: it makes the planner read whole tables to find a handful of keys.
                ("random_page_cost", "1.1".to_owned()),
            ]))
    };
    let pool = |connections_max| {
        PoolOptions::<Postgres>::new()
            .max_connections(connections_max)
            .acquire_timeout(settings.acquire_timeout)
            .test_before_acquire(false)
            .before_acquire(|connection, meta| {
                Box::pin(async move {
                    if meta.idle_for < PING_AFTER {
                        return Ok(true);
                    }
                    // An error here would be handed to the caller; a refused connection is replaced.
                    Ok(is_alive(connection).await)
                })
            })
    };
    let write = pool(settings.write_connections_max).connect_with(options(url)?).await?;
    let encoding: String = sqlx::query_scalar("show server_encoding").fetch_one(&write).await?;
    if encoding != "UTF8" {
        return Err(Fault::Misuse("the PostgreSQL database must have the encoding UTF8"));
    }
    let read_url = settings.read_url.as_ref().map_or(url, ExposeSecret::expose_secret);
    let read_only = options(read_url)?.options([("default_transaction_read_only", "on")]);
    let read = pool(settings.read_connections_max).connect_lazy_with(read_only);
    // All of its statements look up keys. A plan that was made while a table was small, and reads all of it, would be kept.
    let by_key = options(url)?.options([("enable_seqscan", "off"), ("jit", "off")]);
    // A statement that was given up may have hung because the way to the server is gone. The driver would wait for the connection
    // for as long as the system does, and these are few.
    let steady = pool(STEADY_CONNECTIONS_MAX).after_release(|connection, _| {
        Box::pin(async move {
            let is_alive = is_alive(connection).await;
            is_alive.then_some(true).ok_or_else(|| sqlx::Error::Io(std::io::ErrorKind::TimedOut.into()))
        })
    });
    let steady = steady.connect_lazy_with(by_key);
    Ok(Pools::Postgres { read, write, steady })
}

async fn is_alive(connection: &mut PgConnection) -> bool {
    tokio::time::timeout(PING_TIMEOUT, connection.ping()).await.is_ok_and(|answer| answer.is_ok())
}
