//! The idempotency ledger, but for claims and their ends, which are written in batches.

use async_trait::async_trait;
use tmcore::OrderId;

use super::{PostgresStore, failed};
use crate::ports::StoreError;
use crate::ports::idempotency::{IdempotencyStore, Lease};
use crate::ports::order::KeyRef;
use crate::store::row::Columns;

const HOUR_MILLIS: i64 = 3_600_000;
/// Keys that are forgotten by one statement: more would be locked for longer than anybody should wait.
const PURGE_PAGE: i64 = 5_000;

#[async_trait]
impl IdempotencyStore for PostgresStore {
    async fn lapsed_bookings(
        &self,
        limit: u32,
        lease_seconds: u32,
    ) -> Result<Vec<(Lease, OrderId)>, StoreError> {
        let rows = sqlx::query(
            "WITH now AS MATERIALIZED (SELECT now_millis() AS at),
             lapsed AS MATERIALIZED (SELECT k.user_id, k.key FROM idempotency_keys k JOIN orders o ON o.order_id = k.order_id
               WHERE k.booking_lease_until <= (SELECT at FROM now) AND o.state = 'AUTHORIZED'
                 AND o.expires_at > (SELECT at FROM now)
               LIMIT $1 FOR UPDATE OF k SKIP LOCKED)
             UPDATE idempotency_keys k SET lease_until = (SELECT at FROM now) + $2
             FROM lapsed l WHERE k.user_id = l.user_id AND k.key = l.key RETURNING k.user_id, k.key, k.order_id, k.lease_until",
        )
        .bind(i64::from(limit))
        .bind(1_000 * i64::from(lease_seconds))
        .fetch_all(self.money())
        .await
        .map_err(failed)?;
        let taken = rows.iter().map(|row| {
            let key = KeyRef { user: row.parse("user_id")?, key: row.parse("key")? };
            Ok((Lease { key, until: row.time("lease_until")? }, row.parse("order_id")?))
        });
        taken.collect()
    }

    async fn purge_keys(&self, keep_hours: u32) -> Result<u64, StoreError> {
        let mut purged = 0;
        loop {
            let page = sqlx::query(
                "WITH old AS MATERIALIZED (SELECT k.user_id, k.key FROM idempotency_keys k
                   WHERE k.created_at < (SELECT now_millis()) - $1
                     AND (k.lease_until IS NULL OR k.lease_until <= (SELECT now_millis()))
                     AND NOT EXISTS (SELECT 1 FROM orders o WHERE o.order_id = k.order_id
                       AND o.state IN ('PENDING', 'AUTHORIZING', 'AUTHORIZED', 'CAPTURING', 'REFUNDING'))
                   LIMIT $2 FOR UPDATE OF k SKIP LOCKED)
                 DELETE FROM idempotency_keys k USING old WHERE k.user_id = old.user_id AND k.key = old.key",
            )
            .bind(i64::from(keep_hours) * HOUR_MILLIS)
            .bind(PURGE_PAGE)
            .execute(self.money())
            .await
            .map_err(failed)?;
            purged += page.rows_affected();
            if page.rows_affected() < PURGE_PAGE.unsigned_abs() {
                return Ok(purged);
            }
        }
    }

    async fn inherit(&self) -> Result<(), StoreError> {
        for sql in [
            "UPDATE idempotency_keys SET lease_until = now_millis() WHERE lease_until > now_millis()",
            "UPDATE payments SET due_at = now_millis() WHERE state IN ('INTENT', 'SENT') AND due_at > now_millis()",
        ] {
            sqlx::query(sql).execute(self.money()).await.map_err(failed)?;
        }
        Ok(())
    }
}
