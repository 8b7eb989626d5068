//! The books, read.

use async_trait::async_trait;
use sqlx::sqlite::SqliteRow;
use tmcore::Money;
use tmcore::money::Currency;
use tmcore::order::OrderState;
use tmcore::payment::ProviderKey;

use super::row::Columns;
use super::{SqliteStore, failed, payment};
use crate::ports::StoreError;
use crate::ports::ledger::{Balance, Books, LedgerStore, PaymentsPage, Unbalanced};

const BALANCES: &str = "SELECT currency, SUM(amount) AS sum,
    COALESCE(SUM(amount) FILTER (WHERE account = 'PROVIDER'), 0) AS provider,
    COALESCE(SUM(amount) FILTER (WHERE account = 'SALES'), 0) AS sales
  FROM ledger_entries GROUP BY currency ORDER BY currency";

const UNBALANCED: &str = "
  WITH booked AS (SELECT order_id, SUM(amount) AS sum,
      COALESCE(SUM(amount) FILTER (WHERE account = 'PROVIDER'), 0) AS provider
    FROM ledger_entries GROUP BY order_id),
  paid AS (SELECT order_id, SUM(CASE operation WHEN 'CAPTURE' THEN amount ELSE -amount END) AS net
    FROM payments WHERE state = 'OK' AND operation IN ('CAPTURE', 'REFUND') GROUP BY order_id)
  SELECT o.order_id, o.state, o.total, o.currency, COALESCE(b.provider, 0) AS provider, COALESCE(p.net, 0) AS net
  FROM orders o LEFT JOIN booked b USING (order_id) LEFT JOIN paid p USING (order_id)
  WHERE COALESCE(b.sum, 0) <> 0 OR COALESCE(b.provider, 0) <> COALESCE(p.net, 0)
    OR (o.state = 'FINALIZED' AND COALESCE(p.net, 0) <> o.total)
    OR (o.state IN ('REFUNDED', 'EXPIRED', 'CANCELLED', 'FAILED') AND COALESCE(p.net, 0) <> 0)
  ORDER BY o.order_id LIMIT ?";

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
        let items = rows.iter().map(|row| Ok((payment::read(row)?, row.time("created_at")?)));
        Ok(PaymentsPage { items: items.collect::<Result<_, StoreError>>()?, as_of })
    }

    async fn books(&self, limit: u32) -> Result<Books, StoreError> {
        let mut tx = self.readers().begin().await.map_err(failed)?;
        let as_of = self.now();
        let balances = sqlx::query(BALANCES).fetch_all(&mut *tx).await.map_err(failed)?;
        let unbalanced = sqlx::query(UNBALANCED).bind(limit).fetch_all(&mut *tx).await.map_err(failed)?;
        Ok(Books {
            balances: balances.iter().map(balance).collect::<Result<_, _>>()?,
            unbalanced: unbalanced.iter().map(unbalanced_order).collect::<Result<_, _>>()?,
            as_of,
        })
    }
}

fn balance(row: &SqliteRow) -> Result<Balance, StoreError> {
    let currency: Currency = row.parse("currency")?;
    let amount = |column| Ok::<_, StoreError>(Money::new(row.int(column)?, currency));
    Ok(Balance { sum: amount("sum")?, provider: amount("provider")?, sales: amount("sales")? })
}

fn unbalanced_order(row: &SqliteRow) -> Result<Unbalanced, StoreError> {
    let state = OrderState::parse(row.text("state")?);
    Ok(Unbalanced {
        order: row.parse("order_id")?,
        state: state.ok_or_else(|| StoreError::failed("an unknown order state"))?,
        total: row.money("total", "currency")?,
        booked: row.money("provider", "currency")?,
        paid: row.money("net", "currency")?,
    })
}
