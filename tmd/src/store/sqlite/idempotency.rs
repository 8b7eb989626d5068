//! The idempotency ledger.

use std::sync::Arc;

use async_trait::async_trait;
use sqlx::sqlite::SqliteRow;
use sqlx::{Row as _, SqliteConnection};
use tmcore::{OrderId, Timestamp};

use super::row::{Columns, int};
use super::{SqliteStore, begin, failed, now};
use crate::ports::StoreError;
use crate::ports::idempotency::{Claimed, IdempotencyStore, KeyClaim, Purpose, StoredAnswer};
use crate::ports::order::KeyRef;

const HOUR_MILLIS: i64 = 3_600_000;

#[async_trait]
impl IdempotencyStore for SqliteStore {
    async fn claim(&self, claims: Vec<KeyClaim>) -> Vec<Result<Claimed, StoreError>> {
        match self.claim_all(&claims).await {
            Ok(answers) => answers.into_iter().map(Ok).collect(),
            Err(error) => claims.iter().map(|_| Err(error.clone())).collect(),
        }
    }

    async fn finish(&self, keys: Vec<(KeyRef, Option<StoredAnswer>)>) -> Vec<Result<(), StoreError>> {
        let outcome = self.finish_all(&keys).await;
        keys.iter().map(|_| outcome.clone()).collect()
    }

    async fn lapsed_bookings(
        &self,
        limit: u32,
        lease_seconds: u32,
    ) -> Result<Vec<(KeyRef, OrderId)>, StoreError> {
        // Hardly ever is there any, so whoever writes is not kept waiting to find out.
        if !self.any_lapsed_booking().await? {
            return Ok(Vec::new());
        }
        let mut writer = self.writer().await?;
        let at = now(&mut writer).await?;
        let rows = sqlx::query(
            "UPDATE idempotency_keys SET lease_until = ?1 WHERE (user_id, key) IN
               (SELECT k.user_id, k.key FROM idempotency_keys k JOIN orders o ON o.order_id = k.order_id
                WHERE k.is_booking = 1 AND k.lease_until <= ?2 AND o.state = 'AUTHORIZED' AND o.expires_at > ?2
                LIMIT ?3)
             RETURNING user_id, key, order_id",
        )
        .bind(at.plus_seconds(lease_seconds).as_millis())
        .bind(at.as_millis())
        .bind(limit)
        .fetch_all(&mut *writer)
        .await
        .map_err(failed)?;
        let taken = rows.iter().map(|row| {
            let key = KeyRef { user: row.parse("user_id")?, key: row.parse("key")? };
            Ok((key, row.parse("order_id")?))
        });
        taken.collect()
    }

    async fn purge_keys(&self, keep_hours: u32) -> Result<u64, StoreError> {
        let mut writer = self.writer().await?;
        let at = now(&mut writer).await?;
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
}

impl SqliteStore {
    async fn any_lapsed_booking(&self) -> Result<bool, StoreError> {
        sqlx::query_scalar(
            "SELECT EXISTS (SELECT 1 FROM idempotency_keys k JOIN orders o ON o.order_id = k.order_id
               WHERE k.is_booking = 1 AND k.lease_until <= CAST(unixepoch('subsec') * 1000 AS INTEGER)
                 AND o.state = 'AUTHORIZED')",
        )
        .fetch_one(self.readers())
        .await
        .map_err(failed)
    }

    async fn claim_all(&self, claims: &[KeyClaim]) -> Result<Vec<Claimed>, StoreError> {
        let mut writer = self.writer().await?;
        let mut tx = begin(&mut writer).await?;
        let at = now(&mut tx).await?;
        let mut answers = Vec::with_capacity(claims.len());
        for claim in claims {
            answers.push(claim_one(&mut tx, claim, at).await?);
        }
        tx.commit().await.map_err(failed)?;
        Ok(answers)
    }

