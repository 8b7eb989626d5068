//! Seats that the organiser keeps back.

use sqlx::SqliteConnection;
use tmcore::{EventId, SeatId};

use super::order::seats;
use super::{SqliteStore, begin, catalog, failed};
use crate::ports::StoreError;
use crate::ports::seat::BlockRefusal;
use crate::store::desk::{self, SeatRow};
use crate::store::row::json_array;

/// Blocks or unblocks, all or none; answers how many seats changed.
pub(super) async fn set(
    store: &SqliteStore,
    event: &EventId,
    ids: &[SeatId],
    blocked: bool,
) -> Result<u32, BlockRefusal> {
    let mut writer = store.writer().await?;
    let mut tx = begin(&mut writer).await?;
    let at = store.now();
    if catalog::sale(&mut tx, event).await?.is_none() {
        return Err(BlockRefusal::NotFound);
    }
    let found = seats::by_id(&mut tx, event, ids).await?;
    let missing = desk::missing(ids, &found);
    if !missing.is_empty() {
        return Err(BlockRefusal::Unknown(missing));
    }
    let change = desk::decide_block(found, at, blocked)?;
    write(&mut tx, event, &change, blocked).await?;
    tx.commit().await.map_err(failed)?;
    Ok(u32::try_from(change.len()).unwrap_or(u32::MAX))
}

async fn write(
    tx: &mut SqliteConnection,
    event: &EventId,
    change: &[SeatRow],
    blocked: bool,
) -> Result<(), StoreError> {
    if change.is_empty() {
        return Ok(());
    }
    let fence = seats::next_fence(tx, event).await?;
    let indexes: Vec<_> = change.iter().map(|seat| seat.line.index).collect();
    sqlx::query(
        "UPDATE seat_inventory SET status = ?, version = ?, reserved_until = NULL, order_id = NULL
         WHERE event_id = ? AND seat_index IN (SELECT value FROM json_each(?))",
    )
    .bind(if blocked { 4 } else { 0 })
    .bind(fence.0)
    .bind(event.as_str())
    .bind(json_array(&indexes)?)
    .execute(tx)
    .await
    .map_err(failed)?;
    Ok(())
}
