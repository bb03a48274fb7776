//! A unit of work. Invariant: after any failed, cancelled or undecodable statement nothing more runs and nothing is
//! committed, on both engines; PostgreSQL would report success and keep nothing, SQLite would keep the first half.

use std::marker::PhantomData;
use std::ops::{Deref, DerefMut};
use std::time::{Duration, Instant};

use quanzi_openapi::Time;
use sqlx::postgres::{PgArguments, PgConnection, PgRow};
use sqlx::sqlite::{SqliteArguments, SqliteConnection, SqliteRow};
use sqlx::{Executor, FromRow};

use super::bind::{Arguments, Bind};
use super::connection::On;
use super::engine::Engine;
use super::fault::Fault;
use super::outbox::Fact;
use super::sql::Sql;

/// A row's type, by `#[derive(sqlx::FromRow)]`; a tuple such as `(i64,)` will do for a column or two.
pub trait Record: for<'r> FromRow<'r, SqliteRow> + for<'r> FromRow<'r, PgRow> + Send + Unpin {}
impl<T> Record for T where T: for<'r> FromRow<'r, SqliteRow> + for<'r> FromRow<'r, PgRow> + Send + Unpin {}

/// A reading handle ([`Db::reading`](super::Db::reading)): what takes one cannot write, and the engine refuses it as well.
pub struct Reader {
    on: On,
    failed: bool,
    slow: Duration,
}

/// A write transaction ([`Db::begin`](super::Db::begin)). It reads wherever a [`Reader`] is asked for. Dropped without
/// [`commit`](Self::commit), it rolls back.
pub struct Tx {
    reader: Reader,
    outbox: Vec<Fact>,
    due: Option<Time>,
}

enum HeldConnection<'t> {
    Nothing,
    Sqlite(&'t mut SqliteConnection),
    Postgres(&'t mut PgConnection),
}

impl Reader {
    pub(super) fn new(on: On, slow: Duration) -> Self {
        Self { on, failed: false, slow }
    }

    /// Starts a statement that reads; bind its parameters in order, then ask for `optional`, `one` or `all`.
    pub fn query(&mut self, sql: Sql) -> Query<'_, Reads> {
        let refused = sql.writes.then_some(Fault::ReadOnly);
        self.start(sql, refused)
    }

    fn start<M>(&mut self, sql: Sql, refused: Option<Fault>) -> Query<'_, M> {
        let engine = match &self.on {
            On::SqliteWrite(_) | On::SqliteRead(_) | On::Ended => Engine::Sqlite,
            On::PostgresWrite(_) | On::PostgresRead(_) => Engine::Postgres,
            On::NotYet { pools, .. } => pools.engine(),
        };
        let arguments = match engine {
            Engine::Sqlite => Arguments::Sqlite(SqliteArguments::default()),
            Engine::Postgres => Arguments::Postgres(PgArguments::default()),
        };
        Query { reader: self, sql, arguments, refused, mode: PhantomData }
    }

    /// True once a statement has failed: only dropping or rolling back is left.
    pub fn has_failed(&self) -> bool {
        self.failed
    }

    #[cfg(test)]
    pub(crate) fn held_postgres(&mut self) -> Option<&mut PgConnection> {
        match self.held() {
            HeldConnection::Postgres(connection) => Some(connection),
            HeldConnection::Sqlite(_) | HeldConnection::Nothing => None,
        }
    }

    #[cfg(test)]
    pub(crate) fn held_sqlite(&mut self) -> Option<&mut SqliteConnection> {
        match self.held() {
            HeldConnection::Sqlite(connection) => Some(connection),
            HeldConnection::Postgres(_) | HeldConnection::Nothing => None,
        }
    }

    fn held(&mut self) -> HeldConnection<'_> {
        match &mut self.on {
            On::SqliteWrite(transaction) => HeldConnection::Sqlite(&mut *transaction),
            On::SqliteRead(connection) => HeldConnection::Sqlite(&mut *connection),
            On::PostgresWrite(transaction) => HeldConnection::Postgres(&mut *transaction),
            On::PostgresRead(connection) => HeldConnection::Postgres(&mut *connection),
            On::NotYet { .. } | On::Ended => HeldConnection::Nothing,
        }
    }

    fn watch(&self, sql: &Sql, started: Instant) {
        let elapsed = started.elapsed();
        if elapsed >= self.slow {
            // The text holds parameters, never values, so it may be logged.
            let elapsed_ms = u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX);
            tracing::warn!(elapsed_ms, statement = sql.sqlite, "slow statement");
        }
    }
}

