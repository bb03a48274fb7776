//! Temporary databases for tests of this crate and of `quanzi-tests`. Invariant: tests do not see each other's rows, and
//! nothing is left behind.
//!
//! PostgreSQL is at `TEST_DATABASE_URL`; `with-postgres -- command` (package `quanzi-tests`) starts one for the duration of
//! a command.

use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};

use sqlx::postgres::PgConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, Executor, PgConnection};
use url::Url;

use super::fault::Fault;
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
        std::fs::create_dir_all(&folder).map_err(|cause| Fault::Gone(cause.into()))?;
        let url = format!("sqlite:{}", folder.join("quanzi.db").display());
        Ok(Self { settings: settings(url), place: ScratchPlace::Folder(folder) })
    }

    /// An empty PostgreSQL database. Fails, rather than skipping half of the tests, when `TEST_DATABASE_URL` is not set.
    pub async fn postgres() -> Result<Self, Fault> {
        let server = std::env::var(VARIABLE).map_err(|_| {
            Fault::Misuse(
                "TEST_DATABASE_URL is not set: run the tests by `tests/run`, or by `with-postgres -- command`",
            )
        })?;
        let server = Url::parse(&server).map_err(|cause| Fault::Other(cause.into()))?;
        let mut connection = connect(&server).await?;
        let unique: String =
            sqlx::query_scalar("select md5(random()::text || pg_backend_pid())").fetch_one(&mut connection).await?;
        let name = format!("quanzi_scratch_{unique}");
        connection.execute(AssertSqlSafe(format!("create database {name} template template0 encoding 'UTF8'"))).await?;
        connection.close().await?;
        let mut url = server.clone();
        url.set_path(&name);
        Ok(Self { settings: settings(url), place: ScratchPlace::Database { server, name } })
    }

    /// How to open it.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Opens it and migrates it to the newest schema.
    pub async fn open(&self) -> Result<Db, Fault> {
        let db = Db::open(&self.settings).await?;
        db.migrate().await.map_err(|cause| Fault::Other(cause.into()))?;
        Ok(db)
    }
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
                        connection.execute(AssertSqlSafe(format!("drop database {name} with (force)"))).await.ok()
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
                let scratch = $crate::platform::db::scratch::Scratch::sqlite().expect("a scratch folder");
                let db = scratch.open().await.expect("a migrated database");
                test(db.clone()).await;
                db.close().await;
            }

            $(#[$note])*
            #[tokio::test]
            async fn postgres() {
                let scratch = $crate::platform::db::scratch::Scratch::postgres().await.expect("a scratch database");
                let db = scratch.open().await.expect("a migrated database");
                test(db.clone()).await;
                db.close().await;
            }
        }
    )+};
}
