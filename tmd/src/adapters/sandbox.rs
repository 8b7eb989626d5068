//! A payment provider to try things with, modelled on real authorize/capture gateways.
//!
//! It keeps a durable log of its own in one SQLite file; test tokens ([`TEST_TOKENS`]) choose how it behaves. It knows no
//! card: of a token it keeps the behaviour and a hash. It answers through [`Exchange`], exactly as a connection
//! would show it, so that in process and across the network the same rule decides what an answer means.

mod book;
pub mod callback;
mod committer;
mod instruction;
mod log;
pub(crate) mod protocol;
mod schema;
pub mod server;
pub mod token;

pub use token::{Behaviour, TEST_TOKENS, TestToken};

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use sqlx::ConnectOptions;
use sqlx::sqlite::{
    SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous,
};
use tmcore::payment::{Answer, Exchange, OutcomeUnknown, ProviderKey, Reply};
use tokio::sync::{Semaphore, mpsc, oneshot};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use self::book::Verdict;
use self::committer::{Job, MAX_WAITING_JOBS, Writer};
use self::instruction::Instruction;
use crate::ports::fault::Fault;
use crate::ports::gateway::{MAX_LIST_RECORDS, PaymentGateway, ProviderRecord, ProviderRequest};
use crate::telemetry::queue::QueueGauge;

/// The most operations that wait out their latency at once.
const MAX_DELAYED_OPERATIONS: usize = 4096;

/// Connections for look-ups and lists.
const READERS: u32 = 2;

/// How long a statement waits for another process that writes to the file, milliseconds.
const BUSY_TIMEOUT_MILLIS: u64 = 2000;

/// How much the log grows before it is folded into the database, pages: keys are hashes, and folding seldom writes a page
/// of their index once for many of them.
const CHECKPOINT_PAGES: &str = "8000";

/// What an HTML error page looks like to somebody who expects JSON.
const HTML: &[u8] = b"<!DOCTYPE html><title>Welcome</title><p>Everything is fine.";

/// How much time the sandbox takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pace {
    /// Before every operation, look-up, cancellation and list.
    pub latency: Duration,
    /// In addition, before an authorization with `tok_slow`.
    pub slow: Duration,
    /// Before giving up on an authorization with `tok_timeout`.
    pub silence: Duration,
    /// Between an operation and its callback.
    pub callback: Duration,
}

impl Pace {
    /// The usual pace, with a latency.
    #[must_use]
    pub const fn with_latency(latency: Duration) -> Self {
        Self {
            latency,
            slow: Duration::from_secs(2),
            silence: Duration::from_secs(3),
            callback: Duration::from_secs(1),
        }
    }
}

/// Why the sandbox does not open.
#[derive(Debug, thiserror::Error)]
pub enum SandboxError {
    /// The disk or the file is at fault.
    #[error("failed to open the sandbox's log {}: {fault}; {}", path.display(), fault.advice())]
    Fault {
        /// The log.
        path: PathBuf,
        /// What is wrong with it.
        fault: Fault,
    },
    /// Anything else.
    #[error("failed to open the sandbox's log {}", path.display())]
    Failed {
        /// The log.
        path: PathBuf,
        /// What SQLite says.
        source: sqlx::Error,
    },
}

impl SandboxError {
    fn of(path: &Path, source: sqlx::Error) -> Self {
        let code = source.as_database_error().and_then(|error| error.code()?.parse().ok());
        let path = path.to_owned();
        match code.and_then(Fault::of_sqlite) {
            Some(fault) => Self::Fault { path, fault },
            None => Self::Failed { path, source },
        }
    }
}

/// The provider.
pub struct Sandbox {
    jobs: mpsc::Sender<Job>,
    readers: SqlitePool,
    id: String,
    pace: Pace,
    tasks: TaskTracker,
    delayed: Arc<Semaphore>,
    /// Jobs that wait, and operations that are delayed.
    shown: [QueueGauge; 2],
}

impl Sandbox {
    /// Opens the log at `path`, creating the file if there is none, and starts its writer on `tasks`. The writer ends
    /// with the sandbox, or after `stop` when all that was waiting is written; what comes later is not done.
    ///
    /// # Errors
    /// [`SandboxError`] if the file cannot be opened as such a log.
    pub async fn open(
        path: &Path,
        pace: Pace,
        tasks: &TaskTracker,
        stop: CancellationToken,
    ) -> Result<Self, SandboxError> {
        if let Some(fault) = Fault::of_files(path) {
            return Err(SandboxError::Fault { path: path.to_owned(), fault });
        }
        let (writer, readers, id) = connect(path).await.map_err(|source| SandboxError::of(path, source))?;
        let (jobs, waiting) = mpsc::channel(MAX_WAITING_JOBS);
        tasks.spawn(committer::run(writer, waiting, stop));
        let delayed = Arc::new(Semaphore::new(MAX_DELAYED_OPERATIONS));
        let shown = [
            QueueGauge::new("gateway_jobs", MAX_WAITING_JOBS),
            QueueGauge::new("gateway_delays", MAX_DELAYED_OPERATIONS),
        ];
        Ok(Self { jobs, readers, id, pace, tasks: tasks.clone(), delayed, shown })
    }