impl Deref for Tx {
    type Target = Reader;
    fn deref(&self) -> &Reader {
        &self.reader
    }
}

impl DerefMut for Tx {
    fn deref_mut(&mut self) -> &mut Reader {
        &mut self.reader
    }
}

impl Tx {
    pub(super) fn new(on: On, slow: Duration) -> Self {
        Self { reader: Reader::new(on, slow), outbox: Vec::new(), due: None }
    }

    /// Starts a statement; bind its parameters in order, then ask for `optional`, `one`, `all` or `run`.
    pub fn query(&mut self, sql: Sql) -> Query<'_, Writes> {
        self.reader.start(sql, None)
    }

    /// Notes a fact, to be written to the log as the last thing in this transaction.
    pub fn note(&mut self, fact: Fact) {
        self.outbox.push(fact);
    }

    /// The facts noted so far, for the one who writes them.
    pub fn take_facts(&mut self) -> Vec<Fact> {
        std::mem::take(&mut self.outbox)
    }

    /// Notes when something is due that was enqueued in this transaction, for the one who wakes its runner.
    pub fn note_due(&mut self, at: Time) {
        self.due = Some(self.due.map_or(at, |due| due.min(at)));
    }

    /// The earliest time noted so far.
    pub fn due(&self) -> Option<Time> {
        self.due
    }

    /// Keeps what was written. Refused after any failed statement, and while facts are noted that nobody wrote.
    pub async fn commit(self) -> Result<(), Fault> {
        if !self.outbox.is_empty() {
            self.rollback().await?;
            return Err(Fault::Misuse("facts were noted: commit through the outbox"));
        }
        if self.failed {
            self.rollback().await?;
            return Err(Fault::Failed);
        }
        match self.reader.on {
            On::SqliteWrite(transaction) => transaction.commit().await.map_err(Fault::of_commit),
            On::PostgresWrite(transaction) => transaction.commit().await.map_err(Fault::of_commit),
            On::SqliteRead(_) | On::PostgresRead(_) | On::NotYet { .. } | On::Ended => Ok(()),
        }
    }

    /// Commits what was written so far and gives the connection back, before a wait for somebody outside. What stays in its place
    /// refuses every statement.
    pub async fn end(&mut self) -> Result<(), Fault> {
        let ended = Self::new(On::Ended, self.slow);
        std::mem::replace(self, ended).commit().await
    }

    /// Drops what was written, now rather than when the connection is next used.
    pub async fn rollback(self) -> Result<(), Fault> {
        match self.reader.on {
            On::SqliteWrite(transaction) => Ok(transaction.rollback().await?),
            On::PostgresWrite(transaction) => Ok(transaction.rollback().await?),
            On::SqliteRead(_) | On::PostgresRead(_) | On::NotYet { .. } | On::Ended => Ok(()),
        }
    }
}

/// The mode of a statement on a [`Reader`]: there is no `run`.
#[derive(Debug)]
pub enum Reads {}

/// The mode of a statement in a [`Tx`].
#[derive(Debug)]
pub enum Writes {}

/// A statement being bound.
#[must_use = "a query does nothing until it is run"]
pub struct Query<'t, M = Writes> {
    reader: &'t mut Reader,
    sql: Sql,
    arguments: Arguments,
    refused: Option<Fault>,
    mode: PhantomData<M>,
}

/// Fetched untyped and decoded after, so that the driver's machinery is compiled once and not per record.
enum EngineRow {
    Sqlite(SqliteRow),
    Postgres(PgRow),
}

impl EngineRow {
    fn decode<T: Record>(&self) -> Result<T, Fault> {
        match self {
            Self::Sqlite(row) => Ok(T::from_row(row)?),
            Self::Postgres(row) => Ok(T::from_row(row)?),
        }
    }
}

impl Query<'_, Writes> {
    /// Runs it for its effect: the number of rows touched.
    pub async fn run(self) -> Result<u64, Fault> {
        let (reader, sql, arguments) = self.enter().await?;
        let started = Instant::now();
        let touched = match (reader.held(), arguments) {
            (HeldConnection::Sqlite(connection), Arguments::Sqlite(values)) => {
                connection.execute((sql.sqlite, Some(values))).await?.rows_affected()
            }
            (HeldConnection::Postgres(connection), Arguments::Postgres(values)) => {
                connection.execute((sql.postgres, Some(values))).await?.rows_affected()
            }
            _ => return Err(MIXED),
        };
        reader.watch(&sql, started);
        reader.failed = false;
        Ok(touched)
    }
}

