//! Many statements in one go. Handing a statement to SQLite's thread and back costs more than most statements do, so a
//! batch is written by one script.

use futures::TryStreamExt as _;
use sqlx::{AssertSqlSafe, Either, Executor as _, SqliteConnection};

use crate::ports::StoreError;
use crate::store::desk::Part;
use crate::store::sqlite::failed;

/// The rows of a statement, `w`. Many are taken out of their array once: read in place, an element would be written out
/// as text again for every column. For a few the table that takes is dearer than that.
const MANY: &str = "WITH w (value) AS MATERIALIZED (SELECT value FROM json_each(?)) ";
const FEW: &str = "WITH w (value) AS NOT MATERIALIZED (SELECT value FROM json_each(?)) ";
/// So many are many.
const MANY_ROWS: usize = 12;

/// Statements about rows `w`, each a JSON array in `value`.
#[derive(Debug, Default)]
pub(super) struct Script {
    sql: String,
    arrays: Vec<String>,
    /// How many rows each has to write, where that is known.
    wanted: Vec<(&'static str, Option<usize>)>,
}

impl Script {
    /// Adds a statement.
    pub(super) fn add(&mut self, sql: &'static str, part: Part) {
        self.sql.push_str(if part.rows < MANY_ROWS { FEW } else { MANY });
        self.sql.push_str(sql);
        self.sql.push(';');
        self.arrays.push(part.array);
        self.wanted.push((sql, part.statement.writes_every_row().then_some(part.rows)));
    }

    /// Runs the statements in the order in which they were added. One that does not write all of its rows fails (S7).
    pub(super) async fn run(self, tx: &mut SqliteConnection) -> Result<(), StoreError> {
        if self.wanted.is_empty() {
            return Ok(());
        }
        let query =
            self.arrays.into_iter().fold(sqlx::query(AssertSqlSafe(self.sql)), sqlx::query::Query::bind);
        let mut results = tx.fetch_many(query);
        let mut wanted = self.wanted.into_iter();
        while let Some(result) = results.try_next().await.map_err(failed)? {
            let Either::Left(done) = result else { continue };
            let Some((sql, Some(rows))) = wanted.next() else { continue };
            if usize::try_from(done.rows_affected()) != Ok(rows) {
                return Err(StoreError::failed(format_args!("a row changed under its transaction: {sql}")));
            }
        }
        if wanted.next().is_some() {
            return Err(StoreError::failed("a script ended early"));
        }
        Ok(())
    }
}
