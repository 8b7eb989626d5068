//! Events, their venues, performers, price levels and seats.

use async_trait::async_trait;
use bytes::Bytes;
use sqlx::SqliteConnection;
use sqlx::sqlite::SqliteRow;
use tmcore::event::{Sale, SaleAction, SaleState};
use tmcore::waiting_room::{Gate, lobby};
use tmcore::{EventId, Timestamp};

use super::{SqliteStore, begin, failed, waiting_room};
use crate::ports::StoreError;
use crate::ports::catalog::{CatalogRefusal, CatalogStore, EventRecord, Inventory};
use crate::ports::waiting_room::SessionRecord;
use crate::store::row::{self, int, json_array, parse};

#[async_trait]
impl CatalogStore for SqliteStore {
    async fn put_event(
        &self,
        event: &EventRecord,
        inventory: Option<&Inventory>,
        new: bool,
    ) -> Result<(), CatalogRefusal> {
        let mut writer = self.writer().await?;
        let mut tx = begin(&mut writer).await?;
        match (sale_state(&mut tx, &event.sale.event).await?, new) {
            (Some(_), true) => return Err(CatalogRefusal::Exists),
            (None, false) => return Err(CatalogRefusal::NotFound),
            (Some(state), false) if inventory.is_some() && state != SaleState::Scheduled => {
                return Err(CatalogRefusal::State(state));
            }
            (None, true) => insert_event(&mut tx, event, self.now()).await?,
            (Some(_), false) => update_event(&mut tx, event, self.now()).await?,
        }
        write_performers(&mut tx, event).await?;
        if let Some(inventory) = inventory {
            write_inventory(&mut tx, event, inventory).await?;
        }
        tx.commit().await.map_err(failed)?;
        Ok(())
    }

    async fn change_sale(
        &self,
        event: &EventId,
        action: SaleAction,
        seed: [u8; 32],
    ) -> Result<Vec<SessionRecord>, CatalogRefusal> {
        let mut writer = self.writer().await?;
        let mut tx = begin(&mut writer).await?;
        let before = sale_state(&mut tx, event).await?.ok_or(CatalogRefusal::NotFound)?;
        let after = before.after(action).ok_or(CatalogRefusal::State(before))?;
        if after == SaleState::Open && !has_seats(&mut tx, event).await? {
            return Err(CatalogRefusal::NoSeats);
        }
        sqlx::query("UPDATE events SET sale_state = ? WHERE event_id = ?")
            .bind(after.as_str())
            .bind(event.as_str())
            .execute(&mut *tx)
            .await
            .map_err(failed)?;
        let moved = match (before, after) {
            (SaleState::Scheduled, SaleState::Open) => draw_lobby(&mut tx, event, seed).await?,
            (_, SaleState::Closed) => waiting_room::send_home(&mut tx, event, self.now()).await?,
            _ => Vec::new(),
        };
        tx.commit().await.map_err(failed)?;
        Ok(moved)
    }

    async fn event(&self, event: &EventId) -> Result<Option<EventRecord>, StoreError> {
        let mut connection = self.readers().acquire().await.map_err(failed)?;
        let row = sqlx::query(sqlx::AssertSqlSafe(format!("{} WHERE event_id = ?", row::event::EVENT)))
            .bind(event.as_str())
            .fetch_optional(&mut *connection)
            .await
            .map_err(failed)?;
        let Some(row) = row else { return Ok(None) };
        let mut record = row::event::read(&row)?;
        complete(&mut connection, std::slice::from_mut(&mut record)).await?;
        Ok(Some(record))
    }

    async fn events(&self, after: Option<&EventId>, limit: u32) -> Result<Vec<EventRecord>, StoreError> {
        let mut connection = self.readers().acquire().await.map_err(failed)?;
        let sql = format!(
            "{} WHERE ?1 IS NULL OR (starts_at, event_id) > (SELECT starts_at, event_id FROM events WHERE event_id = ?1)
             ORDER BY starts_at, event_id LIMIT ?2",
            row::event::EVENT
        );
        let rows = sqlx::query(sqlx::AssertSqlSafe(sql))
            .bind(after.map(EventId::as_str))
            .bind(limit)
            .fetch_all(&mut *connection)
            .await
            .map_err(failed)?;
        read_events(&mut connection, &rows).await
    }

