//! Cases and lives, read in one transaction that sees one instant and writes nothing.

use async_trait::async_trait;
use sqlx::postgres::PgRow;
use sqlx::{AssertSqlSafe, PgConnection};
use tmcore::Timestamp;
use tmcore::verify::life::{Record, Subject};

use super::ledger::{BEGIN_READING, READ_ALL};
use super::{PostgresStore, failed};
use crate::ports::StoreError;
use crate::ports::verify::{CasesPage, Passage, VerifyStore};
use crate::store::verify::{self, Reading, Value};

struct Reader<'a>(&'a mut PgConnection);

#[async_trait]
impl Reading for Reader<'_> {
    type Row = PgRow;

    const SEATS_OF_LIST: &'static str =
        "CROSS JOIN LATERAL (SELECT value::bigint AS value FROM json_array_elements_text(o.seats)) j";

    async fn ask(&mut self, sql: String, values: Vec<Value>) -> Result<Vec<PgRow>, StoreError> {
        // The one word that the dialects do not share.
        let sql = sql.replace("HEX(hash)", "encode(hash, 'hex')");
        let query = values.into_iter().fold(sqlx::query(AssertSqlSafe(sql)), |query, value| match value {
            Value::Text(text) => query.bind(text),
            Value::Int(int) => query.bind(int),
        });
        query.fetch_all(&mut *self.0).await.map_err(failed)
    }
}

#[async_trait]
impl VerifyStore for PostgresStore {
    async fn cases(&self, from: &Passage, limit: u32) -> Result<CasesPage, StoreError> {
        let mut tx = self.browse().begin_with(BEGIN_READING).await.map_err(failed)?;
        let (cases, next) = verify::cases(&mut Reader(&mut tx), from, limit).await?;
        Ok(CasesPage { cases, next, as_of: now(&mut tx).await? })
    }

    async fn record(&self, subject: &Subject, limit: u32) -> Result<Option<(Record, Timestamp)>, StoreError> {
        let mut tx = self.browse().begin_with(BEGIN_READING).await.map_err(failed)?;
        sqlx::raw_sql(READ_ALL).execute(&mut *tx).await.map_err(failed)?;
        let record = verify::record(&mut Reader(&mut tx), subject, limit).await?;
        let now = now(&mut tx).await?;
        Ok(record.map(|record| (record, now)))
    }
}

/// By the clock that rows are dated with, after they were read.
async fn now(connection: &mut PgConnection) -> Result<Timestamp, StoreError> {
    let now = sqlx::query_scalar("SELECT now_millis()").fetch_one(connection).await;
    now.map(Timestamp::from_millis).map_err(failed)
}
