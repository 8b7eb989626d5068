//! The seats of orders: found, taken, pinned, sold, given back. Every write names the order and its fence (S7).

use sqlx::SqliteConnection;
use sqlx::sqlite::SqliteRow;
use tmcore::seat::{Fence, SeatState};
use tmcore::{EventId, SeatId, TicketId, Timestamp};

use super::{Stored, read_line};
use crate::ports::StoreError;
use crate::ports::order::{CommandRefusal, NewTicket, SeatLine};
use crate::store::sqlite::row::Columns;
use crate::store::sqlite::{failed, json_array};

/// The columns of a [`SeatLine`] and where they come from.
const LINE: &str =
    "i.seat_index, i.seat_id, s.section, s.row_label, s.number, l.name AS level_name, l.price, e.currency
   FROM seat_inventory i JOIN events e USING (event_id)
   JOIN seats s ON s.venue_id = e.venue_id AND s.seat_index = i.seat_index
   JOIN price_levels l ON l.event_id = i.event_id AND l.level = i.level";

/// The same for a ticket `t`.
pub(super) const LINE_OF_TICKET: &str =
    "i.seat_id, s.section, s.row_label, s.number, l.name AS level_name, l.price, e.currency
   FROM tickets t JOIN seat_inventory i ON i.event_id = t.event_id AND i.seat_index = t.seat_index
   JOIN events e ON e.event_id = t.event_id
   JOIN seats s ON s.venue_id = e.venue_id AND s.seat_index = i.seat_index
   JOIN price_levels l ON l.event_id = i.event_id AND l.level = i.level";

/// A seat and who has it.
#[derive(Clone, Debug)]
pub struct TakenSeat {
    /// The seat.
    pub line: SeatLine,
    /// Who has it.
    pub state: SeatState,
}

/// The named seats that the event has, in ascending order of index (S8).
pub async fn by_id(
    tx: &mut SqliteConnection,
    event: &EventId,
    ids: &[SeatId],
) -> Result<Vec<TakenSeat>, StoreError> {
    let sql = format!(
        "SELECT i.status, i.version, i.reserved_until, i.order_id, i.ticket_id, {LINE}
         WHERE i.event_id = ? AND i.seat_id IN (SELECT value FROM json_each(?)) ORDER BY i.seat_index"
    );
    let rows = sqlx::query(sqlx::AssertSqlSafe(sql))
        .bind(event.as_str())
        .bind(json_array(ids)?)
        .fetch_all(tx)
        .await
        .map_err(failed)?;
    rows.iter().map(|row| Ok(TakenSeat { line: read_line(row)?, state: read_state(row)? })).collect()
}

/// Which of the named seats were not found.
pub fn missing(ids: &[SeatId], found: &[TakenSeat]) -> Vec<SeatId> {
    ids.iter().filter(|id| found.iter().all(|seat| seat.line.id != **id)).cloned().collect()
}