    async fn seat_map(&self, event: &EventId) -> Result<Option<Bytes>, StoreError> {
        let body: Option<Vec<u8>> = sqlx::query_scalar("SELECT body FROM seat_maps WHERE event_id = ?")
            .bind(event.as_str())
            .fetch_optional(self.readers())
            .await
            .map_err(failed)?;
        Ok(body.map(Bytes::from))
    }

    async fn due_sales(&self) -> Result<Vec<EventId>, StoreError> {
        let due: Vec<String> = sqlx::query_scalar(
            "SELECT event_id FROM events WHERE sale_state = 'SCHEDULED' AND sale_starts_at <= unixepoch('subsec') * 1000
               AND EXISTS (SELECT 1 FROM seat_maps m WHERE m.event_id = events.event_id)",
        )
        .fetch_all(self.readers())
        .await
        .map_err(failed)?;
        due.iter().map(|id| parse(id)).collect()
    }
}

/// Events of rows that were selected by [`row::event::EVENT`], with all that belongs to them.
pub(super) async fn read_events(
    connection: &mut SqliteConnection,
    rows: &[SqliteRow],
) -> Result<Vec<EventRecord>, StoreError> {
    let mut records = rows.iter().map(row::event::read).collect::<Result<Vec<_>, _>>()?;
    complete(connection, &mut records).await?;
    Ok(records)
}

/// The sale of an event, as a transaction sees it.
pub(super) async fn sale(
    connection: &mut SqliteConnection,
    event: &EventId,
) -> Result<Option<Sale>, StoreError> {
    let row = sqlx::query("SELECT * FROM events WHERE event_id = ?")
        .bind(event.as_str())
        .fetch_optional(connection)
        .await
        .map_err(failed)?;
    row.as_ref().map(row::event::sale).transpose()
}

/// Adds performers and price levels, one statement each for all events.
async fn complete(connection: &mut SqliteConnection, records: &mut [EventRecord]) -> Result<(), StoreError> {
    let ids = json_array(&records.iter().map(|r| r.sale.event.as_str()).collect::<Vec<_>>())?;
    let performers = sqlx::query(
        "SELECT * FROM event_performers WHERE event_id IN (SELECT value FROM json_each(?)) ORDER BY event_id, place",
    )
    .bind(&ids)
    .fetch_all(&mut *connection)
    .await
    .map_err(failed)?;
    let levels = sqlx::query(
        "SELECT * FROM price_levels WHERE event_id IN (SELECT value FROM json_each(?)) ORDER BY event_id, level",
    )
    .bind(&ids)
    .fetch_all(&mut *connection)
    .await
    .map_err(failed)?;
    row::event::complete(records, &performers, &levels)
}

async fn sale_state(tx: &mut SqliteConnection, event: &EventId) -> Result<Option<SaleState>, StoreError> {
    Ok(sale(tx, event).await?.map(|sale| sale.state))
}

async fn has_seats(tx: &mut SqliteConnection, event: &EventId) -> Result<bool, StoreError> {
    sqlx::query_scalar("SELECT EXISTS (SELECT 1 FROM seat_maps WHERE event_id = ?)")
        .bind(event.as_str())
        .fetch_one(tx)
        .await
        .map_err(failed)
}

