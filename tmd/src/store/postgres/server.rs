//! What a server has to be for the office to keep its promises there.

use sqlx::PgConnection;

use crate::store::row::Columns;

/// The oldest server, as it numbers itself.
const OLDEST_VERSION: i64 = 130_000;

const SETTINGS: &str = "SELECT current_setting('server_version_num')::bigint AS version,
    current_setting('fsync') AS fsync, current_setting('full_page_writes') AS full_page_writes,
    current_setting('synchronous_commit') AS synchronous_commit,
    current_setting('transaction_isolation') AS isolation, current_setting('server_encoding') AS encoding,
    CASE WHEN pg_is_in_recovery() THEN 'on' ELSE 'off' END AS recovery";

/// The settings that promises depend on, as a connection of the office sees them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Server {
    /// As it numbers itself: 150004 is 15.4.
    pub version: i64,
    /// Whether it waits for the disk at all, and for whole pages.
    pub syncs: [String; 2],
    /// What a commit waits for.
    pub synchronous_commit: String,
    /// What a transaction sees of others.
    pub isolation: String,
    /// How texts are written.
    pub encoding: String,
    /// Whether it follows another server.
    pub recovery: String,
}

/// Why a server is not used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Objection {
    /// It lacks what the statements use.
    #[error("the server is PostgreSQL {0}, 13 or newer is needed")]
    Old(i64),
    /// Whatever is answered could be lost (D1).
    #[error(
        "the server's `{0}` is off, so a crash could lose what was answered; turn it on in postgresql.conf and \
         reload"
    )]
    NotSynced(&'static str),
    /// The same, for this role or database.
    #[error(
        "`synchronous_commit` is off, so a crash could lose what was answered; set it to on (or local, remote_write, \
         remote_apply) for this server, database and role"
    )]
    CommitsLater,
    /// It cannot be written.
    #[error("the server is a replica, which cannot be written; give the address of the primary")]
    Replica,
    /// The settings of the connection do not arrive.
    #[error(
        "transactions run at `{0}` instead of read committed; a pooler between tmd and the server has to let the \
         connection's settings through"
    )]
    Isolation(String),
    /// Answers are kept byte for byte.
    #[error("the database's encoding is {0}, UTF8 is needed")]
    Encoding(String),
}

impl Server {
    /// Asks a connection that is set up like every other.
    pub(super) async fn read(connection: &mut PgConnection) -> Result<Self, sqlx::Error> {
        let row = sqlx::query(SETTINGS).fetch_one(connection).await?;
        let text = |column: &str| row.text(column).map(str::to_owned).map_err(sqlx::Error::decode);
        Ok(Self {
            version: row.int("version").map_err(sqlx::Error::decode)?,
            syncs: [text("fsync")?, text("full_page_writes")?],
            synchronous_commit: text("synchronous_commit")?,
            isolation: text("isolation")?,
            encoding: text("encoding")?,
            recovery: text("recovery")?,
        })
    }

    /// The first reason not to use it. `synchronous_commit` may be anything that waits for the server's own disk at least;
    /// whether for a replica's as well is the operator's choice.
    pub(super) fn objection(&self) -> Option<Objection> {
        let [fsync, full_page_writes] = &self.syncs;
        if self.version < OLDEST_VERSION {
            return Some(Objection::Old(self.version / 10_000));
        }
        if self.recovery != "off" {
            return Some(Objection::Replica);
        }
        for (name, value) in [("fsync", fsync), ("full_page_writes", full_page_writes)] {
            if value != "on" {
                return Some(Objection::NotSynced(name));
            }
        }
        if self.synchronous_commit == "off" {
            return Some(Objection::CommitsLater);
        }
        if self.isolation != "read committed" {
            return Some(Objection::Isolation(self.isolation.clone()));
        }
        (self.encoding != "UTF8").then(|| Objection::Encoding(self.encoding.clone()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn good() -> Server {
        Server {
            version: 150_004,
            syncs: ["on".into(), "on".into()],
            synchronous_commit: "on".into(),
            isolation: "read committed".into(),
            encoding: "UTF8".into(),
            recovery: "off".into(),
        }
    }

    #[test]
    fn d1_a_server_that_could_lose_what_was_answered_is_refused() {
        assert_eq!(good().objection(), None);
        let fsync = Server { syncs: ["off".into(), "on".into()], ..good() };
        assert_eq!(fsync.objection(), Some(Objection::NotSynced("fsync")));
        let pages = Server { syncs: ["on".into(), "off".into()], ..good() };
        assert_eq!(pages.objection(), Some(Objection::NotSynced("full_page_writes")));
        for (commit, objection) in
            [("off", Some(Objection::CommitsLater)), ("local", None), ("remote_apply", None)]
        {
            let server = Server { synchronous_commit: commit.into(), ..good() };
            assert_eq!(server.objection(), objection, "{commit}");
        }
    }

    #[test]
    fn a_server_that_cannot_keep_promises_is_refused_with_what_to_do() {
        for (server, says) in [
            (Server { version: 120_017, ..good() }, "PostgreSQL 12"),
            (Server { recovery: "on".into(), ..good() }, "address of the primary"),
            (Server { isolation: "repeatable read".into(), ..good() }, "pooler"),
            (Server { encoding: "SQL_ASCII".into(), ..good() }, "UTF8"),
        ] {
            let objection = server.objection().expect("an objection").to_string();
            assert!(objection.contains(says), "{objection}");
        }
    }
}
