//! Opening the database: what may be wrong with it is told in a sentence, with what to do; nothing is overwritten.

use std::path::{Path, PathBuf};
use std::time::Duration;

use sqlx::migrate::MigrateError;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions, SqliteConnection};

use super::writer::Writer;
use super::{MIGRATIONS, meaning};
use crate::clock::SystemClock;
use crate::ports::StoreError;
use crate::ports::fault::Fault;

/// Why the database does not open.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The disk or the file is at fault.
    #[error("failed to open {}: {fault}; {}", file.display(), fault.advice())]
    Fault {
        /// The database.
        file: PathBuf,
        /// What is wrong with it.
        fault: Fault,
    },
    /// A newer tmd has been there.
    #[error(
        "failed to open {}: a newer tmd wrote it (schema {found}, this one knows {known}); start that one, or put a \
         backup back; nothing was written to it",
        file.display()
    )]
    Newer {
        /// The database.
        file: PathBuf,
        /// The schema it has.
        found: i64,
        /// The newest schema that this program knows.
        known: i64,
    },
    /// A database of something else, or one that was changed by hand.
    #[error("failed to open {}: its schema is not an office's ({reason}); nothing was written to it", file.display())]
    Schema {
        /// The database.
        file: PathBuf,
        /// What does not fit.
        reason: String,
    },
    /// Anything else.
    #[error("failed to open {}: {reason}", file.display())]
    Other {
        /// The database.
        file: PathBuf,
        /// What SQLite says.
        reason: String,
    },
}

impl OpenError {
    pub(super) fn of(file: &Path, error: &sqlx::Error) -> Self {
        let file = file.to_owned();
        match meaning(error) {
            StoreError::Fault(fault) => Self::Fault { file, fault },
            StoreError::Busy => Self::Other { file, reason: "another program has locked it".to_owned() },
            StoreError::Failed(reason) | StoreError::Unreachable(reason) => {
                Self::Other { file, reason: reason.to_string() }
            }
        }
    }

    fn of_migration(file: &Path, error: MigrateError) -> Self {
        let owned = file.to_owned();
        let known = MIGRATIONS.iter().map(|migration| migration.version).max().unwrap_or_default();
        match error {
            MigrateError::Execute(error) | MigrateError::ExecuteMigration(error, _) => Self::of(file, &error),
            MigrateError::VersionMissing(found) if found > known => Self::Newer { file: owned, found, known },
            other => Self::Schema { file: owned, reason: other.to_string() },
        }
    }
}

/// Looks at a file that is there, without writing: something else's database stays as it is.
async fn look(file: &Path) -> Result<(), OpenError> {
    if let Some(fault) = Fault::of_files(file) {
        return Err(OpenError::Fault { file: file.to_owned(), fault });
    }
    if std::fs::metadata(file).map_or(0, |file| file.len()) == 0 {
        return Ok(());
    }
    let strange = "SELECT COUNT(*) > 0 AND SUM(name = '_sqlx_migrations') = 0 FROM sqlite_schema";
    // What cannot be read by a reader is found out by the writer, which tells why.
    let Ok(mut reader) = SqliteConnectOptions::new().filename(file).read_only(true).connect().await else {
        return Ok(());
    };
    match sqlx::query_scalar::<_, bool>(strange).fetch_one(&mut reader).await {
        Ok(true) => {
            Err(OpenError::Schema { file: file.to_owned(), reason: "it has other tables".to_owned() })
        }
        Ok(false) => Ok(()),
        Err(error) => match meaning(&error) {
            StoreError::Fault(Fault::Foreign | Fault::Damaged) => Err(OpenError::of(file, &error)),
            _ => Ok(()),
        },
    }
}

/// The writer, on a file that is whole, writable and of this program's schema.
pub(super) async fn writer(
    file: &Path,
    options: SqliteConnectOptions,
    patience: Duration,
) -> Result<Writer, OpenError> {
    look(file).await?;
    let writer = Writer::open(options, patience, SystemClock::new()).await;
    let writer = writer.map_err(|error| OpenError::of(file, &error))?;
    let fault = |error: StoreError| match error {
        StoreError::Fault(fault) => OpenError::Fault { file: file.to_owned(), fault },
        other => OpenError::Other { file: file.to_owned(), reason: other.to_string() },
    };
    {
        let mut held = writer.hold().await.map_err(fault)?;
        let connection: &mut SqliteConnection = &mut held;
        MIGRATIONS.run(connection).await.map_err(|error| OpenError::of_migration(file, error))?;
    }
    // SQLite opens a file that it may not write for reading alone, and says so at the first write.
    writer.probe().await.map_err(fault)?;
    Ok(writer)
}