    async fn finish_all(&self, keys: &[(KeyRef, Option<StoredAnswer>)]) -> Result<(), StoreError> {
        let mut writer = self.writer().await?;
        let mut tx = begin(&mut writer).await?;
        for (key, answer) in keys {
            finish_one(&mut tx, key, answer.as_ref()).await?;
        }
        tx.commit().await.map_err(failed)
    }
}

async fn claim_one(
    tx: &mut SqliteConnection,
    claim: &KeyClaim,
    at: Timestamp,
) -> Result<Claimed, StoreError> {
    let lease = at.plus_seconds(claim.lease_seconds).as_millis();
    let inserted = sqlx::query(
        "INSERT INTO idempotency_keys (user_id, key, fingerprint, lease_until, created_at, is_booking)
         VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (user_id, key) DO NOTHING",
    )
    .bind(claim.key.user.to_string())
    .bind(claim.key.key.as_str())
    .bind(claim.fingerprint.as_bytes().as_slice())
    .bind(lease)
    .bind(int(at.as_millis())?)
    .bind(claim.purpose == Purpose::Booking)
    .execute(&mut *tx)
    .await
    .map_err(failed)?;
    if inserted.rows_affected() == 1 {
        return Ok(Claimed::Fresh);
    }
    let row = sqlx::query("SELECT * FROM idempotency_keys WHERE user_id = ? AND key = ?")
        .bind(claim.key.user.to_string())
        .bind(claim.key.key.as_str())
        .fetch_one(&mut *tx)
        .await
        .map_err(failed)?;
    let found = read(&row, claim, at)?;
    if matches!(found, Claimed::Resume(_)) {
        sqlx::query("UPDATE idempotency_keys SET lease_until = ? WHERE user_id = ? AND key = ?")
            .bind(lease)
            .bind(claim.key.user.to_string())
            .bind(claim.key.key.as_str())
            .execute(tx)
            .await
            .map_err(failed)?;
    }
    Ok(found)
}

fn read(row: &SqliteRow, claim: &KeyClaim, at: Timestamp) -> Result<Claimed, StoreError> {
    let fingerprint: &[u8] = row.try_get("fingerprint").map_err(failed)?;
    if fingerprint != claim.fingerprint.as_bytes() {
        return Ok(Claimed::Reused);
    }
    match row.time_opt("lease_until")? {
        Some(lease) if lease > at => Ok(Claimed::InFlight),
        Some(_) => Ok(Claimed::Resume(row.parse_opt("order_id")?)),
        None => {
            let status = u16::try_from(row.int("status")?).map_err(StoreError::failed)?;
            let body: &[u8] = row.try_get("body").map_err(failed)?;
            Ok(Claimed::Replay(StoredAnswer { status, body: Arc::from(body) }))
        }
    }
}

/// With an answer the key is done. Without one it is forgotten if nothing came of it, else it may be taken over at once.
async fn finish_one(
    tx: &mut SqliteConnection,
    key: &KeyRef,
    answer: Option<&StoredAnswer>,
) -> Result<(), StoreError> {
    let Some(answer) = answer else {
        for sql in [
            "DELETE FROM idempotency_keys WHERE user_id = ? AND key = ? AND order_id IS NULL AND lease_until IS NOT NULL",
            "UPDATE idempotency_keys SET lease_until = 0 WHERE user_id = ? AND key = ? AND lease_until IS NOT NULL",
        ] {
            let query = sqlx::query(sql).bind(key.user.to_string()).bind(key.key.as_str());
            query.execute(&mut *tx).await.map_err(failed)?;
        }
        return Ok(());
    };
    sqlx::query(
        "UPDATE idempotency_keys SET lease_until = NULL, status = ?, body = ?
         WHERE user_id = ? AND key = ? AND lease_until IS NOT NULL",
    )
    .bind(answer.status)
    .bind(&*answer.body)
    .bind(key.user.to_string())
    .bind(key.key.as_str())
    .execute(tx)
    .await
    .map_err(failed)?;
    Ok(())
}
