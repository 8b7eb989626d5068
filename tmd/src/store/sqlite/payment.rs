//! Payments: written before they are sent, settled by a definite answer.

use async_trait::async_trait;
use sqlx::SqliteConnection;
use sqlx::sqlite::SqliteRow;
use tmcore::order::Order;
use tmcore::payment::{Operation, PaymentState, ProviderKey, ProviderReference};
use tmcore::{Money, OrderId, Timestamp};

use super::row::Columns;
use super::{SqliteStore, begin, commit, failed, now};
use crate::drill::{self, Step};
use crate::ports::StoreError;
use crate::ports::payment::{PaymentRecord, PaymentStore};

/// How long whoever writes a payment down has to send it before the resolver does.
const SEND_LEASE_SECONDS: u32 = 30;
/// The pauses between two questions about one payment double from the first to the last.
const FIRST_PAUSE_SECONDS: u32 = 1;
const LAST_PAUSE_SECONDS: u32 = 10;

#[async_trait]
impl PaymentStore for SqliteStore {
    async fn due_payments(&self, limit: u32, lease_seconds: u32) -> Result<Vec<PaymentRecord>, StoreError> {
        let mut writer = self.writer().await?;
        let mut tx = begin(&mut writer).await?;
        let at = now(&mut tx).await?;
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
            commit(tx).await?;
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

/// An operation to be asked of the provider.
pub(super) struct Ask {
    pub operation: Operation,
    pub attempt: u32,
    pub against: Option<ProviderReference>,
}

/// Writes the operation down as sent: whoever commits this sends it now, or the resolver does after the lease. Written
/// twice it is one: its key is its name.
pub(super) async fn insert(
    tx: &mut SqliteConnection,
    order: &Order,
    ask: Ask,
    at: Timestamp,
) -> Result<PaymentRecord, StoreError> {
    let key = ProviderKey::derive(order.id, ask.operation, ask.attempt);
    // A buyer waits for the first two, so their request sends them; the others are the resolver's, now.
    let lease_seconds = match ask.operation {
        Operation::Authorize | Operation::Capture => SEND_LEASE_SECONDS,
        Operation::Void | Operation::Refund => 0,
    };
    sqlx::query(
        "INSERT INTO payments (provider_key, order_id, operation, attempt, state, amount, currency, against, due_at,
           created_at)
         VALUES (?1, ?2, ?3, ?4, 'SENT', ?5, ?6, ?7, ?8, ?9) ON CONFLICT (provider_key) DO NOTHING",
    )
    .bind(key.to_string())
    .bind(order.id.to_string())
    .bind(ask.operation.as_str())
    .bind(ask.attempt)
    .bind(order.total.amount)
    .bind(order.total.currency.code())
    .bind(ask.against.as_ref().map(ProviderReference::as_str))
    .bind(at.plus_seconds(lease_seconds).as_millis())
    .bind(at.as_millis())
    .execute(&mut *tx)
    .await
    .map_err(failed)?;
    load(tx, &key).await?.ok_or_else(|| StoreError::failed("a payment that was written is not there"))
}

pub(super) async fn load(
    tx: &mut SqliteConnection,
    key: &ProviderKey,
) -> Result<Option<PaymentRecord>, StoreError> {
    let row = sqlx::query("SELECT * FROM payments WHERE provider_key = ?")
        .bind(key.to_string())
        .fetch_optional(tx)
        .await
        .map_err(failed)?;
    row.as_ref().map(read).transpose()
}

/// The order's good authorization: how much, and the provider's reference to it.
pub(super) async fn authorization(
    tx: &mut SqliteConnection,
    order: OrderId,
) -> Result<Option<(Money, ProviderReference)>, StoreError> {
    let row = sqlx::query(
        "SELECT amount, currency, detail FROM payments
         WHERE order_id = ? AND operation = 'AUTHORIZE' AND state = 'OK' ORDER BY attempt DESC LIMIT 1",
    )
    .bind(order.to_string())
    .fetch_optional(tx)
    .await
    .map_err(failed)?;
    row.map(|row| Ok((row.money("amount", "currency")?, row.parse("detail")?))).transpose()
}

/// Writes a definite outcome over an open payment.
pub(super) async fn settle(
    tx: &mut SqliteConnection,
    key: &ProviderKey,
    state: &PaymentState,
) -> Result<(), StoreError> {
    let written = sqlx::query(
        "UPDATE payments SET state = ?, detail = ?
         WHERE provider_key = ? AND state IN ('INTENT', 'SENT', 'UNKNOWN')",
    )
    .bind(state.as_str())
    .bind(state.detail())
    .bind(key.to_string())
    .execute(tx)
    .await
    .map_err(failed)?;
    if written.rows_affected() == 1 {
        Ok(())
    } else {
        Err(StoreError::failed("a settled payment was settled again"))
    }
}

/// Nothing is known: UNKNOWN, and to be asked about again after a pause that doubles.
pub(super) async fn put_off(
    tx: &mut SqliteConnection,
    key: &ProviderKey,
    at: Timestamp,
) -> Result<(), StoreError> {
    sqlx::query(
        "UPDATE payments SET state = 'UNKNOWN', tries = tries + 1, due_at = ?1 + 1000 * min(?2 << min(tries, 10), ?3)
         WHERE provider_key = ?4 AND state IN ('INTENT', 'SENT', 'UNKNOWN')",
    )
    .bind(at.as_millis())
    .bind(FIRST_PAUSE_SECONDS)
    .bind(LAST_PAUSE_SECONDS)
    .bind(key.to_string())
    .execute(tx)
    .await
    .map_err(failed)?;
    Ok(())
}

fn read(row: &SqliteRow) -> Result<PaymentRecord, StoreError> {
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
