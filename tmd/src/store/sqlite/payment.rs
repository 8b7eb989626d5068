//! Payments: written before they are sent, settled by a definite answer.

use async_trait::async_trait;
use sqlx::sqlite::SqliteRow;
use tmcore::OrderId;
use tmcore::payment::{Operation, PaymentState};

use super::row::Columns;
use super::{SqliteStore, begin, failed};
use crate::drill::{self, Step};
use crate::ports::StoreError;
use crate::ports::payment::{PaymentRecord, PaymentStore};

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

pub(super) fn read(row: &SqliteRow) -> Result<PaymentRecord, StoreError> {
    let state = PaymentState::from_stored(row.text("state")?, row.text_opt("detail")?);
    let operation = Operation::parse(row.text("operation")?);
    Ok(PaymentRecord {
        order: row.parse("order_id")?,
        operation: operation.ok_or_else(|| StoreError::failed("an unknown operation"))?,
        key: row.parse("provider_key")?,
        state: state.ok_or_else(|| StoreError::failed("an unknown payment state"))?,
        amount: row.money("amount", "currency")?,
        against: row.parse_opt("against")?,
    })
}
