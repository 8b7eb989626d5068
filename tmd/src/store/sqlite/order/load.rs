//! Lays on the desk what a batch is about: one statement a kind of row.

use sqlx::SqliteConnection;
use sqlx::sqlite::SqliteRow;
use tmcore::{EventId, UserId};

use super::{has_tickets, read, seats, tickets};
use crate::ports::StoreError;
use crate::store::desk::{Desk, PaymentRow, Rows, SaleRow, Wanted};
use crate::store::sqlite::row::Columns;
use crate::store::sqlite::{catalog, failed, json_array, payment, session};

/// Reads everything that is wanted and not there. What does not exist is not laid.
pub(super) async fn lay(
    tx: &mut SqliteConnection,
    desk: &mut Desk,
    mut wanted: Wanted,
) -> Result<(), StoreError> {
    let rows = &mut desk.rows;
    orders_of_payments(tx, &mut wanted).await?;
    orders(tx, rows, &wanted).await?;
    sales(tx, rows, &wanted).await?;
    sessions(tx, rows, &wanted).await?;
    order_seats(tx, rows, &wanted).await?;
    payments(tx, rows).await?;
    ticket_records(tx, rows).await?;
    owned(tx, rows, &wanted).await
}

/// The rows of a statement whose only parameter is a JSON array.
async fn fetch<T: serde::Serialize>(
    tx: &mut SqliteConnection,
    sql: &'static str,
    wanted: &[T],
) -> Result<Vec<SqliteRow>, StoreError> {
    if wanted.is_empty() {
        return Ok(Vec::new());
    }
    sqlx::query(sql).bind(json_array(wanted)?).fetch_all(tx).await.map_err(failed)
}

async fn orders_of_payments(tx: &mut SqliteConnection, wanted: &mut Wanted) -> Result<(), StoreError> {
    let keys: Vec<_> = wanted.payments.iter().map(ToString::to_string).collect();
    let sql = "SELECT order_id FROM payments WHERE provider_key IN (SELECT value FROM json_each(?))";
    for row in fetch(tx, sql, &keys).await? {
        wanted.orders.insert(row.parse("order_id")?);
    }
    Ok(())
}

async fn orders(tx: &mut SqliteConnection, rows: &mut Rows, wanted: &Wanted) -> Result<(), StoreError> {
    let ids: Vec<_> = wanted.orders.iter().collect();
    let named = "SELECT * FROM orders WHERE order_id IN (SELECT value FROM json_each(?))";
    let open = "SELECT o.* FROM json_each(?) w CROSS JOIN orders o
                WHERE o.event_id = w.value ->> 0 AND o.user_id = w.value ->> 1
                  AND o.state IN ('PENDING', 'AUTHORIZING', 'AUTHORIZED', 'CAPTURING')";
    let mut found = fetch(tx, named, &ids).await?;
    found.extend(fetch(tx, open, &wanted.newcomers).await?);
    for row in &found {
        let row = read(row)?;
        rows.orders.insert(row.order.id, row);
    }
    Ok(())
}

async fn sales(tx: &mut SqliteConnection, rows: &mut Rows, wanted: &Wanted) -> Result<(), StoreError> {
    let events: Vec<EventId> = wanted.events(rows).into_iter().collect();
    let sql = "SELECT e.*, c.seq FROM json_each(?) w CROSS JOIN events e ON e.event_id = w.value
               LEFT JOIN seat_clocks c ON c.event_id = e.event_id";
    for row in fetch(tx, sql, &events).await? {
        let sale = catalog::read_sale(&row)?;
        let clock = row.int_opt("seq")?.unwrap_or_default();
        rows.sales.insert(sale.event.clone(), SaleRow { sale, currency: row.parse("currency")?, clock });
    }
    Ok(())
}

async fn sessions(tx: &mut SqliteConnection, rows: &mut Rows, wanted: &Wanted) -> Result<(), StoreError> {
    let named = "SELECT * FROM sessions WHERE session_id IN (SELECT value FROM json_each(?))";
    let live = "SELECT s.* FROM json_each(?) w CROSS JOIN sessions s
                WHERE s.event_id = w.value ->> 0 AND s.user_id = w.value ->> 1
                  AND s.state IN ('WAITING', 'ACTIVE', 'ORDERING')";
    let mut found = fetch(tx, named, &rows.sessions_of_orders()).await?;
    let queueing = |event: &EventId| rows.sales.get(event).is_some_and(|row| row.sale.rules.waiting_room);
    let buyers: Vec<_> = wanted.newcomers.iter().filter(|(event, _)| queueing(event)).collect();
    found.extend(fetch(tx, live, &buyers).await?);
    for row in &found {
        let session = session::read(row)?;
        rows.sessions.insert(session.id, session);
    }
    Ok(())
}

async fn order_seats(tx: &mut SqliteConnection, rows: &mut Rows, wanted: &Wanted) -> Result<(), StoreError> {
    let (owned, named) = (rows.seats_of_orders(), wanted.seat_ids(rows));
    let owned: Vec<_> = owned.iter().map(|(event, index)| (event, index)).collect();
    let named: Vec<_> = named.iter().map(|(event, id)| (event, id)).collect();
    let mut found = seats::find(tx, "seat_index", &owned).await?;
    found.extend(seats::find(tx, "seat_id", &named).await?);
    for (event, seat) in found {
        rows.lay_seat(event, seat);
    }
    Ok(())
}

async fn payments(tx: &mut SqliteConnection, rows: &mut Rows) -> Result<(), StoreError> {
    let orders: Vec<_> = rows.orders.keys().collect();
    let sql = "SELECT * FROM payments WHERE order_id IN (SELECT value FROM json_each(?))";
    for row in fetch(tx, sql, &orders).await? {
        let record = payment::read(&row)?;
        rows.payments.insert(record.key, PaymentRow { record, attempt: row.count("attempt")? });
    }
    Ok(())
}

async fn ticket_records(tx: &mut SqliteConnection, rows: &mut Rows) -> Result<(), StoreError> {
    let ticketed = rows.orders.values().filter(|row| has_tickets(row.order.state));
    let ids: Vec<_> = ticketed.map(|row| row.order.id.to_string()).collect();
    if ids.is_empty() {
        return Ok(());
    }
    for ticket in tickets(tx, "order_id", &ids).await? {
        rows.tickets.entry(ticket.owner.0).or_default().push(ticket);
    }
    Ok(())
}

async fn owned(tx: &mut SqliteConnection, rows: &mut Rows, wanted: &Wanted) -> Result<(), StoreError> {
    let owners: Vec<(EventId, UserId)> = wanted.owners(rows).into_iter().collect();
    let sql = "SELECT w.value ->> 0 AS event_id, w.value ->> 1 AS user_id,
                 (SELECT COUNT(*) FROM tickets t
                  WHERE t.event_id = w.value ->> 0 AND t.user_id = w.value ->> 1 AND t.state = 'VALID') AS owned
               FROM json_each(?) w";
    for row in fetch(tx, sql, &owners).await? {
        rows.owned.insert((row.parse("event_id")?, row.parse("user_id")?), row.count("owned")?);
    }
    Ok(())
}