/// Seats by index, ascending.
pub async fn lines(
    connection: &mut SqliteConnection,
    event: &EventId,
    indexes: &[u32],
) -> Result<Vec<SeatLine>, StoreError> {
    if indexes.is_empty() {
        return Ok(Vec::new());
    }
    let sql = format!(
        "SELECT {LINE} WHERE i.event_id = ? AND i.seat_index IN (SELECT value FROM json_each(?)) ORDER BY i.seat_index"
    );
    let rows = sqlx::query(sqlx::AssertSqlSafe(sql))
        .bind(event.as_str())
        .bind(json_array(indexes)?)
        .fetch_all(connection)
        .await
        .map_err(failed)?;
    rows.iter().map(read_line).collect()
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

/// Holds the order's seats until it expires. A seat that somebody else took meanwhile is a lost fence.
pub(super) async fn hold(
    tx: &mut SqliteConnection,
    stored: &Stored,
    at: Timestamp,
) -> Result<(), CommandRefusal> {
    let written = sqlx::query(
        "UPDATE seat_inventory SET status = 1, version = ?, reserved_until = ?, order_id = ?
         WHERE event_id = ? AND seat_index IN (SELECT value FROM json_each(?))
           AND (status = 0 OR (status = 1 AND reserved_until <= ?))",
    )
    .bind(stored.fence.0)
    .bind(stored.order.expires_at.as_millis())
    .bind(stored.order.id.to_string())
    .bind(stored.order.parties.event.as_str())
    .bind(json_array(&stored.seats)?)
    .bind(at.as_millis())
    .execute(tx)
    .await
    .map_err(failed)?;
    all_of(stored, written.rows_affected())
}

/// Takes the end off the hold (M7).
pub(super) async fn pin(
    tx: &mut SqliteConnection,
    stored: &Stored,
    at: Timestamp,
) -> Result<(), CommandRefusal> {
    let written = sqlx::query(
        "UPDATE seat_inventory SET status = 2, reserved_until = NULL
         WHERE order_id = ? AND event_id = ? AND version = ? AND status = 1 AND reserved_until > ?",
    )
    .bind(stored.order.id.to_string())
    .bind(stored.order.parties.event.as_str())
    .bind(stored.fence.0)
    .bind(at.as_millis())
    .execute(tx)
    .await
    .map_err(failed)?;
    all_of(stored, written.rows_affected())
}

/// Sells the pinned seats, one ticket each.
pub(super) async fn sell(
    tx: &mut SqliteConnection,
    stored: &Stored,
    tickets: &[NewTicket],
) -> Result<(), CommandRefusal> {
    let by_seat: Vec<(&SeatId, TicketId)> = tickets.iter().map(|ticket| (&ticket.seat, ticket.id)).collect();
    let written = sqlx::query(
        "UPDATE seat_inventory SET status = 3, ticket_id = t.ticket_id
         FROM (SELECT value ->> 0 AS seat_id, value ->> 1 AS ticket_id FROM json_each(?)) AS t
         WHERE seat_inventory.seat_id = t.seat_id AND order_id = ? AND event_id = ? AND version = ? AND status = 2",
    )
    .bind(json_array(&by_seat)?)
    .bind(stored.order.id.to_string())
    .bind(stored.order.parties.event.as_str())
    .bind(stored.fence.0)
    .execute(tx)
    .await
    .map_err(failed)?;
    all_of(stored, written.rows_affected())
}

/// Gives back whatever the order still holds or has pinned under its fence. Fewer than it had is no fault: a hold that
/// has passed may be somebody else's by now (S4).
pub(super) async fn release(tx: &mut SqliteConnection, stored: &Stored) -> Result<u64, StoreError> {
    let written = sqlx::query(
        "UPDATE seat_inventory SET status = 0, reserved_until = NULL, order_id = NULL
         WHERE order_id = ? AND event_id = ? AND version = ? AND status IN (1, 2)",
    )
    .bind(stored.order.id.to_string())
    .bind(stored.order.parties.event.as_str())
    .bind(stored.fence.0)
    .execute(tx)
    .await
    .map_err(failed)?;
    Ok(written.rows_affected())
}

fn all_of(stored: &Stored, written: u64) -> Result<(), CommandRefusal> {
    if usize::try_from(written).is_ok_and(|written| written == stored.seats.len()) {
        Ok(())
    } else {
        Err(CommandRefusal::FenceLost)
    }
}

fn read_state(row: &SqliteRow) -> Result<SeatState, StoreError> {
    let fence = Fence(row.int("version")?);
    Ok(match row.int("status")? {
        0 => SeatState::Available,
        1 => SeatState::Held { order: row.parse("order_id")?, until: row.time("reserved_until")?, fence },
        2 => SeatState::Pinned { order: row.parse("order_id")?, fence },
        3 => SeatState::Sold { order: row.parse("order_id")?, ticket: row.parse("ticket_id")? },
        _ => SeatState::Blocked,
    })
}
