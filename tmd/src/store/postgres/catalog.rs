//! Events, their venues, performers, price levels and seats.

mod inventory;

use async_trait::async_trait;
use bytes::Bytes;
use sqlx::PgConnection;
use sqlx::postgres::PgRow;
use tmcore::EventId;
use tmcore::event::{SaleAction, SaleState};
use tmcore::waiting_room::{Gate, lobby};
use tmcore::{SessionId, Timestamp};

use super::transaction::Tx;
use super::{PgError, PostgresStore, begin, failed, waiting_room};
use crate::ports::StoreError;
use crate::ports::catalog::{CatalogRefusal, CatalogStore, EventRecord, Inventory};
use crate::ports::waiting_room::SessionRecord;
use crate::store::row::{self, int, parse};

impl From<PgError> for CatalogRefusal {
    fn from(error: PgError) -> Self {
        Self::Store(error.into())
    }
}

#[async_trait]
impl CatalogStore for PostgresStore {
    async fn put_event(
        &self,
        event: &EventRecord,
        inventory: Option<&Inventory>,
        new: bool,
    ) -> Result<(), CatalogRefusal> {
        let mut tx = begin(self.browse()).await?;
        write_venue(&mut tx, event).await?;
        match (lock_sale(&mut tx, &event.sale.event).await?, new) {
            (Some(_), true) => return Err(CatalogRefusal::Exists),
            (None, false) => return Err(CatalogRefusal::NotFound),
            (Some(state), false) if inventory.is_some() && state != SaleState::Scheduled => {
                return Err(CatalogRefusal::State(state));
            }
            (None, true) if !insert_event(&mut tx, event).await? => return Err(CatalogRefusal::Exists),
            _ => {}
        }
        if let Some(inventory) = inventory {
            inventory::write(&mut tx, event, inventory).await?;
        }
        // Behind the gate's lock nobody is let in by the capacity that was (W1).
        lock_gate(&mut tx, &event.sale.event).await?;
        update_event(&mut tx, event).await?;
        write_performers(&mut tx, event).await?;
        Ok(tx.commit().await?)
    }

    async fn change_sale(
        &self,
        event: &EventId,
        action: SaleAction,
        seed: [u8; 32],
    ) -> Result<Vec<SessionRecord>, CatalogRefusal> {
        let mut tx = begin(self.browse()).await?;
        let before = lock_sale(&mut tx, event).await?.ok_or(CatalogRefusal::NotFound)?;
        let after = before.after(action).ok_or(CatalogRefusal::State(before))?;
        if after == SaleState::Open && !has_seats(&mut tx, event).await? {
            return Err(CatalogRefusal::NoSeats);
        }
        let moved = move_sale(&mut tx, event, (before, after), seed).await?;
        tx.commit().await?;
        Ok(moved)
    }

    async fn event(&self, event: &EventId) -> Result<Option<EventRecord>, StoreError> {
        let mut connection = self.browse().acquire().await.map_err(failed)?;
        let sql = format!("{} WHERE e.event_id = $1", row::event::EVENT);
        let rows = sqlx::query(sqlx::AssertSqlSafe(sql))
            .bind(event.as_str())
            .fetch_all(&mut *connection)
            .await
            .map_err(failed)?;
        Ok(read_events(&mut connection, &rows).await?.pop())
    }

    async fn events(&self, after: Option<&EventId>, limit: u32) -> Result<Vec<EventRecord>, StoreError> {
        let mut connection = self.browse().acquire().await.map_err(failed)?;
        let sql = format!(
            "{} WHERE $1::text IS NULL
               OR (e.starts_at, e.event_id) > (SELECT starts_at, event_id FROM events WHERE event_id = $1)
             ORDER BY e.starts_at, e.event_id LIMIT $2",
            row::event::EVENT
        );
        let rows = sqlx::query(sqlx::AssertSqlSafe(sql))
            .bind(after.map(EventId::as_str))
            .bind(i64::from(limit))
            .fetch_all(&mut *connection)
            .await
            .map_err(failed)?;
        read_events(&mut connection, &rows).await
    }

    async fn seat_map(&self, event: &EventId) -> Result<Option<Bytes>, StoreError> {
        let body: Option<Vec<u8>> = sqlx::query_scalar("SELECT body FROM seat_maps WHERE event_id = $1")
            .bind(event.as_str())
            .fetch_optional(self.browse())
            .await
            .map_err(failed)?;
        Ok(body.map(Bytes::from))
    }

