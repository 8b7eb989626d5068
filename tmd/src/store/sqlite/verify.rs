//! Cases and lives, read in one transaction: readers see what was committed before their first statement, until they end.

use async_trait::async_trait;
use sqlx::sqlite::SqliteRow;
use sqlx::{AssertSqlSafe, SqliteConnection};
use tmcore::Timestamp;
use tmcore::verify::life::{Record, Subject};

use super::{SqliteStore, failed};
use crate::ports::StoreError;
use crate::ports::verify::{CasesPage, Passage, VerifyStore};
use crate::store::verify::{self, Reading, Value};

struct Reader<'a>(&'a mut SqliteConnection);

#[async_trait]
impl Reading for Reader<'_> {
    type Row = SqliteRow;

    const SEATS_OF_LIST: &'static str = "CROSS JOIN json_each(o.seats) j";

    async fn ask(&mut self, sql: String, values: Vec<Value>) -> Result<Vec<SqliteRow>, StoreError> {
        let query = values.into_iter().fold(sqlx::query(AssertSqlSafe(sql)), |query, value| match value {
            Value::Text(text) => query.bind(text),
            Value::Int(int) => query.bind(int),
        });
        query.fetch_all(&mut *self.0).await.map_err(failed)
    }
}

#[async_trait]
impl VerifyStore for SqliteStore {
    async fn cases(&self, from: &Passage, limit: u32) -> Result<CasesPage, StoreError> {
        let mut tx = self.searchers().begin().await.map_err(failed)?;
        let (cases, next) = verify::cases(&mut Reader(&mut tx), from, limit).await?;
        Ok(CasesPage { cases, next, as_of: self.now() })
    }

    async fn record(&self, subject: &Subject, limit: u32) -> Result<Option<(Record, Timestamp)>, StoreError> {
        let mut tx = self.searchers().begin().await.map_err(failed)?;
        let record = verify::record(&mut Reader(&mut tx), subject, limit).await?;
        Ok(record.map(|record| (record, self.now())))
    }
}
