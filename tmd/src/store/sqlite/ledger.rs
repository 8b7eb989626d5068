//! The books, read.

use async_trait::async_trait;
use tmcore::payment::ProviderKey;

use super::{SqliteStore, failed};
use crate::ports::StoreError;
use crate::ports::ledger::{Books, LedgerStore, PaymentsPage};
use crate::store::row::{self, Columns};

#[async_trait]
impl LedgerStore for SqliteStore {
    async fn payments_after(
        &self,
        after: Option<ProviderKey>,
        limit: u32,
    ) -> Result<PaymentsPage, StoreError> {
        let mut tx = self.readers().begin().await.map_err(failed)?;
        // Before the rows: what is committed in between is on the page and younger than it says.
        let as_of = self.now();
        let rows = sqlx::query("SELECT * FROM payments WHERE provider_key > ? ORDER BY provider_key LIMIT ?")
            .bind(after.map(|key| key.to_string()).unwrap_or_default())
            .bind(limit)
            .fetch_all(&mut *tx)
            .await
            .map_err(failed)?;
        let items = rows.iter().map(|row| Ok((row::payment::read(row)?, row.time("created_at")?)));
        Ok(PaymentsPage { items: items.collect::<Result<_, StoreError>>()?, as_of })
    }

    async fn books(&self, limit: u32) -> Result<Books, StoreError> {
        let mut tx = self.readers().begin().await.map_err(failed)?;
        let as_of = self.now();
        let balances = sqlx::query(row::ledger::BALANCES).fetch_all(&mut *tx).await.map_err(failed)?;
        let unbalanced =
            sqlx::query(row::ledger::UNBALANCED).bind(limit).fetch_all(&mut *tx).await.map_err(failed)?;
        Ok(Books {
            balances: balances.iter().map(row::ledger::balance).collect::<Result<_, _>>()?,
            unbalanced: unbalanced.iter().map(row::ledger::unbalanced).collect::<Result<_, _>>()?,
            as_of,
        })
    }
}
