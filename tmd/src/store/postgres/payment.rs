//! Payments: written before they are sent, settled by a definite answer.

use async_trait::async_trait;
use sqlx::postgres::PgRow;
use tmcore::OrderId;

use super::{PgError, PostgresStore, begin, failed};
use crate::drill::{self, Step};
use crate::ports::StoreError;
use crate::ports::payment::{PaymentRecord, PaymentStore};
use crate::store::row::payment::read;

#[async_trait]
impl PaymentStore for PostgresStore {
    async fn due_payments(&self, limit: u32, lease_seconds: u32) -> Result<Vec<PaymentRecord>, StoreError> {
        let rows = self.take_due(limit, lease_seconds).await?;
        rows.iter().map(read).collect()
    }

    async fn payments(&self, order: OrderId) -> Result<Vec<PaymentRecord>, StoreError> {
        let rows = sqlx::query("SELECT * FROM payments WHERE order_id = $1 ORDER BY created_at, attempt")
            .bind(order.to_string())
            .fetch_all(self.browse())
            .await
            .map_err(failed)?;
        rows.iter().map(read).collect()
    }
}

impl PostgresStore {
    async fn take_due(&self, limit: u32, lease_seconds: u32) -> Result<Vec<PgRow>, PgError> {
        let mut tx = begin(self.money()).await?;
        let rows = sqlx::query(
            "WITH due AS MATERIALIZED (SELECT provider_key FROM payments
               WHERE state IN ('INTENT', 'SENT', 'UNKNOWN') AND due_at <= (SELECT now_millis())
               ORDER BY due_at LIMIT $1 FOR UPDATE SKIP LOCKED)
             UPDATE payments p SET due_at = (SELECT now_millis()) + $2
             FROM due WHERE p.provider_key = due.provider_key RETURNING p.*",
        )
        .bind(i64::from(limit))
        .bind(1_000 * i64::from(lease_seconds))
        .fetch_all(&mut *tx)
        .await?;
        if !rows.is_empty() {
            drill::mark(Step::TakePayments);
            tx.commit().await?;
        }
        Ok(rows)
    }
}
