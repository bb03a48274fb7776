//! Temporary databases for tests of this crate and of `quanzi-tests`. Invariant: tests do not see each other's rows, and
//! nothing is left behind.
//!
//! PostgreSQL is at `TEST_DATABASE_URL`; `with-postgres -- command` (package `quanzi-tests`) starts one for the duration of
//! a command.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use sqlx::postgres::PgConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, Executor, PgConnection};
use url::Url;

use super::engine::Engine;
use super::fault::Fault;
use super::migrate;
use super::pool::{Db, Settings};

/// The variable that holds the address of a PostgreSQL on which databases may be made.
pub const VARIABLE: &str = "TEST_DATABASE_URL";

/// A database that goes when this is dropped.
#[derive(Debug)]
pub struct Scratch {
    settings: Settings,
    place: ScratchPlace,
}

#[derive(Debug)]
enum ScratchPlace {
    Folder(PathBuf),
    Database { server: Url, name: String },
}

static MADE: AtomicU32 = AtomicU32::new(0);

impl Scratch {
    /// An empty SQLite file.
    pub fn sqlite() -> Result<Self, Fault> {
        let number = MADE.fetch_add(1, Ordering::Relaxed);
        let folder = std::env::temp_dir().join(format!("quanzi-scratch-{}-{number}", std::process::id()));
        // A process of the same number may have been killed before it could clean up.
        std::fs::remove_dir_all(&folder).ok();
        std::fs::create_dir_all(&folder).map_err(gone)?;
        Ok(Self { settings: settings(sqlite_url(&folder.join(FILE))), place: ScratchPlace::Folder(folder) })
    }

    /// A SQLite file with the newest schema.
    pub async fn migrated_sqlite() -> Result<Self, Fault> {
        let scratch = Self::sqlite()?;
        let ScratchPlace::Folder(folder) = &scratch.place else { return Ok(scratch) };
        std::fs::copy(sqlite_template().await?, folder.join(FILE)).map_err(gone)?;
        Ok(scratch)
    }

    /// An empty PostgreSQL database. Fails, rather than skipping half of the tests, when `TEST_DATABASE_URL` is not set.
    pub async fn postgres() -> Result<Self, Fault> {
        let server = server()?;
        let mut connection = connect(&server).await?;
        let scratch = Self::create(&server, &mut connection, EMPTY).await?;
        connection.close().await?;
        Ok(scratch)
    }

    /// A PostgreSQL database with the newest schema.
    pub async fn migrated_postgres() -> Result<Self, Fault> {
        let server = server()?;
        let template = template_name(Engine::Postgres)?;
        let mut connection = connect(&server).await?;
        let scratch = match Self::create(&server, &mut connection, &template).await {
            Err(fault) if !exists(&mut connection, &template).await? => {
                tracing::debug!(%fault, "the first test makes the template");
                make_postgres_template(&server, &mut connection, &template).await?;
                Self::create(&server, &mut connection, &template).await?
            }
            outcome => outcome?,
        };
        connection.close().await?;
        Ok(scratch)
    }

    async fn create(server: &Url, connection: &mut PgConnection, template: &str) -> Result<Self, Fault> {
        let name = unique_name(connection).await?;
        create_database(connection, &name, template).await?;
        let mut url = server.clone();
        url.set_path(&name);
        Ok(Self { settings: settings(url), place: ScratchPlace::Database { server: server.clone(), name } })
    }

    /// How to open it.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Migrates it to an older schema, as a release with fewer migrations left it.
    pub async fn migrate_to(&self, version: i64) -> Result<(), Fault> {
        let files: Vec<migrate::File> = migrate::FILES.iter().copied().filter(|file| file.0 <= version).collect();
        let db = Db::open(&self.settings).await?;
        db.migrate_with(&files).await.map_err(|cause| Fault::Other(cause.into()))?;
        db.close().await;
        Ok(())
    }

    /// Opens it and migrates it to the newest schema.
    pub async fn open(&self) -> Result<Db, Fault> {
        let db = Db::open(&self.settings).await?;
        db.migrate().await.map_err(|cause| Fault::Other(cause.into()))?;
        Ok(db)
    }
}

/// The file of a SQLite database, in the folder of its own.
const FILE: &str = "quanzi.db";
/// PostgreSQL's empty template, which nobody can have changed.
const EMPTY: &str = "template0";
/// The lock that a process holds while it creates a template on a server.
const TEMPLATE_LOCK: i64 = 0x5175_616e_7a69;

fn gone(cause: std::io::Error) -> Fault {
    Fault::Gone(cause.into())
}

fn sqlite_url(file: &Path) -> String {
    format!("sqlite:{}", file.display())
}

fn template_name(engine: Engine) -> Result<String, Fault> {
    let fingerprint = migrate::fingerprint(engine).map_err(|cause| Fault::Other(cause.into()))?;
    Ok(format!("quanzi_template_{fingerprint}"))
}

