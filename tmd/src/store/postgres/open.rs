//! Opening the database: what may be wrong with it is told in a sentence, with what to do; no password is in it.

use std::str::FromStr;
use std::time::Duration;

use sqlx::migrate::MigrateError;
use sqlx::postgres::PgConnectOptions;
use sqlx::{ConnectOptions, Connection, PgConnection};

use super::connect::settled;
use super::server::{Objection, Server};
use super::{MIGRATIONS, failed};

/// A server that does not take a connection for this long is not there.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// Why the database does not open.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The address is none.
    #[error("store.url is no address of a database, such as postgres://user:password@host:5432/database")]
    Address,
    /// It is not set up as it has to be.
    #[error("failed to use {place}: {objection}")]
    Objection {
        /// Host, port and database.
        place: String,
        /// What stands against it.
        objection: Objection,
    },
    /// A newer tmd has been there.
    #[error(
        "failed to open {place}: a newer tmd wrote it (schema {found}, this one knows {known}); start that one, or put a \
         backup back; nothing was written to it"
    )]
    Newer {
        /// Host, port and database.
        place: String,
        /// The schema it has.
        found: i64,
        /// The newest schema that this program knows.
        known: i64,
    },
    /// A database of something else, or one that was changed by hand.
    #[error("failed to open {place}: its schema is not an office's ({reason}); nothing was written to it")]
    Schema {
        /// Host, port and database.
        place: String,
        /// What does not fit.
        reason: String,
    },
    /// Anything else.
    #[error("failed to open {place}: {reason}")]
    Other {
        /// Host, port and database.
        place: String,
        /// What the server or the driver says.
        reason: String,
    },
}

impl OpenError {
    fn of(place: &str, error: sqlx::Error) -> Self {
        Self::Other { place: place.to_owned(), reason: failed(error).to_string() }
    }

    fn of_migration(place: &str, error: MigrateError) -> Self {
        let known = MIGRATIONS.iter().map(|migration| migration.version).max().unwrap_or_default();
        match error {
            MigrateError::Execute(error) | MigrateError::ExecuteMigration(error, _) => Self::of(place, error),
            MigrateError::VersionMissing(found) if found > known => {
                Self::Newer { place: place.to_owned(), found, known }
            }
            other => Self::Schema { place: place.to_owned(), reason: other.to_string() },
        }
    }
}

/// Looks at the server, and brings the schema up to date. Answers how every connection is made.
pub(super) async fn prepare(url: &str, busy_timeout: Duration) -> Result<PgConnectOptions, OpenError> {
    let bare = PgConnectOptions::from_str(url).map_err(|_| OpenError::Address)?.disable_statement_logging();
    let place = place(&bare);
    let connect = settled(bare.clone(), busy_timeout);
    let mut connection = open(&connect, &place).await?;
    let server = Server::read(&mut connection).await.map_err(|error| OpenError::of(&place, error))?;
    if let Some(objection) = server.objection() {
        return Err(OpenError::Objection { place, objection });
    }
    let _ = connection.close().await;
    // A schema may take longer to be brought up to date than a buyer's statement; whoever else does it is waited for.
    let mut connection = open(&bare.application_name("tmd migrate"), &place).await?;
    look(&mut connection, &place).await?;
    MIGRATIONS.run(&mut connection).await.map_err(|error| OpenError::of_migration(&place, error))?;
    let _ = connection.close().await;
    Ok(connect)
}

async fn open(connect: &PgConnectOptions, place: &str) -> Result<PgConnection, OpenError> {
    let opened = tokio::time::timeout(CONNECT_TIMEOUT, connect.connect()).await;
    let timed_out = |_| OpenError::Other { place: place.to_owned(), reason: "no answer".to_owned() };
    opened.map_err(timed_out)?.map_err(|error| OpenError::of(place, error))
}

/// Something else's tables are left alone.
async fn look(connection: &mut PgConnection, place: &str) -> Result<(), OpenError> {
    let strange = "SELECT to_regclass('_sqlx_migrations') IS NULL AND EXISTS (SELECT 1 FROM pg_class c
        WHERE c.relkind IN ('r', 'p') AND c.relnamespace = to_regnamespace(current_schema()))";
    match sqlx::query_scalar::<_, Option<bool>>(strange).fetch_one(connection).await {
        Ok(Some(true)) => {
            Err(OpenError::Schema { place: place.to_owned(), reason: "it has other tables".to_owned() })
        }
        Ok(_) => Ok(()),
        Err(error) => Err(OpenError::of(place, error)),
    }
}

/// Host, port and database.
fn place(connect: &PgConnectOptions) -> String {
    let database = connect.get_database().unwrap_or_else(|| connect.get_username());
    format!("{}:{}/{database}", connect.get_host(), connect.get_port())
}
