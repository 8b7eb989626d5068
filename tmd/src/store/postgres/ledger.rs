//! The books, read.

use async_trait::async_trait;
use sqlx::PgConnection;
use tmcore::Timestamp;
use tmcore::payment::ProviderKey;

use super::{PostgresStore, failed};
use crate::ports::StoreError;
use crate::ports::ledger::{Books, LedgerStore, PaymentsPage};
use crate::store::row::{self, Columns};

/// Two statements about one instant. Nothing is written, so nothing can be decided on what is over.
pub(super) const BEGIN_READING: &str = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";

/// The books are read from end to end, as nothing else is.
pub(super) const READ_ALL: &str =
    "SET LOCAL enable_seqscan = on; SET LOCAL enable_hashjoin = on; SET LOCAL enable_mergejoin = on;
    SET LOCAL plan_cache_mode = auto";

#[async_trait]
impl LedgerStore for PostgresStore {
    async fn payments_after(
        &self,
        after: Option<ProviderKey>,
        limit: u32,
    ) -> Result<PaymentsPage, StoreError> {
        let mut connection = self.browse().acquire().await.map_err(failed)?;
        // Before the rows: what is committed in between is on the page and younger than it says.
        let as_of = now(&mut connection).await?;
        let rows =
            sqlx::query("SELECT * FROM payments WHERE provider_key > $1 ORDER BY provider_key LIMIT $2")
                .bind(after.map(|key| key.to_string()).unwrap_or_default())
                .bind(i64::from(limit))
                .fetch_all(&mut *connection)
                .await
                .map_err(failed)?;
        let items = rows.iter().map(|row| Ok((row::payment::read(row)?, row.time("created_at")?)));
        Ok(PaymentsPage { items: items.collect::<Result<_, StoreError>>()?, as_of })
    }

    async fn books(&self, limit: u32) -> Result<Books, StoreError> {
        let mut tx = self.browse().begin_with(BEGIN_READING).await.map_err(failed)?;
        sqlx::raw_sql(READ_ALL).execute(&mut *tx).await.map_err(failed)?;
        let as_of = now(&mut tx).await?;
        let balances = sqlx::query(row::ledger::BALANCES).fetch_all(&mut *tx).await.map_err(failed)?;
        let unbalanced = sqlx::query(row::ledger::UNBALANCED)
            .bind(i64::from(limit))
            .fetch_all(&mut *tx)
            .await
            .map_err(failed)?;
        Ok(Books {
            balances: balances.iter().map(row::ledger::balance).collect::<Result<_, _>>()?,
            unbalanced: unbalanced.iter().map(row::ledger::unbalanced).collect::<Result<_, _>>()?,
            as_of,
        })
    }
}

/// When the statement began: in a transaction that sees one instant, what is committed later is not in it.
async fn now(connection: &mut PgConnection) -> Result<Timestamp, StoreError> {
    let now = sqlx::query_scalar("SELECT read_millis()").fetch_one(connection).await;
    now.map(Timestamp::from_millis).map_err(failed)
}