/// The migrated SQLite file that others are copies of: beside the program that runs, in the folder that `cargo clean` removes.
async fn sqlite_template() -> Result<PathBuf, Fault> {
    let program = std::env::current_exe().map_err(gone)?;
    let template = program.with_file_name(format!("{}.db", template_name(Engine::Sqlite)?));
    if template.exists() {
        return Ok(template);
    }
    let scratch = Scratch::sqlite()?;
    let ScratchPlace::Folder(folder) = &scratch.place else { return Ok(template) };
    let file = folder.join(FILE);
    scratch.open().await?.close().await;
    // With the write-ahead log beside it the file alone would not be the database.
    let log = folder.join(format!("{FILE}-wal"));
    if std::fs::metadata(log).is_ok_and(|log| log.len() > 0) {
        return Err(Fault::Misuse("the template was not closed: its write-ahead log is not empty"));
    }
    // Whole or not at all, also when several processes do it at once.
    let copy = program.with_file_name(format!("quanzi_template_{}.tmp", std::process::id()));
    std::fs::copy(file, &copy).map_err(gone)?;
    std::fs::rename(copy, &template).map_err(gone)?;
    Ok(template)
}

/// Makes the migrated database that others are copies of, unless another process was quicker.
async fn make_postgres_template(server: &Url, connection: &mut PgConnection, template: &str) -> Result<(), Fault> {
    sqlx::query("select pg_advisory_lock($1)").bind(TEMPLATE_LOCK).execute(&mut *connection).await?;
    // The lock goes with the connection when this fails.
    if !exists(connection, template).await? {
        let scratch = Scratch::create(server, connection, EMPTY).await?;
        scratch.open().await?.close().await;
        // It has its name only when it is whole. PostgreSQL waits until the connections that were just closed are gone.
        if let ScratchPlace::Database { name, .. } = &scratch.place {
            connection.execute(AssertSqlSafe(format!("alter database {name} rename to {template}"))).await?;
        }
    }
    sqlx::query("select pg_advisory_unlock($1)").bind(TEMPLATE_LOCK).execute(&mut *connection).await?;
    Ok(())
}

async fn exists(connection: &mut PgConnection, name: &str) -> Result<bool, Fault> {
    let query = sqlx::query_scalar("select exists (select 1 from pg_database where datname = $1)");
    Ok(query.bind(name).fetch_one(connection).await?)
}

async fn unique_name(connection: &mut PgConnection) -> Result<String, Fault> {
    let unique: String =
        sqlx::query_scalar("select md5(random()::text || pg_backend_pid())").fetch_one(connection).await?;
    Ok(format!("quanzi_scratch_{unique}"))
}

async fn create_database(connection: &mut PgConnection, name: &str, template: &str) -> Result<(), Fault> {
    let statement = format!("create database {name} template {template} encoding 'UTF8'");
    connection.execute(AssertSqlSafe(statement)).await?;
    Ok(())
}

fn server() -> Result<Url, Fault> {
    let server = std::env::var(VARIABLE).map_err(|_| {
        Fault::Misuse("TEST_DATABASE_URL is not set: run the tests by `tests/run`, or by `with-postgres -- command`")
    })?;
    Url::parse(&server).map_err(|cause| Fault::Other(cause.into()))
}

/// Small, because many tests share one server, and without waiting for the disk.
fn settings(url: impl Into<String>) -> Settings {
    Settings { read_connections_max: 4, write_connections_max: 4, durable: false, ..Settings::new(url) }
}

async fn connect(server: &Url) -> Result<PgConnection, Fault> {
    Ok(PgConnectOptions::from_url(server)?.disable_statement_logging().connect().await?)
}

impl Drop for Scratch {
    fn drop(&mut self) {
        match &self.place {
            ScratchPlace::Folder(folder) => {
                std::fs::remove_dir_all(folder).ok();
            }
            ScratchPlace::Database { server, name } => {
                let (server, name) = (server.clone(), name.clone());
                // Dropping may happen inside a runtime, where blocking is not possible: a thread has its own.
                let cleaned = std::thread::spawn(move || {
                    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().ok()?;
                    runtime.block_on(async {
                        let mut connection = connect(&server).await.ok()?;
                        connection
                            .execute(AssertSqlSafe(format!("drop database if exists {name} with (force)")))
                            .await
                            .ok()
                    })
                });
                cleaned.join().ok();
            }
        }
    }
}

/// Writes a test twice, once per engine, on a migrated database of its own:
/// `on_both_engines! { async fn a_taken_name_is_refused(db: Db) { … } }` gives `a_taken_name_is_refused::{sqlite, postgres}`.
#[macro_export]
macro_rules! on_both_engines {
    ($($(#[$note:meta])* async fn $name:ident($db:ident: Db) $body:block)+) => {$(
        mod $name {
            #[allow(unused_imports, clippy::allow_attributes, reason = "the module stands for a function of its parent")]
            use super::*;

            async fn test($db: $crate::platform::db::Db) $body

            $(#[$note])*
            #[tokio::test]
            async fn sqlite() {
                let scratch = $crate::platform::db::scratch::Scratch::migrated_sqlite().await.expect("a migrated file");
                let db = scratch.open().await.expect("a migrated database");
                test(db.clone()).await;
                db.close().await;
            }

            $(#[$note])*
            #[tokio::test]
            async fn postgres() {
                let scratch = $crate::platform::db::scratch::Scratch::migrated_postgres().await.expect("a migrated database");
                let db = scratch.open().await.expect("a migrated database");
                test(db.clone()).await;
                db.close().await;
            }
        }
    )+};
}
