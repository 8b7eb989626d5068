//! Orders that are looked at or swept. Commands are written in batches.

pub(super) mod seats;

use async_trait::async_trait;
use sqlx::SqliteConnection;
use sqlx::sqlite::SqliteRow;
use tmcore::order::{CardTries, Order, OrderParties, OrderState};
use tmcore::seat::Fence;
use tmcore::{EventId, Money, OrderId, TicketId};

use super::row::{Columns, parse};
use super::{SqliteStore, batch, begin, failed, json_array};
use crate::ports::StoreError;
use crate::ports::order::{OrderOutcome, OrderRecord, OrderStore, SeatLine, TicketRecord};
use crate::store::desk::OrderRow;

#[async_trait]
impl OrderStore for SqliteStore {
    async fn expire_due(&self, limit: u32) -> Result<Vec<OrderOutcome>, StoreError> {
        let mut writer = self.writer().await?;
        let mut tx = begin(&mut writer).await?;
        let at = self.now();
        let due: Vec<String> = sqlx::query_scalar(
            "SELECT order_id FROM orders
             WHERE is_open = 1 AND state IN ('PENDING', 'AUTHORIZING', 'AUTHORIZED') AND expires_at <= ?
             ORDER BY expires_at LIMIT ?",
        )
        .bind(at.as_millis())
        .bind(limit)
        .fetch_all(&mut *tx)
        .await
        .map_err(failed)?;
        if due.is_empty() {
            return Ok(Vec::new());
        }
        let orders: Vec<_> = due.iter().map(|id| parse(id)).collect::<Result<_, _>>()?;
        let ended = batch::expire(&mut tx, orders.into_iter(), (at, self.send_lease_seconds)).await?;
        tx.commit().await.map_err(failed)?;
        Ok(ended)
    }

    async fn order(&self, order: OrderId) -> Result<Option<OrderRecord>, StoreError> {
        let mut tx = self.readers().begin().await.map_err(failed)?;
        let at = self.now();
        let row = sqlx::query("SELECT * FROM orders WHERE order_id = ?")
            .bind(order.to_string())
            .fetch_optional(&mut *tx)
            .await
            .map_err(failed)?;
        let Some(row) = row else { return Ok(None) };
        let OrderRow { order, seats: indexes, .. } = read(&row)?;
        let seats = seats::lines(&mut tx, &order.parties.event, &indexes).await?;
        let tickets =
            if has_tickets(order.state) { tickets_of(&mut tx, order.id).await? } else { Vec::new() };
        Ok(Some(OrderRecord { order, as_of: at, seats, tickets }))
    }

    async fn ticket(&self, ticket: TicketId) -> Result<Option<TicketRecord>, StoreError> {
        let mut connection = self.readers().acquire().await.map_err(failed)?;
        let found = tickets(&mut connection, "ticket_id", &[ticket.to_string()]).await?;
        Ok(found.into_iter().next())
    }

    async fn takings(&self, event: &EventId) -> Result<(u64, i64), StoreError> {
        let row = sqlx::query(
            "SELECT COUNT(*) AS orders, COALESCE(SUM(total), 0) AS total FROM orders
             WHERE event_id = ? AND state = 'FINALIZED'",
        )
        .bind(event.as_str())
        .fetch_one(self.readers())
        .await
        .map_err(failed)?;
        Ok((u64::try_from(row.int("orders")?).map_err(StoreError::failed)?, row.int("total")?))
    }
}

fn read(row: &SqliteRow) -> Result<OrderRow, StoreError> {
    let parties = OrderParties {
        user: row.parse("user_id")?,
        event: row.parse("event_id")?,
        session: row.parse_opt("session_id")?,
    };
    let order = Order {
        id: row.parse("order_id")?,
        parties,
        state: OrderState::parse(row.text("state")?)
            .ok_or_else(|| StoreError::failed("an unknown order state"))?,
        expires_at: row.time("expires_at")?,
        created_at: row.time("created_at")?,
        total: row.money("total", "currency")?,
        cards: CardTries { attempts: row.count("attempts")?, declines: row.count("declines")? },
    };
    let seats = serde_json::from_str(row.text("seats")?).map_err(StoreError::failed)?;
    Ok(OrderRow { order, fence: Fence(row.int("fence")?), seats })
}

/// Whether orders in this state have, or had, tickets.
const fn has_tickets(state: OrderState) -> bool {
    matches!(state, OrderState::Finalized | OrderState::Refunding | OrderState::Refunded)
}

async fn tickets_of(
    connection: &mut SqliteConnection,
    order: OrderId,
) -> Result<Vec<TicketRecord>, StoreError> {
    tickets(connection, "order_id", &[order.to_string()]).await
}

/// Tickets, by the one column that is asked for.
async fn tickets(
    connection: &mut SqliteConnection,
    column: &'static str,
    values: &[String],
) -> Result<Vec<TicketRecord>, StoreError> {
    let sql = format!(
        "SELECT t.*, {} WHERE t.{column} IN (SELECT value FROM json_each(?)) ORDER BY t.seat_index",
        seats::LINE_OF_TICKET
    );
    let rows = sqlx::query(sqlx::AssertSqlSafe(sql))
        .bind(json_array(values)?)
        .fetch_all(connection)
        .await
        .map_err(failed)?;
    rows.iter().map(read_ticket).collect()
}

fn read_ticket(row: &SqliteRow) -> Result<TicketRecord, StoreError> {
    Ok(TicketRecord {
        id: row.parse("ticket_id")?,
        owner: (row.parse("order_id")?, row.parse("user_id")?),
        event: row.parse("event_id")?,
        seat: read_line(row)?,
        code: row.text("code")?.to_owned(),
        valid: row.text("state")? == "VALID",
        issued_at: row.time("issued_at")?,
    })
}

fn read_line(row: &SqliteRow) -> Result<SeatLine, StoreError> {
    let price: Money = row.money("price", "currency")?;
    Ok(SeatLine {
        index: row.count("seat_index")?,
        id: row.parse("seat_id")?,
        section: row.text("section")?.to_owned(),
        row: row.text("row_label")?.to_owned(),
        number: row.text("number")?.to_owned(),
        price: (row.text("level_name")?.to_owned(), price),
    })
}
