//! The pools, and what a handle's statements run on.

use sqlx::pool::PoolConnection;
use sqlx::{PgPool, Postgres, Sqlite, SqlitePool, Transaction};

use super::engine::Engine;
use super::fault::Fault;

/// One pool for each way of using the database.
#[derive(Debug, Clone)]
pub(super) enum Pools {
    Sqlite { read: SqlitePool, write: SqlitePool },
    Postgres { read: PgPool, write: PgPool, steady: PgPool },
}

/// What statements run on.
pub(super) enum On {
    SqliteWrite(Transaction<'static, Sqlite>),
    SqliteRead(PoolConnection<Sqlite>),
    PostgresWrite(Transaction<'static, Postgres>),
    PostgresRead(PoolConnection<Postgres>),
    /// A reading handle that takes its connection when it is first asked something.
    NotYet {
        pools: Pools,
        replica: bool,
    },
    /// It was committed before its time: nothing can be asked of it, and there is nothing to keep.
    Ended,
}

impl Pools {
    pub fn engine(&self) -> Engine {
        match self {
            Self::Sqlite { .. } => Engine::Sqlite,
            Self::Postgres { .. } => Engine::Postgres,
        }
    }

    /// A connection to read with.
    pub async fn reading(&self) -> Result<On, Fault> {
        Ok(match self {
            Self::Sqlite { read, .. } => On::SqliteRead(read.acquire().await?),
            Self::Postgres { read, .. } => On::PostgresRead(read.acquire().await?),
        })
    }

    /// A connection to read the newest state with, also where reads go to a replica.
    pub async fn reading_newest(&self, replica: bool) -> Result<On, Fault> {
        match self {
            Self::Postgres { write, .. } if replica => Ok(On::PostgresRead(write.acquire().await?)),
            _ => self.reading().await,
        }
    }
}