async fn insert_event(
    tx: &mut SqliteConnection,
    event: &EventRecord,
    at: Timestamp,
) -> Result<(), StoreError> {
    write_venue(tx, event).await?;
    sqlx::query(
        "INSERT INTO events (event_id, venue_id, name, starts_at, currency, sale_state, sale_starts_at, waiting_room,
           capacity, admissions_per_minute, lapse_seconds, active_seconds, lobby_seconds, hold_ttl_seconds,
           seats_per_order, seats_per_buyer, created_at)
         VALUES (?, ?, '', 0, '', 'SCHEDULED', NULL, 1, 0, 1, 0, 0, 0, 0, 0, 0, ?)",
    )
    .bind(event.sale.event.as_str())
    .bind(event.venue.id.as_str())
    .bind(at.as_millis())
    .execute(&mut *tx)
    .await
    .map_err(failed)?;
    let gate = Gate::new(at);
    sqlx::query("INSERT INTO gates (event_id, next_place, credit, credited_at) VALUES (?, 0, ?, ?)")
        .bind(event.sale.event.as_str())
        .bind(int(gate.credit_milli)?)
        .bind(gate.credited_at.as_millis())
        .execute(&mut *tx)
        .await
        .map_err(failed)?;
    update_event(tx, event, at).await
}

async fn update_event(
    tx: &mut SqliteConnection,
    event: &EventRecord,
    at: Timestamp,
) -> Result<(), StoreError> {
    write_venue(tx, event).await?;
    let rules = &event.sale.rules;
    sqlx::query(
        "UPDATE events SET free_until = CASE WHEN waiting_room < ? THEN ? ELSE free_until END,
           highest_capacity = max(highest_capacity, ?),
           name = ?, starts_at = ?, currency = ?, sale_starts_at = ?, waiting_room = ?, capacity = ?,
           admissions_per_minute = ?, lapse_seconds = ?, active_seconds = ?, lobby_seconds = ?, hold_ttl_seconds = ?,
           seats_per_order = ?, seats_per_buyer = ? WHERE event_id = ?",
    )
    .bind(rules.waiting_room)
    .bind(at.as_millis())
    .bind(rules.gate.capacity)
    .bind(&event.name)
    .bind(event.starts_at.as_millis())
    .bind(event.currency.code())
    .bind(event.sale.starts_at.map(Timestamp::as_millis))
    .bind(rules.waiting_room)
    .bind(rules.gate.capacity)
    .bind(rules.gate.admissions_per_minute)
    .bind(rules.lapse_seconds)
    .bind(rules.active_seconds)
    .bind(rules.lobby_seconds)
    .bind(rules.hold_ttl_seconds)
    .bind(rules.seats.per_order)
    .bind(rules.seats.per_buyer)
    .bind(event.sale.event.as_str())
    .execute(tx)
    .await
    .map_err(failed)?;
    Ok(())
}

async fn write_venue(tx: &mut SqliteConnection, event: &EventRecord) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO venues (venue_id, name, city) VALUES (?, ?, ?)
         ON CONFLICT (venue_id) DO UPDATE SET name = excluded.name, city = excluded.city",
    )
    .bind(event.venue.id.as_str())
    .bind(&event.venue.name)
    .bind(&event.venue.city)
    .execute(tx)
    .await
    .map_err(failed)?;
    Ok(())
}

async fn write_performers(tx: &mut SqliteConnection, event: &EventRecord) -> Result<(), StoreError> {
    let rows: Vec<_> = event.performers.iter().map(|(id, name)| (id.as_str(), name)).collect();
    sqlx::query("DELETE FROM event_performers WHERE event_id = ?")
        .bind(event.sale.event.as_str())
        .execute(&mut *tx)
        .await
        .map_err(failed)?;
    sqlx::query(
        "INSERT INTO event_performers (event_id, place, performer_id, name)
         SELECT ?, key, value ->> 0, value ->> 1 FROM json_each(?)",
    )
    .bind(event.sale.event.as_str())
    .bind(json_array(&rows)?)
    .execute(tx)
    .await
    .map_err(failed)?;
    Ok(())
}