impl<'t, M> Query<'t, M> {
    /// Binds the next parameter.
    pub fn bind(mut self, value: impl Bind) -> Self {
        if self.refused.is_none() {
            self.refused = self.arguments.add(value.value()).err();
        }
        self
    }

    /// The first row, if there is one.
    pub async fn optional<T: Record>(self) -> Result<Option<T>, Fault> {
        let (reader, row) = self.fetch_optional().await?;
        let record = row.map(|row| row.decode()).transpose()?;
        reader.failed = false;
        Ok(record)
    }

    /// The row that must be there; [`Fault::Missing`] otherwise.
    pub async fn one<T: Record>(self) -> Result<T, Fault> {
        let (reader, row) = self.fetch_optional().await?;
        let record = row.ok_or(Fault::Missing)?.decode()?;
        reader.failed = false;
        Ok(record)
    }

    /// All rows. The statement holds the limit.
    pub async fn all<T: Record>(self) -> Result<Vec<T>, Fault> {
        let (reader, rows) = self.fetch_all().await?;
        let records = match rows {
            Rows::Sqlite(rows) => rows.iter().map(T::from_row).collect::<Result<_, _>>(),
            Rows::Postgres(rows) => rows.iter().map(T::from_row).collect(),
        };
        let records = records?;
        reader.failed = false;
        Ok(records)
    }

    async fn fetch_optional(self) -> Result<(&'t mut Reader, Option<EngineRow>), Fault> {
        let (reader, sql, arguments) = self.enter().await?;
        let started = Instant::now();
        let row = match (reader.held(), arguments) {
            (HeldConnection::Sqlite(connection), Arguments::Sqlite(values)) => {
                connection.fetch_optional((sql.sqlite, Some(values))).await?.map(EngineRow::Sqlite)
            }
            (HeldConnection::Postgres(connection), Arguments::Postgres(values)) => {
                connection.fetch_optional((sql.postgres, Some(values))).await?.map(EngineRow::Postgres)
            }
            _ => return Err(MIXED),
        };
        reader.watch(&sql, started);
        Ok((reader, row))
    }

    async fn fetch_all(self) -> Result<(&'t mut Reader, Rows), Fault> {
        let (reader, sql, arguments) = self.enter().await?;
        let started = Instant::now();
        let rows = match (reader.held(), arguments) {
            (HeldConnection::Sqlite(connection), Arguments::Sqlite(values)) => {
                Rows::Sqlite(connection.fetch_all((sql.sqlite, Some(values))).await?)
            }
            (HeldConnection::Postgres(connection), Arguments::Postgres(values)) => {
                Rows::Postgres(connection.fetch_all((sql.postgres, Some(values))).await?)
            }
            _ => return Err(MIXED),
        };
        reader.watch(&sql, started);
        Ok((reader, rows))
    }

    /// The checks before a statement. The transaction counts as failed from here until its rows are decoded, so an error on the
    /// way, and also a future dropped in the middle of it, leaves it failed.
    async fn enter(self) -> Result<(&'t mut Reader, Sql, Arguments), Fault> {
        let Self { reader, sql, arguments, refused, .. } = self;
        if reader.failed {
            return Err(Fault::Failed);
        }
        if matches!(reader.on, On::Ended) {
            return Err(Fault::Misuse("a statement after the end of the transaction"));
        }
        reader.failed = true;
        if let Some(fault) = refused {
            return Err(fault);
        }
        // SQLite reads a missing parameter as null and ignores one too many.
        if arguments.len() != sql.parameters {
            return Err(Fault::Misuse("the number of values bound is not the number of parameters"));
        }
        if let On::NotYet { pools, replica } = &reader.on {
            // Boxed: it would make every future that asks something larger by all that connecting needs.
            reader.on = Box::pin(pools.reading_newest(*replica)).await?;
        }
        Ok((reader, sql, arguments))
    }
}

enum Rows {
    Sqlite(Vec<SqliteRow>),
    Postgres(Vec<PgRow>),
}

/// `query` makes the arguments for its own engine, so this is never seen.
const MIXED: Fault = Fault::Misuse("arguments of one engine on the other");