    /// Tells this sandbox from every other: the id of its log, and of every copy of it.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Does what is asked and shows what a connection to the provider would show.
    pub(crate) async fn exchange(&self, request: &ProviderRequest) -> Exchange {
        let instruction = Instruction::of(request);
        let delay =
            if instruction.is_slow() { self.pace.latency + self.pace.slow } else { self.pace.latency };
        let (reply, verdict) = oneshot::channel();
        self.enqueue(Job::Submit { instruction, reply }, delay).await;
        match verdict.await {
            Ok(Verdict::Told(reply)) => success(&reply),
            Ok(Verdict::Garbled) => Exchange::Answered { status: 200, body: HTML.to_vec() },
            Ok(Verdict::Lost) => Exchange::Lost,
            Ok(Verdict::Silent) => {
                tokio::time::sleep(self.pace.silence).await;
                Exchange::TimedOut
            }
            Ok(Verdict::Reused) => failure(409),
            Ok(Verdict::Fault) => failure(503),
            Err(_) => failure(500),
        }
    }

    /// Hands a job to the writer, after a delay if there is one. Once the delay has begun the job is done even if whoever
    /// asked stops waiting, as at a real provider. A job that cannot be handed over loses its reply.
    async fn enqueue(&self, job: Job, delay: Duration) {
        let [waiting, delays] = &self.shown;
        waiting.set_free(self.jobs.capacity());
        if delay.is_zero() {
            return drop(self.jobs.send(job).await);
        }
        let Ok(permit) = Arc::clone(&self.delayed).acquire_owned().await else { return };
        delays.set_free(self.delayed.available_permits());
        let (jobs, delayed, delays) = (self.jobs.clone(), Arc::clone(&self.delayed), delays.clone());
        self.tasks.spawn(async move {
            tokio::time::sleep(delay).await;
            drop(jobs.send(job).await);
            drop(permit);
            delays.set_free(delayed.available_permits());
        });
    }

    async fn pause(&self) {
        if !self.pace.latency.is_zero() {
            tokio::time::sleep(self.pace.latency).await;
        }
    }
}

#[async_trait]
impl PaymentGateway for Sandbox {
    async fn submit(&self, request: &ProviderRequest) -> Result<Answer, OutcomeUnknown> {
        self.exchange(request).await.judge(&request.key, request.operation.amount())
    }

    async fn look_up(&self, key: &ProviderKey) -> Result<Option<ProviderRecord>, OutcomeUnknown> {
        self.pause().await;
        log::find(&self.readers, key).await.map_err(|error| fault(&error))
    }

    async fn cancel(&self, key: &ProviderKey) -> Result<Option<ProviderRecord>, OutcomeUnknown> {
        let (reply, record) = oneshot::channel();
        self.enqueue(Job::Cancel { key: *key, reply }, self.pace.latency).await;
        record.await.map_err(|_| OutcomeUnknown::ServerFault { status: 500 })
    }

    async fn list(&self, after: u64, limit: u32) -> Result<Vec<ProviderRecord>, OutcomeUnknown> {
        self.pause().await;
        let limit = limit.min(MAX_LIST_RECORDS);
        log::page(&self.readers, after, limit).await.map_err(|error| fault(&error))
    }
}

async fn connect(path: &Path) -> Result<(Writer, SqlitePool, String), sqlx::Error> {
    let options = SqliteConnectOptions::new()
        .filename(path)
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .pragma("wal_autocheckpoint", CHECKPOINT_PAGES)
        .busy_timeout(Duration::from_millis(BUSY_TIMEOUT_MILLIS));
    let mut connection = options.connect().await?;
    sqlx::raw_sql(schema::SCHEMA).execute(&mut connection).await?;
    // SQLite opens a file that it may not write for reading alone, and says so at the first write.
    sqlx::raw_sql(schema::APPLICATION_ID).execute(&mut connection).await?;
    let id = sqlx::query_scalar("SELECT id FROM identity").fetch_one(&mut connection).await?;
    let writer = Writer { connection, options: options.clone(), is_lost: false };
    // Kept for good: on a disk that has become read-only another could not be opened.
    let readers = SqlitePoolOptions::new().max_connections(READERS).min_connections(READERS);
    let readers = readers.idle_timeout(None).max_lifetime(None);
    let readers = readers.connect_with(options.create_if_missing(false).read_only(true)).await?;
    Ok((writer, readers, id))
}

fn success(reply: &Reply) -> Exchange {
    match serde_json::to_vec(reply) {
        Ok(body) => Exchange::Answered { status: 200, body },
        Err(_) => failure(500),
    }
}

const fn failure(status: u16) -> Exchange {
    Exchange::Answered { status, body: Vec::new() }
}

fn fault(error: &sqlx::Error) -> OutcomeUnknown {
    tracing::error!(%error, "failed to read the sandbox's log");
    OutcomeUnknown::ServerFault { status: 500 }
}

#[cfg(test)]
mod tests;