    async fn due_sales(&self) -> Result<Vec<EventId>, StoreError> {
        let due: Vec<String> = sqlx::query_scalar(
            "SELECT event_id FROM events e WHERE sale_state = 'SCHEDULED' AND sale_starts_at <= (SELECT now_millis())
               AND EXISTS (SELECT 1 FROM seat_maps m WHERE m.event_id = e.event_id)",
        )
        .fetch_all(self.browse())
        .await
        .map_err(failed)?;
        due.iter().map(|id| parse(id)).collect()
    }
}

/// Events of rows that were selected by [`row::event::EVENT`], with all that belongs to them.
pub(super) async fn read_events(
    connection: &mut PgConnection,
    rows: &[PgRow],
) -> Result<Vec<EventRecord>, StoreError> {
    let mut records = rows.iter().map(row::event::read).collect::<Result<Vec<_>, _>>()?;
    let ids: Vec<_> = records.iter().map(|record| record.sale.event.to_string()).collect();
    let performers =
        sqlx::query("SELECT * FROM event_performers WHERE event_id = ANY ($1) ORDER BY event_id, place")
            .bind(&ids)
            .fetch_all(&mut *connection)
            .await
            .map_err(failed)?;
    let levels = sqlx::query("SELECT * FROM price_levels WHERE event_id = ANY ($1) ORDER BY event_id, level")
        .bind(&ids)
        .fetch_all(connection)
        .await
        .map_err(failed)?;
    row::event::complete(&mut records, &performers, &levels)?;
    Ok(records)
}

/// The state of an event's sale, which nobody else changes until the transaction ends.
async fn lock_sale(tx: &mut PgConnection, event: &EventId) -> Result<Option<SaleState>, PgError> {
    let row = sqlx::query("SELECT * FROM events WHERE event_id = $1 FOR NO KEY UPDATE")
        .bind(event.as_str())
        .fetch_optional(tx)
        .await?;
    Ok(row.as_ref().map(row::event::sale).transpose()?.map(|sale| sale.state))
}

async fn has_seats(tx: &mut PgConnection, event: &EventId) -> Result<bool, PgError> {
    let has = sqlx::query_scalar("SELECT EXISTS (SELECT 1 FROM seat_maps WHERE event_id = $1)");
    Ok(has.bind(event.as_str()).fetch_one(tx).await?)
}

async fn lock_gate(tx: &mut PgConnection, event: &EventId) -> Result<(), PgError> {
    let lock = sqlx::query("SELECT 1 FROM gates WHERE event_id = $1 FOR UPDATE");
    lock.bind(event.as_str()).execute(tx).await?;
    Ok(())
}

/// Behind the gate's lock nobody joins by the state that was.
async fn move_sale(
    tx: &mut Tx,
    event: &EventId,
    (before, after): (SaleState, SaleState),
    seed: [u8; 32],
) -> Result<Vec<SessionRecord>, PgError> {
    lock_gate(tx, event).await?;
    sqlx::query("UPDATE events SET sale_state = $2 WHERE event_id = $1")
        .bind(event.as_str())
        .bind(after.as_str())
        .execute(&mut **tx)
        .await?;
    match (before, after) {
        (SaleState::Scheduled, SaleState::Open) => draw_lobby(tx, event, seed).await,
        (_, SaleState::Closed) => waiting_room::send_home(tx, event).await,
        _ => Ok(Vec::new()),
    }
}

/// Whether it is new indeed: of two who write it at once one is first.
async fn insert_event(tx: &mut PgConnection, event: &EventRecord) -> Result<bool, PgError> {
    let inserted = sqlx::query(
        "INSERT INTO events (event_id, venue_id, name, starts_at, currency, sale_state, sale_starts_at, waiting_room,
           capacity, admissions_per_minute, lapse_seconds, active_seconds, lobby_seconds, hold_ttl_seconds,
           seats_per_order, seats_per_buyer, created_at)
         VALUES ($1, $2, '', 0, '', 'SCHEDULED', NULL, 1, 0, 1, 0, 0, 0, 0, 0, 0, now_millis())
         ON CONFLICT DO NOTHING RETURNING created_at",
    )
    .bind(event.sale.event.as_str())
    .bind(event.venue.id.as_str())
    .fetch_optional(&mut *tx)
    .await?;
    let Some(row) = inserted else { return Ok(false) };
    let gate = Gate::new(row::Columns::time(&row, "created_at")?);
    sqlx::query("INSERT INTO gates (event_id, next_place, credit, credited_at) VALUES ($1, 0, $2, $3)")
        .bind(event.sale.event.as_str())
        .bind(int(gate.credit_milli)?)
        .bind(gate.credited_at.as_millis())
        .execute(tx)
        .await?;
    Ok(true)
}

