//! The idempotency ledger, but for claims and their ends, which are written in batches.

use async_trait::async_trait;
use tmcore::OrderId;

use super::{SqliteStore, failed};
use crate::ports::StoreError;
use crate::ports::idempotency::{IdempotencyStore, Lease};
use crate::ports::order::KeyRef;
use crate::store::row::Columns;

const HOUR_MILLIS: i64 = 3_600_000;

#[async_trait]
impl IdempotencyStore for SqliteStore {
    async fn lapsed_bookings(
        &self,
        limit: u32,
        lease_seconds: u32,
    ) -> Result<Vec<(Lease, OrderId)>, StoreError> {
        // Hardly ever is there any, so whoever writes is not kept waiting to find out.
        if !self.any_lapsed_booking().await? {
            return Ok(Vec::new());
        }
        let mut writer = self.writer().await?;
        let at = self.now();
        let rows = sqlx::query(
            "UPDATE idempotency_keys SET lease_until = ?1 WHERE (user_id, key) IN
               (SELECT k.user_id, k.key FROM idempotency_keys k JOIN orders o ON o.order_id = k.order_id
                WHERE k.is_booking = 1 AND k.lease_until <= ?2 AND o.state = 'AUTHORIZED' AND o.expires_at > ?2
                LIMIT ?3)
             RETURNING user_id, key, order_id, lease_until",
        )
        .bind(at.plus_seconds(lease_seconds).as_millis())
        .bind(at.as_millis())
        .bind(limit)
        .fetch_all(&mut *writer)
        .await
        .map_err(failed)?;
        let taken = rows.iter().map(|row| {
            let key = KeyRef { user: row.parse("user_id")?, key: row.parse("key")? };
            Ok((Lease { key, until: row.time("lease_until")? }, row.parse("order_id")?))
        });
        taken.collect()
    }

    async fn purge_keys(&self, keep_hours: u32) -> Result<u64, StoreError> {
        let mut writer = self.writer().await?;
        let at = self.now();
        let purged = sqlx::query(
            "DELETE FROM idempotency_keys WHERE created_at < ? AND (lease_until IS NULL OR lease_until <= ?)
               AND NOT EXISTS (SELECT 1 FROM orders o WHERE o.order_id = idempotency_keys.order_id
                 AND o.state IN ('PENDING', 'AUTHORIZING', 'AUTHORIZED', 'CAPTURING', 'REFUNDING'))",
        )
        .bind(at.as_millis() - i64::from(keep_hours) * HOUR_MILLIS)
        .bind(at.as_millis())
        .execute(&mut *writer)
        .await
        .map_err(failed)?;
        Ok(purged.rows_affected())
    }

    async fn inherit(&self) -> Result<(), StoreError> {
        let mut writer = self.writer().await?;
        let at = self.now().as_millis();
        for sql in [
            // No lease is an hour long: older claims have lapsed.
            "UPDATE idempotency_keys SET lease_until = ?1 WHERE created_at > ?1 - 3600000 AND lease_until > ?1",
            "UPDATE payments SET due_at = ?1 WHERE state IN ('INTENT', 'SENT') AND due_at > ?1",
        ] {
            sqlx::query(sql).bind(at).execute(&mut *writer).await.map_err(failed)?;
        }
        Ok(())
    }
}

impl SqliteStore {
    async fn any_lapsed_booking(&self) -> Result<bool, StoreError> {
        sqlx::query_scalar(
            "SELECT EXISTS (SELECT 1 FROM idempotency_keys k JOIN orders o ON o.order_id = k.order_id
               WHERE k.is_booking = 1 AND k.lease_until <= ?
                 AND o.state = 'AUTHORIZED')",
        )
        .bind(self.now().as_millis())
        .fetch_one(self.readers())
        .await
        .map_err(failed)
    }
}
