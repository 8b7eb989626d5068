//! Payments: written before they are sent, settled by a definite answer.

use async_trait::async_trait;
use tmcore::OrderId;

use super::{SqliteStore, begin, failed};
use crate::drill::{self, Step};
use crate::ports::StoreError;
use crate::ports::payment::{PaymentRecord, PaymentStore};
use crate::store::row::payment::read;

#[async_trait]
impl PaymentStore for SqliteStore {
    async fn due_payments(&self, limit: u32, lease_seconds: u32) -> Result<Vec<PaymentRecord>, StoreError> {
        let mut writer = self.writer().await?;
        let mut tx = begin(&mut writer).await?;
        let at = self.now();
        let rows = sqlx::query(
            "UPDATE payments SET due_at = ?1 WHERE provider_key IN
               (SELECT provider_key FROM payments WHERE state IN ('INTENT', 'SENT', 'UNKNOWN') AND due_at <= ?2
                ORDER BY due_at LIMIT ?3)
             RETURNING *",
        )
        .bind(at.plus_seconds(lease_seconds).as_millis())
        .bind(at.as_millis())
        .bind(limit)
        .fetch_all(&mut *tx)
        .await
        .map_err(failed)?;
        if !rows.is_empty() {
            drill::mark(Step::TakePayments);
            tx.commit().await.map_err(failed)?;
        }
        rows.iter().map(read).collect()
    }

    async fn payments(&self, order: OrderId) -> Result<Vec<PaymentRecord>, StoreError> {
        let rows = sqlx::query("SELECT * FROM payments WHERE order_id = ? ORDER BY created_at, attempt")
            .bind(order.to_string())
            .fetch_all(self.readers())
            .await
            .map_err(failed)?;
        rows.iter().map(read).collect()
    }
}
