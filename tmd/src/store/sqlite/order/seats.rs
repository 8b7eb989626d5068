//! Seats, found by name or index, with who has them.

use serde::Serialize;
use sqlx::SqliteConnection;
use tmcore::seat::Fence;
use tmcore::{EventId, SeatId};

use crate::ports::StoreError;
use crate::ports::order::SeatLine;
use crate::store::desk::SeatRow;
use crate::store::row::{self, Columns, json_array};
use crate::store::sqlite::failed;

/// The columns of a [`SeatLine`] and where they come from, for what is wanted: pairs of an event and what names a seat.
const LINE: &str =
    "i.seat_index, i.seat_id, s.section, s.row_label, s.number, l.name AS level_name, l.price, e.currency
   FROM json_each(?) w CROSS JOIN events e ON e.event_id = w.value ->> 0
   CROSS JOIN seat_inventory i
   JOIN seats s ON s.venue_id = e.venue_id AND s.seat_index = i.seat_index
   JOIN price_levels l ON l.event_id = i.event_id AND l.level = i.level
   WHERE i.event_id = w.value ->> 0";

/// The named seats that the event has, in ascending order of index (S8).
pub async fn by_id(
    tx: &mut SqliteConnection,
    event: &EventId,
    ids: &[SeatId],
) -> Result<Vec<SeatRow>, StoreError> {
    let wanted: Vec<_> = ids.iter().map(|id| (event, id)).collect();
    let found = find(tx, "seat_id", &wanted).await?;
    Ok(found.into_iter().map(|(_, seat)| seat).collect())
}

/// Seats of events by the one column that is asked for, ascending.
pub(super) async fn find<T: Serialize>(
    tx: &mut SqliteConnection,
    column: &'static str,
    wanted: &[(&EventId, T)],
) -> Result<Vec<(EventId, SeatRow)>, StoreError> {
    if wanted.is_empty() {
        return Ok(Vec::new());
    }
    let sql = format!(
        "SELECT i.event_id, i.status, i.version, i.reserved_until, i.order_id, i.ticket_id, {LINE}
         AND i.{column} = w.value ->> 1 ORDER BY i.event_id, i.seat_index"
    );
    let rows = sqlx::query(sqlx::AssertSqlSafe(sql))
        .bind(json_array(wanted)?)
        .fetch_all(tx)
        .await
        .map_err(failed)?;
    rows.iter().map(|row| Ok((row.parse("event_id")?, row::order::seat(row)?))).collect()
}

/// Seats of an event by index, ascending.
pub async fn lines(
    connection: &mut SqliteConnection,
    event: &EventId,
    indexes: &[u32],
) -> Result<Vec<SeatLine>, StoreError> {
    let wanted: Vec<_> = indexes.iter().map(|index| (event, index)).collect();
    let found = find(connection, "seat_index", &wanted).await?;
    Ok(found.into_iter().map(|(_, seat)| seat.line).collect())
}

/// The next number of the event's clock of seat changes. It is the version of what is shown, and a fence (S7).
pub async fn next_fence(tx: &mut SqliteConnection, event: &EventId) -> Result<Fence, StoreError> {
    sqlx::query_scalar("UPDATE seat_clocks SET seq = seq + 1 WHERE event_id = ? RETURNING seq")
        .bind(event.as_str())
        .fetch_one(tx)
        .await
        .map(Fence)
        .map_err(failed)
}
