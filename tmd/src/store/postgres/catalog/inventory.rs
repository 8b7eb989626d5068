//! The seats of an event, written as a whole.

use sqlx::PgConnection;

use crate::ports::catalog::{EventRecord, Inventory, InventorySeat};
use crate::store::postgres::PgError;
use crate::store::row::event::section;
use crate::store::row::json_array;

/// Seats that one statement writes: the largest house takes a few, and none of them comes near the time a statement has.
const CHUNK: usize = 10_000;

/// Replaces the event's seats.
pub(super) async fn write(
    tx: &mut PgConnection,
    event: &EventRecord,
    inventory: &Inventory,
) -> Result<(), PgError> {
    let id = event.sale.event.as_str();
    // First of all, as whoever changes seats does. The clock goes on: who knows the old seats must not take the new ones
    // for older.
    sqlx::query(
        "INSERT INTO seat_clocks (event_id, seq) VALUES ($1, 1)
         ON CONFLICT (event_id) DO UPDATE SET seq = seat_clocks.seq + 1",
    )
    .bind(id)
    .execute(&mut *tx)
    .await?;
    for table in ["price_levels", "seat_maps", "seat_inventory"] {
        let sql = format!("DELETE FROM {table} WHERE event_id = $1");
        sqlx::query(sqlx::AssertSqlSafe(sql)).bind(id).execute(&mut *tx).await?;
    }
    sqlx::query("INSERT INTO seat_maps (event_id, sections, body) VALUES ($1, $2, $3)")
        .bind(id)
        .bind(json_array(&inventory.sections)?)
        .bind(inventory.body.to_vec())
        .execute(&mut *tx)
        .await?;
    write_levels(tx, id, inventory).await?;
    sqlx::query("DELETE FROM seats WHERE venue_id = $1")
        .bind(event.venue.id.as_str())
        .execute(&mut *tx)
        .await?;
    for (first, seats) in (0..).step_by(CHUNK).zip(inventory.seats.chunks(CHUNK)) {
        let sections = seats.iter().map(|seat| section(inventory, seat.section)).collect();
        write_geometry(tx, (event.venue.id.as_str(), first), seats, sections).await?;
        write_seats(tx, (id, first), seats).await?;
    }
    Ok(())
}

async fn write_levels(tx: &mut PgConnection, event: &str, inventory: &Inventory) -> Result<(), PgError> {
    let levels = &inventory.price_levels;
    sqlx::query(
        "INSERT INTO price_levels (event_id, level, name, color, price, seats)
         SELECT $1, w.n - 1, w.name, w.color, w.price, w.seats
         FROM unnest($2::text[], $3::text[], $4::bigint[], $5::bigint[]) WITH ORDINALITY w (name, color, price, seats, n)",
    )
    .bind(event)
    .bind(levels.iter().map(|level| level.name.as_str()).collect::<Vec<_>>())
    .bind(levels.iter().map(|level| level.color.as_str()).collect::<Vec<_>>())
    .bind(levels.iter().map(|level| level.price).collect::<Vec<_>>())
    .bind(levels.iter().map(|level| i64::from(level.seats)).collect::<Vec<_>>())
    .execute(tx)
    .await?;
    Ok(())
}

async fn write_geometry(
    tx: &mut PgConnection,
    (venue, first): (&str, i64),
    seats: &[InventorySeat],
    sections: Vec<&str>,
) -> Result<(), PgError> {
    sqlx::query(
        "INSERT INTO seats (venue_id, seat_index, seat_id, section, row_label, number)
         SELECT $1, $2 + w.n - 1, w.id, w.section, w.row, w.number
         FROM unnest($3::text[], $4::text[], $5::text[], $6::text[]) WITH ORDINALITY w (id, section, row, number, n)",
    )
    .bind(venue)
    .bind(first)
    .bind(seats.iter().map(|seat| seat.id.as_str()).collect::<Vec<_>>())
    .bind(sections)
    .bind(seats.iter().map(|seat| seat.row.as_str()).collect::<Vec<_>>())
    .bind(seats.iter().map(|seat| seat.number.as_str()).collect::<Vec<_>>())
    .execute(tx)
    .await?;
    Ok(())
}

async fn write_seats(
    tx: &mut PgConnection,
    (event, first): (&str, i64),
    seats: &[InventorySeat],
) -> Result<(), PgError> {
    sqlx::query(
        "INSERT INTO seat_inventory (event_id, seat_index, seat_id, level)
         SELECT $1, $2 + w.n - 1, w.id, w.level
         FROM unnest($3::text[], $4::bigint[]) WITH ORDINALITY w (id, level, n)",
    )
    .bind(event)
    .bind(first)
    .bind(seats.iter().map(|seat| seat.id.as_str()).collect::<Vec<_>>())
    .bind(seats.iter().map(|seat| i64::from(seat.level)).collect::<Vec<_>>())
    .execute(tx)
    .await?;
    Ok(())
}
