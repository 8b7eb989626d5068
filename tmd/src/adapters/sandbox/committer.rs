//! The one writer of the sandbox's log: takes whatever is waiting, commits it in one transaction, then answers.

use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions, Connection, SqliteConnection};
use tmcore::payment::ProviderKey;
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;

use super::book::Verdict;
use super::instruction::Instruction;
use super::log;
use crate::drill::{self, Part, Step};
use crate::ports::gateway::ProviderRecord;

/// The most jobs in one transaction.
const MAX_BATCH_JOBS: usize = 256;

/// The most jobs that wait for the committer; who comes later waits to be let in.
pub(super) const MAX_WAITING_JOBS: usize = 1024;

/// Something to be decided and written. An answer that never comes means that the commit failed.
pub(super) enum Job {
    Submit {
        instruction: Instruction,
        reply: oneshot::Sender<Verdict>,
    },
    Cancel {
        key: ProviderKey,
        reply: oneshot::Sender<Option<ProviderRecord>>,
    },
    /// All entries up to this one have been told of.
    Told {
        sequence: u64,
    },
}

impl Job {
    const fn key(&self) -> Option<ProviderKey> {
        match self {
            Self::Submit { instruction, .. } => Some(instruction.key),
            Self::Cancel { key, .. } => Some(*key),
            Self::Told { .. } => None,
        }
    }

    const fn step(&self) -> Step {
        match self {
            Self::Submit { instruction, .. } => Step::log(instruction.operation),
            Self::Cancel { .. } => Step::LogFence,
            Self::Told { .. } => Step::LogTold,
        }
    }

    const fn instruction(&self) -> Option<&Instruction> {
        match self {
            Self::Submit { instruction, .. } => Some(instruction),
            Self::Cancel { .. } | Self::Told { .. } => None,
        }
    }
}

/// An answer that waits for the commit.
enum Answered {
    Submit(oneshot::Sender<Verdict>, Verdict),
    Cancel(oneshot::Sender<Option<ProviderRecord>>, Option<ProviderRecord>),
}

impl Answered {
    /// Whoever asked may have gone; what was done stays done.
    fn tell(self) {
        match self {
            Self::Submit(reply, verdict) => drop(reply.send(verdict)),
            Self::Cancel(reply, record) => drop(reply.send(record)),
        }
    }
}

/// The connection that writes, and how to open another: SQLite rolls a transaction that meets a full disk back by
/// itself, and the driver then believes for ever that it is inside one.
pub(super) struct Writer {
    pub(super) connection: SqliteConnection,
    pub(super) options: SqliteConnectOptions,
    /// The last commit failed: the driver's own thread may be gone.
    pub(super) is_lost: bool,
}

impl Writer {
    async fn mend(&mut self) -> Result<(), sqlx::Error> {
        // One that was dropped is rolled back in the background: a ping waits for that.
        let is_stuck = self.connection.is_in_transaction()
            && (self.connection.ping().await.is_err() || self.connection.is_in_transaction());
        if std::mem::take(&mut self.is_lost) || is_stuck {
            self.connection = self.options.connect().await?;
        }
        Ok(())
    }
}

/// Runs until nobody can send any more, or until `stop`, and then until what was waiting is done.
pub(super) async fn run(mut writer: Writer, mut jobs: mpsc::Receiver<Job>, stop: CancellationToken) {
    let mut waiting = Vec::with_capacity(MAX_BATCH_JOBS);
    loop {
        let taken = tokio::select! {
            biased;
            () = stop.cancelled(), if !jobs.is_closed() => {
                jobs.close();
                continue;
            }
            taken = jobs.recv_many(&mut waiting, MAX_BATCH_JOBS) => taken,
        };
        if taken == 0 {
            break;
        }
        match commit(&mut writer, std::mem::take(&mut waiting)).await {
            Ok(answers) => {
                answers.into_iter().for_each(Answered::tell);
                // Those who were told and go on at once get into the next batch instead of the one after it.
                tokio::task::yield_now().await;
            }
            Err(error) => {
                writer.is_lost = true;
                let file = writer.options.get_filename().display();
                tracing::error!(%file, %error, jobs = taken, "failed to write the sandbox's log");
            }
        }
    }
    if let Err(error) = writer.connection.close().await {
        tracing::warn!(%error, "failed to close the sandbox's log");
    }
}

async fn commit(writer: &mut Writer, jobs: Vec<Job>) -> Result<Vec<Answered>, sqlx::Error> {
    let keys: Vec<_> = jobs.iter().filter_map(Job::key).collect();
    let instructions: Vec<_> = jobs.iter().filter_map(Job::instruction).collect();
    drill::begin(Part::Provider);
    writer.mend().await?;
    let mut transaction = writer.connection.begin_with("BEGIN IMMEDIATE").await?;
    let mut book = log::load(&mut transaction, &keys, &instructions).await?;
    let mut answers = Vec::with_capacity(jobs.len());
    for job in jobs {
        drill::mark(job.step());
        answers.push(match job {
            Job::Submit { instruction, reply } => Answered::Submit(reply, book.submit(&instruction)),
            Job::Cancel { key, reply } if book.cancel(key) => {
                // What an earlier job of the batch did under the key is not in the log before it is written.
                log::append(&mut transaction, &std::mem::take(&mut book.changes)).await?;
                Answered::Cancel(reply, log::find(&mut *transaction, &key).await?)
            }
            Job::Cancel { reply, .. } => Answered::Cancel(reply, None),
            Job::Told { sequence } => {
                log::set_told(&mut transaction, sequence).await?;
                continue;
            }
        });
    }
    log::append(&mut transaction, &book.changes).await?;
    drill::before_commit(Part::Provider);
    transaction.commit().await?;
    drill::after_commit(Part::Provider);
    Ok(answers)
}
