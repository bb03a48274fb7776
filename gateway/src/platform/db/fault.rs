//! Database errors. Invariant: the same error is the same fault, with the same constraint name, on both engines.

use sqlx::error::DatabaseError;
use sqlx::postgres::PgDatabaseError;

use crate::platform::retry::Retryable;

/// The engine's own error, for the log.
pub type Cause = Box<dyn std::error::Error + Send + Sync>;

/// Why a statement or commit did not happen. Carries names of our schema, never values of a row.
#[derive(Debug, thiserror::Error)]
pub enum Fault {
    /// The named unique constraint or index has such a row, for example `circle_partner_id_name_key` or `circle_pkey`. The name is for the
    /// log: an engine that shards rows sends none, so nothing is decided by it.
    #[error("the row already exists: {0}")]
    Unique(String),
    /// A referenced row is missing, or one still referenced was to go. Unnamed: SQLite does not say which.
    #[error("a referenced row is missing")]
    ForeignKey,
    /// The named check refused the row; the name is for the log too.
    #[error("the row was refused by the check {0}")]
    Check(String),
    /// A column, as `table.column`, was left null.
    #[error("no value for {0}")]
    NotNull(String),
    /// A number left the range of its column.
    #[error("a number is out of range")]
    OutOfRange,
    /// A text contained a zero byte.
    #[error("a text contains a zero byte")]
    ZeroByte,
    /// A write on a reading handle.
    #[error("a write on a read-only connection")]
    ReadOnly,
    /// `one()` found no row.
    #[error("no row where there must be one")]
    Missing,
    /// A conflict with another transaction: run the whole use-case again.
    #[error("a conflict with another transaction")]
    Retry,
    /// The engine is out of time, connections or locks; nothing of this transaction was kept.
    #[error("the database is busy")]
    Busy(#[source] Cause),
    /// A statement failed before, so nothing more is run or committed.
    #[error("an earlier statement of this transaction failed")]
    Failed,
    /// The connection was lost in the middle of a commit: it may or may not have been kept.
    #[error("the outcome of the commit is unknown")]
    Unknown(#[source] Cause),
    /// The engine cannot be reached.
    #[error("the database is unavailable")]
    Gone(#[source] Cause),
    /// The layer was used wrongly: a mistake in our code.
    #[error("the database was used incorrectly: {0}")]
    Misuse(&'static str),
    /// Anything else.
    #[error("the database failed")]
    Other(#[source] Cause),
}

impl Fault {
    /// Whether the engine is in trouble, and not what was asked of it.
    pub const fn is_of_engine(&self) -> bool {
        matches!(self, Self::Retry | Self::Busy(_) | Self::Gone(_) | Self::Unknown(_))
    }

    /// A commit that was sent and not answered may have happened.
    pub(super) fn of_commit(error: sqlx::Error) -> Self {
        let interrupted =
            error.as_database_error().and_then(DatabaseError::code).is_some_and(|code| code.starts_with("57P"));
        match Self::from(error) {
            Self::Gone(cause) => Self::Unknown(cause),
            Self::Busy(cause) if interrupted => Self::Unknown(cause),
            fault => fault,
        }
    }
}

impl Retryable for Fault {
    fn is_retryable(&self) -> bool {
        matches!(self, Self::Retry)
    }
}

impl From<sqlx::Error> for Fault {
    fn from(error: sqlx::Error) -> Self {
        match error {
            sqlx::Error::Database(cause) => of_database(cause),
            sqlx::Error::RowNotFound => Self::Missing,
            sqlx::Error::PoolTimedOut => Self::Busy(error.into()),
            sqlx::Error::Io(_)
            | sqlx::Error::Tls(_)
            | sqlx::Error::PoolClosed
            | sqlx::Error::WorkerCrashed
            | sqlx::Error::BeginFailed => Self::Gone(error.into()),
            error => Self::Other(error.into()),
        }
    }
}

fn of_database(cause: Box<dyn DatabaseError>) -> Fault {
    if let Some(postgres) = cause.try_downcast_ref::<PgDatabaseError>() {
        of_postgres(postgres).unwrap_or_else(|kind| kind(cause.into()))
    } else {
        let code = cause.code().and_then(|code| code.parse().ok()).unwrap_or(0);
        of_sqlite(code, cause.message()).unwrap_or_else(|kind| kind(cause.into()))
    }
}

/// The fault, or the variant that wants the cause.
type Sorted = Result<Fault, fn(Cause) -> Fault>;

fn of_postgres(error: &PgDatabaseError) -> Sorted {
    let constraint = || error.constraint().unwrap_or_default().to_owned();
    match error.code() {
        "23505" => Ok(Fault::Unique(constraint())),
        "23503" => Ok(Fault::ForeignKey),
        "23514" => Ok(Fault::Check(constraint())),
        "23502" => {
            Ok(Fault::NotNull(format!("{}.{}", error.table().unwrap_or_default(), error.column().unwrap_or_default())))
        }
        "22003" => Ok(Fault::OutOfRange),
        "22021" | "22P05" => Ok(Fault::ZeroByte),
        "25006" => Ok(Fault::ReadOnly),
        "25P02" => Ok(Fault::Failed),
        "40001" | "40P01" => Ok(Fault::Retry),
        // The last: the server gave up a session that had said nothing for too long.
        "55P03" | "57014" | "25P03" => Err(Fault::Busy),
        code if code.starts_with("53") || code.starts_with("57P") => Err(Fault::Busy),
        code if code.starts_with("08") => Err(Fault::Gone),
        _ => Err(Fault::Other),
    }
}

/// Result codes: <https://www.sqlite.org/rescode.html>, the low byte is the primary one.
fn of_sqlite(code: u32, message: &str) -> Sorted {
    // The words after "... constraint failed: ".
    let subject = message.split_once("failed: ").map_or(message, |(_, subject)| subject);
    match (code, code & 0xff) {
        (2067, _) => Ok(Fault::Unique(unique_name(subject))),
        (1555 | 2579, _) => Ok(Fault::Unique(primary_key_name(subject))),
        (787, _) => Ok(Fault::ForeignKey),
        (275, _) => Ok(Fault::Check(subject.to_owned())),
        (1299, _) => Ok(Fault::NotNull(subject.to_owned())),
        // A STRICT table refused a REAL for an INTEGER: that is how an overflow shows, as binds are of the right type.
        (3091, _) => Ok(Fault::OutOfRange),
        (1, _) if message == "integer overflow" => Ok(Fault::OutOfRange),
        // The snapshot is stale: waiting does not help, starting again does.
        (517, _) => Ok(Fault::Retry),
        (_, 5 | 6 | 9) => Err(Fault::Busy),
        (_, 8) => Ok(Fault::ReadOnly),
        (_, 10 | 11 | 13 | 14 | 26) => Err(Fault::Gone),
        _ => Err(Fault::Other),
    }
}

/// SQLite names the columns (`circle.partner_id, circle.name`) or an index on an expression (`index 'name'`); the name is the one
/// PostgreSQL gives by default, and the migrations are held to it.
fn unique_name(subject: &str) -> String {
    if let Some(index) = subject.strip_prefix("index '") {
        return index.trim_end_matches('\'').to_owned();
    }
    let mut name = String::new();
    for (place, column) in subject.split(", ").enumerate() {
        let (table, column) = column.rsplit_once('.').unwrap_or(("", column));
        if place == 0 {
            name.push_str(table);
        }
        name.push('_');
        name.push_str(column);
    }
    name.push_str("_key");
    name
}

fn primary_key_name(subject: &str) -> String {
    format!("{}_pkey", subject.split('.').next().unwrap_or_default())
}