/// Replaces the event's seats. One statement a table, whatever the number of seats.
async fn write_inventory(
    tx: &mut SqliteConnection,
    event: &EventRecord,
    inventory: &Inventory,
) -> Result<(), StoreError> {
    let id = event.sale.event.as_str();
    for table in ["price_levels", "seat_maps", "seat_inventory"] {
        sqlx::query(sqlx::AssertSqlSafe(format!("DELETE FROM {table} WHERE event_id = ?")))
            .bind(id)
            .execute(&mut *tx)
            .await
            .map_err(failed)?;
    }
    let levels: Vec<_> =
        inventory.price_levels.iter().map(|l| (&l.name, &l.color, l.price, l.seats)).collect();
    sqlx::query(
        "INSERT INTO price_levels (event_id, level, name, color, price, seats)
         SELECT ?, key, value ->> 0, value ->> 1, value ->> 2, value ->> 3 FROM json_each(?)",
    )
    .bind(id)
    .bind(json_array(&levels)?)
    .execute(&mut *tx)
    .await
    .map_err(failed)?;
    sqlx::query("INSERT INTO seat_maps (event_id, sections, body) VALUES (?, ?, ?)")
        .bind(id)
        .bind(json_array(&inventory.sections)?)
        .bind(inventory.body.to_vec())
        .execute(&mut *tx)
        .await
        .map_err(failed)?;
    // The clock goes on: who knows the old seats must not take the new ones for older.
    sqlx::query(
        "INSERT INTO seat_clocks (event_id, seq) VALUES (?, 1) ON CONFLICT (event_id) DO UPDATE SET seq = seq + 1",
    )
    .bind(id)
    .execute(&mut *tx)
    .await
    .map_err(failed)?;
    write_seats(tx, event, inventory).await
}

async fn write_seats(
    tx: &mut SqliteConnection,
    event: &EventRecord,
    inventory: &Inventory,
) -> Result<(), StoreError> {
    let seats: Vec<_> = inventory
        .seats
        .iter()
        .map(|s| (s.id.as_str(), row::event::section(inventory, s.section), &s.row, &s.number, s.level))
        .collect();
    let seats = json_array(&seats)?;
    sqlx::query("DELETE FROM seats WHERE venue_id = ?")
        .bind(event.venue.id.as_str())
        .execute(&mut *tx)
        .await
        .map_err(failed)?;
    sqlx::query(
        "INSERT INTO seats (venue_id, seat_index, seat_id, section, row_label, number)
         SELECT ?, key, value ->> 0, value ->> 1, value ->> 2, value ->> 3 FROM json_each(?)",
    )
    .bind(event.venue.id.as_str())
    .bind(&seats)
    .execute(&mut *tx)
    .await
    .map_err(failed)?;
    sqlx::query(
        "INSERT INTO seat_inventory (event_id, seat_index, seat_id, level)
         SELECT ?, key, value ->> 0, value ->> 4 FROM json_each(?)",
    )
    .bind(event.sale.event.as_str())
    .bind(&seats)
    .execute(tx)
    .await
    .map_err(failed)?;
    Ok(())
}

/// Gives everybody in the lobby a place, by the seed that is committed with it (W11).
async fn draw_lobby(
    tx: &mut SqliteConnection,
    event: &EventId,
    seed: [u8; 32],
) -> Result<Vec<SessionRecord>, StoreError> {
    let ids: Vec<String> = sqlx::query_scalar(
        "SELECT session_id FROM sessions WHERE event_id = ? AND state = 'WAITING' AND lobby = 1",
    )
    .bind(event.as_str())
    .fetch_all(&mut *tx)
    .await
    .map_err(failed)?;
    let mut ids = ids.iter().map(|id| parse(id)).collect::<Result<Vec<_>, _>>()?;
    lobby::shuffle(&seed, &mut ids);
    let first: i64 = sqlx::query_scalar(
        "UPDATE gates SET lobby_seed = ?1, next_place = next_place + ?2 WHERE event_id = ?3 RETURNING next_place - ?2",
    )
    .bind(seed.as_slice())
    .bind(int(ids.len())?)
    .bind(event.as_str())
    .fetch_one(&mut *tx)
    .await
    .map_err(failed)?;
    let rows = sqlx::query(
        "UPDATE sessions SET lobby = 0, place = drawn.place
         FROM (SELECT value AS session_id, key + ?1 AS place FROM json_each(?2)) AS drawn
         WHERE sessions.session_id = drawn.session_id RETURNING *",
    )
    .bind(first)
    .bind(json_array(&ids)?)
    .fetch_all(tx)
    .await
    .map_err(failed)?;
    rows.iter().map(row::session::read).collect()
}
