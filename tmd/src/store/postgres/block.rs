//! Seats that the organiser keeps back.

use sqlx::PgConnection;
use tmcore::{EventId, SeatId, Timestamp};

use super::{PostgresStore, begin, failed};
use crate::ports::StoreError;
use crate::ports::seat::BlockRefusal;
use crate::store::desk::{self, SeatRow};
use crate::store::row;

/// Blocks or unblocks, all or none; answers how many seats changed.
pub(super) async fn set(
    store: &PostgresStore,
    event: &EventId,
    ids: &[SeatId],
    blocked: bool,
) -> Result<u32, BlockRefusal> {
    let mut tx = begin(store.browse()).await.map_err(StoreError::from)?;
    let at = lock(&mut tx, event).await?.ok_or(BlockRefusal::NotFound)?;
    let found = find(&mut tx, event, ids).await?;
    let missing = desk::missing(ids, &found);
    if !missing.is_empty() {
        return Err(BlockRefusal::Unknown(missing));
    }
    let change = desk::decide_block(found, at, blocked)?;
    write(&mut tx, event, &change, blocked).await?;
    tx.commit().await.map_err(StoreError::from)?;
    Ok(u32::try_from(change.len()).unwrap_or(u32::MAX))
}

/// Locks all seats of the event; answers the time, if there is such an event.
async fn lock(tx: &mut PgConnection, event: &EventId) -> Result<Option<Timestamp>, StoreError> {
    sqlx::query("SELECT 1 FROM seat_clocks WHERE event_id = $1 FOR UPDATE")
        .bind(event.as_str())
        .execute(&mut *tx)
        .await
        .map_err(failed)?;
    let now = sqlx::query_scalar("SELECT now_millis() FROM events WHERE event_id = $1");
    let now: Option<i64> = now.bind(event.as_str()).fetch_optional(tx).await.map_err(failed)?;
    Ok(now.map(Timestamp::from_millis))
}

async fn find(tx: &mut PgConnection, event: &EventId, ids: &[SeatId]) -> Result<Vec<SeatRow>, StoreError> {
    let rows = sqlx::query(
        "SELECT i.status, i.version, i.reserved_until, i.order_id, i.ticket_id, i.seat_index, i.seat_id, s.section,
           s.row_label, s.number, l.name AS level_name, l.price, e.currency
         FROM seat_inventory i JOIN events e ON e.event_id = i.event_id
         JOIN seats s ON s.venue_id = e.venue_id AND s.seat_index = i.seat_index
         JOIN price_levels l ON l.event_id = i.event_id AND l.level = i.level
         WHERE i.event_id = $1 AND i.seat_id = ANY ($2) ORDER BY i.seat_index",
    )
    .bind(event.as_str())
    .bind(ids.iter().map(SeatId::as_str).collect::<Vec<_>>())
    .fetch_all(tx)
    .await
    .map_err(failed)?;
    rows.iter().map(row::order::seat).collect()
}

async fn write(
    tx: &mut PgConnection,
    event: &EventId,
    change: &[SeatRow],
    blocked: bool,
) -> Result<(), StoreError> {
    if change.is_empty() {
        return Ok(());
    }
    let indexes: Vec<_> = change.iter().map(|seat| i64::from(seat.line.index)).collect();
    sqlx::query(
        "WITH clock AS (UPDATE seat_clocks SET seq = seq + 1 WHERE event_id = $1 RETURNING seq)
         UPDATE seat_inventory i SET status = $2, version = clock.seq, reserved_until = NULL, order_id = NULL
         FROM clock WHERE i.event_id = $1 AND i.seat_index = ANY ($3)",
    )
    .bind(event.as_str())
    .bind(if blocked { 4_i64 } else { 0 })
    .bind(indexes)
    .execute(tx)
    .await
    .map(drop)
    .map_err(failed)
}