async fn update_event(tx: &mut PgConnection, event: &EventRecord) -> Result<(), PgError> {
    let rules = &event.sale.rules;
    sqlx::query(
        "UPDATE events SET name = $2, starts_at = $3, currency = $4, sale_starts_at = $5, waiting_room = $6,
           capacity = $7, admissions_per_minute = $8, lapse_seconds = $9, active_seconds = $10, lobby_seconds = $11,
           hold_ttl_seconds = $12, seats_per_order = $13, seats_per_buyer = $14,
           free_until = CASE WHEN waiting_room < $6 THEN now_millis() ELSE free_until END,
           highest_capacity = greatest(highest_capacity, $7) WHERE event_id = $1",
    )
    .bind(event.sale.event.as_str())
    .bind(&event.name)
    .bind(event.starts_at.as_millis())
    .bind(event.currency.code())
    .bind(event.sale.starts_at.map(Timestamp::as_millis))
    .bind(i64::from(rules.waiting_room))
    .bind(i64::from(rules.gate.capacity))
    .bind(i64::from(rules.gate.admissions_per_minute))
    .bind(i64::from(rules.lapse_seconds))
    .bind(i64::from(rules.active_seconds))
    .bind(i64::from(rules.lobby_seconds))
    .bind(i64::from(rules.hold_ttl_seconds))
    .bind(i64::from(rules.seats.per_order))
    .bind(i64::from(rules.seats.per_buyer))
    .execute(tx)
    .await?;
    Ok(())
}

async fn write_venue(tx: &mut PgConnection, event: &EventRecord) -> Result<(), PgError> {
    sqlx::query(
        "INSERT INTO venues (venue_id, name, city) VALUES ($1, $2, $3)
         ON CONFLICT (venue_id) DO UPDATE SET name = excluded.name, city = excluded.city",
    )
    .bind(event.venue.id.as_str())
    .bind(&event.venue.name)
    .bind(&event.venue.city)
    .execute(tx)
    .await?;
    Ok(())
}

async fn write_performers(tx: &mut PgConnection, event: &EventRecord) -> Result<(), PgError> {
    let performers = event.performers.iter().map(|(id, name)| (id.as_str(), name.as_str()));
    let (ids, names): (Vec<_>, Vec<_>) = performers.unzip();
    sqlx::query("DELETE FROM event_performers WHERE event_id = $1")
        .bind(event.sale.event.as_str())
        .execute(&mut *tx)
        .await?;
    sqlx::query(
        "INSERT INTO event_performers (event_id, place, performer_id, name)
         SELECT $1, w.n - 1, w.id, w.name
         FROM unnest($2::text[], $3::text[]) WITH ORDINALITY w (id, name, n)",
    )
    .bind(event.sale.event.as_str())
    .bind(ids)
    .bind(names)
    .execute(tx)
    .await?;
    Ok(())
}

/// Gives everybody in the lobby a place, by the seed that is committed with it (W11). The gate is locked.
async fn draw_lobby(
    tx: &mut PgConnection,
    event: &EventId,
    seed: [u8; 32],
) -> Result<Vec<SessionRecord>, PgError> {
    let ids: Vec<String> = sqlx::query_scalar(
        "SELECT session_id FROM sessions WHERE event_id = $1 AND state = 'WAITING' AND lobby = 1
         ORDER BY session_id FOR UPDATE",
    )
    .bind(event.as_str())
    .fetch_all(&mut *tx)
    .await?;
    let mut ids = ids.iter().map(|id| parse(id)).collect::<Result<Vec<SessionId>, _>>()?;
    lobby::shuffle(&seed, &mut ids);
    let first: i64 = sqlx::query_scalar(
        "UPDATE gates SET lobby_seed = $1, next_place = next_place + $2 WHERE event_id = $3 RETURNING next_place - $2",
    )
    .bind(seed.as_slice())
    .bind(int(ids.len())?)
    .bind(event.as_str())
    .fetch_one(&mut *tx)
    .await?;
    let rows = sqlx::query(
        "UPDATE sessions s SET lobby = 0, place = w.n - 1 + $1
         FROM unnest($2::text[]) WITH ORDINALITY w (session_id, n) WHERE s.session_id = w.session_id RETURNING s.*",
    )
    .bind(first)
    .bind(ids.iter().map(ToString::to_string).collect::<Vec<_>>())
    .fetch_all(tx)
    .await?;
    Ok(rows.iter().map(row::session::read).collect::<Result<_, _>>()?)
}
