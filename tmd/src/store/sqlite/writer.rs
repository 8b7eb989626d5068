//! The one connection that writes, and what becomes of it when the disk under it fails.
//!
//! A transaction that meets a full disk is rolled back by SQLite itself, behind the driver's back: the driver then
//! believes for ever that it is inside one. Such a connection is closed, and another opened in its place.

use std::ops::{Deref, DerefMut};
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions, Connection, SqliteConnection};
use tokio::sync::MutexGuard;

use super::{failed, meaning};
use crate::clock::{Clock, SystemClock};
use crate::drill::{self, Part};
use crate::ports::StoreError;
use crate::ports::fault::Fault;

/// A fault that goes on is told this often.
const TELL_AGAIN: Duration = Duration::from_secs(10);
/// A commit this long ago still shows that the store can be written.
const FRESH: Duration = Duration::from_secs(1);
/// "tmof": marks the file as an office's. Writing it again changes nothing.
const APPLICATION_ID: &str = "PRAGMA application_id = 0x746D6F66";

/// The writer.
#[derive(Debug)]
pub(super) struct Writer {
    connection: tokio::sync::Mutex<SqliteConnection>,
    options: SqliteConnectOptions,
    file: PathBuf,
    patience: Duration,
    clock: SystemClock,
    health: Mutex<Health>,
}

#[derive(Debug, Default)]
struct Health {
    written_at: Option<Duration>,
    fault: Option<(Fault, Duration)>,
    /// The driver's own thread is gone.
    is_lost: bool,
}

/// The writer, and nobody else has it.
pub(super) struct Held<'a> {
    connection: MutexGuard<'a, SqliteConnection>,
    writer: &'a Writer,
}

/// A transaction of the writer. Dropped, it is rolled back.
pub(super) struct Tx<'a> {
    inner: sqlx::Transaction<'a, sqlx::Sqlite>,
    writer: &'a Writer,
}

impl Writer {
    /// Opens the connection. It waits no longer than `patience` for its turn (S9).
    pub(super) async fn open(
        options: SqliteConnectOptions,
        patience: Duration,
        clock: SystemClock,
    ) -> Result<Self, sqlx::Error> {
        let connection = tokio::sync::Mutex::new(options.connect().await?);
        let file = options.get_filename().to_owned();
        Ok(Self { connection, options, file, patience, clock, health: Mutex::default() })
    }

    /// The writer, waited for no longer than a lock may be (S9).
    pub(super) async fn hold(&self) -> Result<Held<'_>, StoreError> {
        let turn = tokio::time::timeout(self.patience, self.connection.lock());
        let connection = turn.await.map_err(|_| StoreError::Busy)?;
        Ok(Held { connection, writer: self })
    }

    /// Whether the file can be written. Writes nothing if it just was.
    pub(super) async fn probe(&self) -> Result<(), StoreError> {
        if self.health().written_at.is_some_and(|at| self.clock.monotonic().saturating_sub(at) < FRESH) {
            return Ok(());
        }
        let mut held = self.hold().await?;
        let mut tx = begin(&mut held).await?;
        sqlx::raw_sql(APPLICATION_ID).execute(&mut *tx).await.map_err(failed)?;
        tx.commit().await.map_err(failed)
    }

    fn health(&self) -> std::sync::MutexGuard<'_, Health> {
        self.health.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Remembers how a write went, and tells the operator of a fault and of its end.
    fn note(&self, outcome: Result<(), &StoreError>) {
        let now = self.clock.monotonic();
        let mut health = self.health();
        match outcome {
            Ok(()) => {
                health.written_at = Some(now);
                if health.fault.take().is_some() {
                    tracing::info!(file = %self.file.display(), "the store can be written again");
                }
            }
            Err(StoreError::Fault(fault)) => {
                health.written_at = None;
                let is_told =
                    |(told, at): (Fault, Duration)| told == *fault && now.saturating_sub(at) < TELL_AGAIN;
                if !health.fault.is_some_and(is_told) {
                    health.fault = Some((*fault, now));
                    let advice = fault.advice();
                    tracing::error!(file = %self.file.display(), %fault, advice, "failed to write the store");
                }
            }
            Err(StoreError::Busy | StoreError::Unreachable(_) | StoreError::Failed(_)) => {}
        }
    }

    fn failed(&self, error: sqlx::Error) -> StoreError {
        self.health().is_lost |= matches!(error, sqlx::Error::WorkerCrashed);
        let error = failed(error);
        self.note(Err(&error));
        error
    }
}

/// Begins a transaction that may write, so that it never fails for having read first.
pub(super) async fn begin<'a>(held: &'a mut Held<'_>) -> Result<Tx<'a>, StoreError> {
    let writer = held.writer;
    if std::mem::take(&mut writer.health().is_lost) || is_stuck(&mut held.connection).await {
        tracing::debug!(file = %writer.file.display(), "a transaction was cut off, its connection is opened anew");
        *held.connection = writer.options.connect().await.map_err(|error| writer.failed(error))?;
    }
    drill::begin(Part::Office);
    let inner = held.connection.begin_with("BEGIN IMMEDIATE").await.map_err(|error| writer.failed(error))?;
    Ok(Tx { inner, writer })
}

/// Whether the connection can begin no transaction any more. One that was dropped is rolled back in the background: a
/// ping waits for that.
async fn is_stuck(connection: &mut SqliteConnection) -> bool {
    connection.is_in_transaction() && (connection.ping().await.is_err() || connection.is_in_transaction())
}

impl Tx<'_> {
    /// Ends the transaction; what it wrote is on the disk then.
    pub(super) async fn commit(self) -> Result<(), sqlx::Error> {
        drill::before_commit(Part::Office);
        let outcome = self.inner.commit().await;
        drill::after_commit(Part::Office);
        match &outcome {
            Ok(()) => self.writer.note(Ok(())),
            Err(error) => self.writer.note(Err(&meaning(error))),
        }
        outcome
    }
}

impl Deref for Held<'_> {
    type Target = SqliteConnection;

    fn deref(&self) -> &Self::Target {
        &self.connection
    }
}

impl DerefMut for Held<'_> {
    fn deref_mut(&mut self) -> &mut Self::Target {
        &mut self.connection
    }
}

impl Deref for Tx<'_> {
    type Target = SqliteConnection;

    fn deref(&self) -> &Self::Target {
        &self.inner
    }
}

impl DerefMut for Tx<'_> {
    fn deref_mut(&mut self) -> &mut Self::Target {
        &mut self.inner
    }
}
