//! The embedded store: one SQLite file, one writer, a pool of readers.
//!
//! WAL and `synchronous=FULL`: what was answered survives kill -9 and power loss (D1). All writes go through one
//! connection, so a transaction that began sees nothing change under it, and whatever waits meanwhile is written by the
//! next transaction together. Source: <https://www.sqlite.org/wal.html>, <https://www.sqlite.org/isolation.html>.

mod batch;
mod block;
mod callback;
mod catalog;
mod clock;
mod idempotency;
mod identity;
mod ledger;
mod open;
mod order;
mod payment;
mod search;
mod seat;
mod session;
mod verify;
mod waiting_room;
mod writer;

use std::path::Path;
use std::time::Duration;

use async_trait::async_trait;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{ConnectOptions, SqlitePool};
use tmcore::Timestamp;

use self::clock::StoreClock;
pub use self::open::OpenError;
use self::writer::{Held, Writer, begin};
use crate::ports::fault::Fault;
use crate::ports::{Store, StoreError};

static MIGRATIONS: sqlx::migrate::Migrator = sqlx::migrate!("../migrations/sqlite");

/// What the connection that writes, and each that reads, keeps of the file in memory. With the 2 MiB that SQLite takes
/// by itself, a sale of 30,000 seats is read again and again.
const WRITER_CACHE_KIB: u32 = 16 << 10;
const READER_CACHE_KIB: u32 = 2 << 10;
/// How much the log grows before it is folded into the file, pages of 4 KiB. Folding less often is a little cheaper, but a
/// log that fills a small disk is never folded, and the sale stands still.
const CHECKPOINT_PAGES: u32 = 1_000;

/// How the file is opened.
#[derive(Clone, Copy, Debug)]
pub struct SqliteOptions {
    /// Connections for reading.
    pub reader_connections: u32,
    /// The longest that a request may wait for locks, all told (S9).
    pub busy_timeout: Duration,
    /// How long whoever writes a payment down has to send it before the resolver does.
    pub send_lease_seconds: u32,
}

/// Connections that search.
const SEARCH_CONNECTIONS: u32 = 1;

/// The store.
#[derive(Debug)]
pub struct SqliteStore {
    writer: Writer,
    readers: SqlitePool,
    /// Searches read a lot and matter least: they have a connection of their own, and wait for nobody else's.
    searchers: SqlitePool,
    clock: StoreClock,
    send_lease_seconds: u32,
}

impl SqliteStore {
    /// Opens the file, making it when there is none, and brings its schema up to date.
    ///
    /// # Errors
    /// [`OpenError`] when the file cannot be opened, written or migrated; nothing is written then.
    pub async fn open(file: &Path, options: SqliteOptions) -> Result<Self, OpenError> {
        // A write may wait for the writer, then for another process's lock, and before it a batch may do the same: a
        // quarter each.
        let quarter = options.busy_timeout / 4;
        let connect = SqliteConnectOptions::new()
            .filename(file)
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .foreign_keys(true)
            .pragma("cache_size", format!("-{WRITER_CACHE_KIB}"))
            .pragma("wal_autocheckpoint", CHECKPOINT_PAGES.to_string())
            .pragma("temp_store", "memory")
            .busy_timeout(quarter)
            .statement_cache_capacity(256)
            .disable_statement_logging();
        let clock = StoreClock::default();
        let writer = open::writer(file, connect.clone(), quarter).await?;
        let reading = connect
            .read_only(true)
            .create_if_missing(false)
            .pragma("cache_size", format!("-{READER_CACHE_KIB}"));
        // A connection for reading is kept for good: on a disk that has become read-only another could not be opened.
        let readers = SqlitePoolOptions::new()
            .max_connections(options.reader_connections)
            .min_connections(options.reader_connections)
            .idle_timeout(None)
            .max_lifetime(None)
            .acquire_timeout(options.busy_timeout)
            .connect_with(reading.clone())
            .await
            .map_err(|error| OpenError::of(file, &error))?;
        let searchers = SqlitePoolOptions::new()
            .max_connections(SEARCH_CONNECTIONS)
            .acquire_timeout(quarter)
            .connect_lazy_with(reading);
        clock.start(&readers).await.map_err(|error| OpenError::of(file, &error))?;
        let send_lease_seconds = options.send_lease_seconds;
        Ok(Self { writer, readers, searchers, clock, send_lease_seconds })
    }

    async fn writer(&self) -> Result<Held<'_>, StoreError> {
        self.writer.hold().await
    }

    const fn readers(&self) -> &SqlitePool {
        &self.readers
    }

    const fn searchers(&self) -> &SqlitePool {
        &self.searchers
    }

    /// The store's clock. Every decision about a length of time is made by it (S4).
    fn now(&self) -> Timestamp {
        self.clock.now()
    }
}

#[async_trait]
impl Store for SqliteStore {
    async fn probe(&self) -> Result<(), StoreError> {
        sqlx::query("SELECT 1 FROM events LIMIT 1").fetch_optional(self.readers()).await.map_err(failed)?;
        self.writer.probe().await
    }
}

/// A driver's error as the port tells it.
#[allow(clippy::needless_pass_by_value, reason = "used as a function in map_err")]
fn failed(error: sqlx::Error) -> StoreError {
    meaning(&error)
}

fn meaning(error: &sqlx::Error) -> StoreError {
    let code = match error {
        sqlx::Error::PoolTimedOut => return StoreError::Busy,
        sqlx::Error::Database(database) => database.code().and_then(|code| code.parse().ok()),
        _ => None,
    };
    match code {
        Some(5 | 6 | 261 | 517) => StoreError::Busy,
        Some(code) => Fault::of_sqlite(code).map_or_else(|| StoreError::failed(error), StoreError::Fault),
        None => StoreError::failed(error),
    }
}

#[cfg(test)]
mod tests;
