//! The embedded store: one SQLite file, one writer, a pool of readers.
//!
//! WAL and `synchronous=FULL`: what was answered survives kill -9 and power loss (D1). All writes go through one
//! connection, so a transaction that began sees nothing change under it, and whatever waits meanwhile is written by the
//! next transaction together. Source: <https://www.sqlite.org/wal.html>, <https://www.sqlite.org/isolation.html>.

mod block;
mod catalog;
mod idempotency;
mod order;
mod payment;
mod row;
mod search;
mod seat;
mod session;
mod waiting_room;

use std::path::Path;
use std::time::Duration;

use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{ConnectOptions, Connection, SqliteConnection, SqlitePool};
use tmcore::Timestamp;
use tokio::sync::{Mutex, MutexGuard};

use crate::ports::{Store, StoreError};

static MIGRATIONS: sqlx::migrate::Migrator = sqlx::migrate!("../migrations/sqlite");

/// How the file is opened.
#[derive(Clone, Copy, Debug)]
pub struct SqliteOptions {
    /// Connections for reading.
    pub reader_connections: u32,
    /// The longest that a request may wait for locks, all told (S9).
    pub busy_timeout: Duration,
}

/// Connections that search.
const SEARCH_CONNECTIONS: u32 = 1;

/// The store.
#[derive(Debug)]
pub struct SqliteStore {
    writer: Mutex<SqliteConnection>,
    readers: SqlitePool,
    /// Searches read a lot and matter least: they have connections of their own, and wait for nobody else's.
    searchers: SqlitePool,
    writer_timeout: Duration,
}

type Tx<'c> = sqlx::Transaction<'c, sqlx::Sqlite>;

impl SqliteStore {
    /// Opens the file, making it when there is none, and brings its schema up to date.
    ///
    /// # Errors
    /// [`StoreError::Failed`] when the file cannot be opened, written or migrated.
    pub async fn open(file: &Path, options: SqliteOptions) -> Result<Self, StoreError> {
        // A write may wait for the writer, then for another process's lock, and before it a batch may do the same: a
        // quarter each.
        let quarter = options.busy_timeout / 4;
        let connect = SqliteConnectOptions::new()
            .filename(file)
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .foreign_keys(true)
            .busy_timeout(quarter)
            .statement_cache_capacity(256)
            .disable_statement_logging();
        let mut writer = connect.connect().await.map_err(failed)?;
        MIGRATIONS.run(&mut writer).await.map_err(StoreError::failed)?;
        let readers = SqlitePoolOptions::new()
            .max_connections(options.reader_connections)
            .acquire_timeout(options.busy_timeout)
            .connect_with(connect.clone().read_only(true).create_if_missing(false))
            .await
            .map_err(failed)?;
        let searchers = SqlitePoolOptions::new()
            .max_connections(SEARCH_CONNECTIONS)
            .acquire_timeout(quarter)
            .connect_lazy_with(connect.read_only(true).create_if_missing(false));
        Ok(Self { writer: Mutex::new(writer), readers, searchers, writer_timeout: quarter })
    }

    /// The writer, waited for no longer than a lock may be (S9).
    async fn writer(&self) -> Result<MutexGuard<'_, SqliteConnection>, StoreError> {
        tokio::time::timeout(self.writer_timeout, self.writer.lock()).await.map_err(|_| StoreError::Busy)
    }

    const fn readers(&self) -> &SqlitePool {
        &self.readers
    }
}

impl Store for SqliteStore {}

/// Begins a transaction that may write, so that it never fails for having read first.
async fn begin(connection: &mut SqliteConnection) -> Result<Tx<'_>, StoreError> {
    connection.begin_with("BEGIN IMMEDIATE").await.map_err(failed)
}

/// The database's clock. Every decision about time is made by it (S4).
async fn now(connection: &mut SqliteConnection) -> Result<Timestamp, StoreError> {
    let millis: i64 = sqlx::query_scalar("SELECT CAST(unixepoch('subsec') * 1000 AS INTEGER)")
        .fetch_one(connection)
        .await
        .map_err(failed)?;
    Ok(Timestamp::from_millis(millis))
}

/// A driver's error as the port tells it.
#[allow(clippy::needless_pass_by_value, reason = "used as a function in map_err")]
fn failed(error: sqlx::Error) -> StoreError {
    match &error {
        sqlx::Error::PoolTimedOut => StoreError::Busy,
        sqlx::Error::Database(database)
            if matches!(database.code().as_deref(), Some("5" | "6" | "261" | "517")) =>
        {
            StoreError::Busy
        }
        _ => StoreError::failed(error),
    }
}

/// A JSON array, the way many values travel into one statement (`json_each`).
fn json_array<T: serde::Serialize>(values: &[T]) -> Result<String, StoreError> {
    serde_json::to_string(values).map_err(StoreError::failed)
}

#[cfg(test)]
mod tests;
