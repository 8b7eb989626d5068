//! Orders that are looked at or swept. Commands are written in batches.

pub(super) mod seats;

use async_trait::async_trait;
use sqlx::SqliteConnection;
use tmcore::order::OrderState;
use tmcore::{EventId, OrderId, TicketId};

use super::{SqliteStore, batch, begin, failed};
use crate::drill::{self, Mutant};
use crate::ports::StoreError;
use crate::ports::order::{OrderOutcome, OrderRecord, OrderStore, TicketRecord};
use crate::store::desk::OrderRow;
use crate::store::row::{self, Columns, json_array, parse};

#[async_trait]
impl OrderStore for SqliteStore {
    async fn expire_due(&self, limit: u32) -> Result<Vec<OrderOutcome>, StoreError> {
        let mut writer = self.writer().await?;
        let mut tx = begin(&mut writer).await?;
        let at = self.now();
        let by = if drill::mutant(Mutant::SweptByState) { at.plus_seconds(86_400) } else { at };
        let due: Vec<String> = sqlx::query_scalar(
            "SELECT order_id FROM orders
             WHERE is_open = 1 AND state IN ('PENDING', 'AUTHORIZING', 'AUTHORIZED') AND expires_at <= ?
             ORDER BY expires_at LIMIT ?",
        )
        .bind(by.as_millis())
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
        let OrderRow { order, seats: indexes, .. } = row::order::read(&row)?;
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
        row::order::LINE_OF_TICKET
    );
    let rows = sqlx::query(sqlx::AssertSqlSafe(sql))
        .bind(json_array(values)?)
        .fetch_all(connection)
        .await
        .map_err(failed)?;
    rows.iter().map(row::order::ticket).collect()
}
