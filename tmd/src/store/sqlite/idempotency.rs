//! The idempotency ledger.

use std::collections::HashSet;
use std::sync::Arc;

use async_trait::async_trait;
use sqlx::sqlite::SqliteRow;
use sqlx::{Row as _, SqliteConnection};
use tmcore::{OrderId, Timestamp, UserId};

use super::row::{Columns, int};
use super::{SqliteStore, failed, json_array};
use crate::drill::{self, Mutant, Step};
use crate::ports::StoreError;
use crate::ports::idempotency::{Claimed, IdempotencyStore, KeyClaim, Purpose, StoredAnswer};
use crate::ports::order::KeyRef;

const HOUR_MILLIS: i64 = 3_600_000;

#[async_trait]
impl IdempotencyStore for SqliteStore {
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
        let at = self.now();
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

/// Every claim of a batch by one statement; only those that find their key taken are looked at one by one.
pub(super) async fn claim_all(
    tx: &mut SqliteConnection,
    claims: &[KeyClaim],
    at: Timestamp,
) -> Result<Vec<Claimed>, StoreError> {
    if claims.is_empty() {
        return Ok(Vec::new());
    }
    drill::mark(Step::ClaimKey);
    let mut fresh = insert(tx, claims, at).await?;
    let mut answers = Vec::with_capacity(claims.len());
    for claim in claims {
        let is_fresh = fresh.remove(&(claim.key.user, claim.key.key.as_str().to_owned()));
        answers.push(if is_fresh { Claimed::Fresh } else { take_over(tx, claim, at).await? });
    }
    Ok(answers)
}

/// Ends every claim of a batch.
pub(super) async fn finish_all<'a>(
    tx: &mut SqliteConnection,
    ends: impl Iterator<Item = (&'a KeyRef, Option<&'a StoredAnswer>)>,
) -> Result<(), StoreError> {
    let (mut answered, mut open) = (Vec::new(), Vec::new());
    for (key, answer) in ends {
        let (user, key) = (key.user, key.key.as_str());
        match answer {
            Some(answer) => {
                let body = std::str::from_utf8(&answer.body).map_err(StoreError::failed)?;
                answered.push((user, key, answer.status, body));
            }
            None => open.push((user, key)),
        }
    }
    if !answered.is_empty() {
        drill::mark(Step::FinishKey);
        finish(tx, json_array(&answered)?, KEEP).await?;
    }
    if !open.is_empty() {
        drill::mark(Step::FinishKey);
        finish(tx, json_array(&open)?, FORGET).await?;
        finish(tx, json_array(&open)?, GIVE_FREE).await?;
    }
    Ok(())
}

/// With an answer the key is done.
const KEEP: &str = "UPDATE idempotency_keys SET lease_until = NULL, status = w.value ->> 2, body = CAST(w.value ->> 3 AS BLOB)
     FROM json_each(?) AS w
     WHERE user_id = w.value ->> 0 AND idempotency_keys.key = w.value ->> 1 AND lease_until IS NOT NULL";
/// Without one it is forgotten if nothing came of it …
const FORGET: &str = "DELETE FROM idempotency_keys
     WHERE (user_id, key) IN (SELECT value ->> 0, value ->> 1 FROM json_each(?))
       AND order_id IS NULL AND lease_until IS NOT NULL";
/// … else it may be taken over at once.
const GIVE_FREE: &str = "UPDATE idempotency_keys SET lease_until = 0
     WHERE (user_id, key) IN (SELECT value ->> 0, value ->> 1 FROM json_each(?)) AND lease_until IS NOT NULL";

async fn finish(tx: &mut SqliteConnection, keys: String, sql: &'static str) -> Result<(), StoreError> {
    sqlx::query(sql).bind(keys).execute(tx).await.map_err(failed)?;
    Ok(())
}

/// Writes claims of keys that nobody claimed before; answers which those are. Of two claims of one key in a batch the
/// first is it.
async fn insert(
    tx: &mut SqliteConnection,
    claims: &[KeyClaim],
    at: Timestamp,
) -> Result<HashSet<(UserId, String)>, StoreError> {
    let rows: Vec<_> = claims
        .iter()
        .map(|claim| {
            let lease = at.plus_seconds(claim.lease_seconds).as_millis();
            let is_booking = u8::from(claim.purpose == Purpose::Booking);
            let fingerprint = hex::encode(claim.fingerprint.as_bytes());
            (claim.key.user, claim.key.key.as_str(), fingerprint, lease, is_booking)
        })
        .collect();
    let inserted = sqlx::query(
        "INSERT INTO idempotency_keys (user_id, key, fingerprint, lease_until, is_booking, created_at)
         SELECT value ->> 0, value ->> 1, unhex(value ->> 2), value ->> 3, value ->> 4, ?2 FROM json_each(?1) WHERE true
         ORDER BY json_each.key ON CONFLICT (user_id, key) DO NOTHING RETURNING user_id, key",
    )
    .bind(json_array(&rows)?)
    .bind(int(at.as_millis())?)
    .fetch_all(tx)
    .await
    .map_err(failed)?;
    inserted.iter().map(|row| Ok((row.parse("user_id")?, row.text("key")?.to_owned()))).collect()
}

/// What became of the key since it was claimed. One whose lease is over is claimed anew.
async fn take_over(
    tx: &mut SqliteConnection,
    claim: &KeyClaim,
    at: Timestamp,
) -> Result<Claimed, StoreError> {
    let row = sqlx::query("SELECT * FROM idempotency_keys WHERE user_id = ? AND key = ?")
        .bind(claim.key.user.to_string())
        .bind(claim.key.key.as_str())
        .fetch_one(&mut *tx)
        .await
        .map_err(failed)?;
    let found = read(&row, claim, at)?;
    if matches!(found, Claimed::Resume(_)) {
        sqlx::query("UPDATE idempotency_keys SET lease_until = ? WHERE user_id = ? AND key = ?")
            .bind(at.plus_seconds(claim.lease_seconds).as_millis())
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
    if fingerprint != claim.fingerprint.as_bytes() && !drill::mutant(Mutant::NoFingerprint) {
        return Ok(Claimed::Reused);
    }
    match row.time_opt("lease_until")? {
        Some(lease) if lease > at && !drill::mutant(Mutant::InFlightIsFree) => Ok(Claimed::InFlight),
        Some(_) => Ok(Claimed::Resume(row.parse_opt("order_id")?)),
        None => {
            let status = u16::try_from(row.int("status")?).map_err(StoreError::failed)?;
            let body: &[u8] = row.try_get("body").map_err(failed)?;
            Ok(Claimed::Replay(StoredAnswer { status, body: Arc::from(body) }))
        }
    }
}
