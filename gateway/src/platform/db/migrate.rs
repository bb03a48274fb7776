//! Migrates the schema. Invariant: files are added, never changed, and two processes that start at the same time migrate
//! once.

use std::borrow::Cow;

use sha2::{Digest as _, Sha256};
use sqlx::migrate::{Migrate, MigrateError, Migration, MigrationType, Migrator};
use sqlx::{AssertSqlSafe, Connection, Executor, PgPool, SqlSafeStr, SqlitePool};

use super::dialect::{self, DialectError};
use super::engine::Engine;
use super::fault::Fault;

/// One file of `gateway/migrations`: version, file name, text.
pub(super) type File = (i64, &'static str, &'static str);

macro_rules! files {
    ($($version:literal $file:literal)*) => {
        &[$(($version, $file, include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/migrations/", $file, ".sql")))),*]
    };
}

/// Every migration, in order: one line per file. A test compares the list with the folder.
pub(super) const FILES: &[File] = files! {
    1 "0001_start"
    2 "0002_access"
    3 "0003_communities"
    4 "0004_edge"
    5 "0005_events"
    6 "0006_jobs"
    7 "0007_webhooks"
    8 "0008_money"
    9 "0009_consent"
    10 "0010_fans"
    11 "0011_refused"
    12 "0012_limits"
    13 "0013_merchant_reference"
    14 "0014_tenant_keys"
    15 "0015_fan_facts"
};

/// The version this binary brings a database to.
pub fn latest_version() -> i64 {
    latest(FILES)
}

fn latest(files: &[File]) -> i64 {
    files.iter().map(|(version, ..)| *version).max().unwrap_or(0)
}

/// Why the database was not migrated; it is as it was before.
#[derive(Debug, thiserror::Error)]
pub enum MigrationFault {
    /// A newer binary was here before.
    #[error("the database is at migration {database}, this binary knows migrations up to {binary}: start a newer one")]
    Newer {
        /// The last migration of the database.
        database: i64,
        /// The last migration of this binary.
        binary: i64,
    },
    /// A migration was changed after it was run.
    #[error("migration {0} was changed after this database ran it: put the file back and write a new one")]
    Changed(i64),
    /// A migration uses words that only one engine knows.
    #[error("migration {version}, {error}")]
    Dialect {
        /// The file.
        version: i64,
        /// The line and what is wrong there.
        error: DialectError,
    },
    /// The engine failed.
    #[error("the migration failed: {0}")]
    Failed(#[source] MigrateError),
    /// The database could not be reached.
    #[error(transparent)]
    Fault(#[from] Fault),
}

impl From<sqlx::Error> for MigrationFault {
    fn from(error: sqlx::Error) -> Self {
        Self::Fault(error.into())
    }
}

const TABLE: &str = "_sqlx_migrations";

pub(super) async fn sqlite(pool: &SqlitePool, files: &[File]) -> Result<(), MigrationFault> {
    let migrator = migrator(files, Engine::Sqlite)?;
    // The migrator locks nothing on SQLite, so the write lock is taken around all of it.
    let mut transaction = pool.begin_with("BEGIN IMMEDIATE").await?;
    let outcome = migrator.run_direct(None, &mut *transaction, false).await;
    explain(outcome, &mut *transaction, files).await?;
    Ok(transaction.commit().await?)
}

pub(super) async fn postgres(pool: &PgPool, files: &[File]) -> Result<(), MigrationFault> {
    let migrator = migrator(files, Engine::Postgres)?;
    // A connection of its own, closed at the end: a failed run would take its advisory lock back into the pool.
    let mut connection = pool.acquire().await?.detach();
    // Waiting for another process to migrate is no fault, and an index on a large table takes its time.
    connection.execute("set statement_timeout = 0; set lock_timeout = 0").await?;
    let outcome = migrator.run_direct(None, &mut connection, false).await;
    let outcome = explain(outcome, &mut connection, files).await;
    // The outcome is known by now; a farewell that fails adds nothing.
    connection.close().await.ok();
    outcome
}

/// Says what a refusal means; asks for the database's version only then.
async fn explain(
    outcome: Result<(), MigrateError>,
    connection: &mut impl Migrate,
    files: &[File],
) -> Result<(), MigrationFault> {
    match outcome {
        Ok(()) => Ok(()),
        Err(MigrateError::VersionMismatch(version)) => Err(MigrationFault::Changed(version)),
        Err(MigrateError::VersionMissing(missing)) => {
            let applied = connection.list_applied_migrations(TABLE).await.map_err(MigrationFault::Failed)?;
            let database = applied.iter().map(|migration| migration.version).max().unwrap_or(missing);
            Err(MigrationFault::Newer { database, binary: latest(files) })
        }
        Err(error) => Err(MigrationFault::Failed(error)),
    }
}

/// What the migrations say to this engine, in a few characters: of two databases with the same, one can stand for the other.
pub(super) fn fingerprint(engine: Engine) -> Result<String, MigrationFault> {
    let mut digest = Sha256::new();
    for migration in migrator(FILES, engine)?.iter() {
        digest.update(migration.version.to_be_bytes());
        digest.update(&migration.checksum);
        digest.update(migration.sql.as_str());
    }
    let digest = digest.finalize();
    Ok(hex::encode(digest.get(..8).unwrap_or(&digest)))
}

fn migrator(files: &[File], engine: Engine) -> Result<Migrator, MigrationFault> {
    let mut migrations = Vec::with_capacity(files.len());
    for &(version, name, source) in files {
        let source = source.replace("\r\n", "\n");
        let text = dialect::translate(&source, engine).map_err(|error| MigrationFault::Dialect { version, error })?;
        let migration = |text: String| {
            let text = AssertSqlSafe(text).into_sql_str();
            Migration::new(version, Cow::Borrowed(name), MigrationType::Simple, text, false)
        };
        // The checksum is the source's: a better translator is not a changed migration.
        let checksum = migration(source).checksum;
        migrations.push(Migration { checksum, ..migration(text) });
    }
    Ok(Migrator::with_migrations(migrations))
}
