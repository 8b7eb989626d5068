//! Orders that are looked at or swept. Commands are written in batches.

use async_trait::async_trait;
use tmcore::{EventId, OrderId, TicketId};

use super::batch::lay;
use super::connect::unless_silent;
use super::{PgError, PostgresStore, begin, failed};
use crate::drill::{self, Mutant};
use crate::ports::StoreError;
use crate::ports::order::{OrderOutcome, OrderRecord, OrderStore, TicketRecord};
use crate::store::desk::Wanted;
use crate::store::row::{self, Columns, parse};

#[async_trait]
impl OrderStore for PostgresStore {
    async fn expire_due(&self, limit: u32) -> Result<Vec<OrderOutcome>, StoreError> {
        Ok(self.sweep(limit).await?)
    }

    /// One statement reads all of it: what it answers was so at one instant.
    async fn order(&self, order: OrderId) -> Result<Option<OrderRecord>, StoreError> {
        unless_silent(async {
            let mut connection = self.browse().acquire().await.map_err(failed)?;
            let wanted = Wanted { orders: [order].into(), ..Wanted::default() };
            let desk = lay(&mut connection, &wanted, self.send_lease_seconds).await?;
            desk.order(order)
        })
        .await
    }

    async fn ticket(&self, ticket: TicketId) -> Result<Option<TicketRecord>, StoreError> {
        let sql = format!("SELECT t.*, {} WHERE t.ticket_id = $1", row::order::LINE_OF_TICKET);
        let found = unless_silent(async {
            let query = sqlx::query(sqlx::AssertSqlSafe(sql)).bind(ticket.to_string());
            query.fetch_optional(self.browse()).await.map_err(failed)
        });
        let found = found.await?;
        found.as_ref().map(row::order::ticket).transpose()
    }

    async fn takings(&self, event: &EventId) -> Result<(u64, i64), StoreError> {
        let row = sqlx::query(
            "SELECT count(*) AS orders, coalesce(sum(total), 0)::bigint AS total FROM orders
             WHERE event_id = $1 AND is_paid = 1",
        )
        .bind(event.as_str())
        .fetch_one(self.browse())
        .await
        .map_err(failed)?;
        Ok((u64::try_from(row.int("orders")?).map_err(StoreError::failed)?, row.int("total")?))
    }
}

impl PostgresStore {
    /// Orders that somebody is at are passed over: either they end otherwise, or the next sweep finds them.
    async fn sweep(&self, limit: u32) -> Result<Vec<OrderOutcome>, PgError> {
        let mut tx = begin(self.money()).await?;
        let due: Vec<String> = sqlx::query_scalar(
            "SELECT order_id FROM orders
             WHERE is_open = 1 AND state IN ('PENDING', 'AUTHORIZING', 'AUTHORIZED') AND expires_at <= (SELECT now_millis()) + $2
             ORDER BY expires_at LIMIT $1 FOR UPDATE SKIP LOCKED",
        )
        .bind(i64::from(limit))
        .bind(if drill::mutant(Mutant::SweptByState) { 86_400_000_i64 } else { 0 })
        .fetch_all(&mut *tx)
        .await?;
        if due.is_empty() {
            return Ok(Vec::new());
        }
        let orders = due.iter().map(|id| parse(id)).collect::<Result<_, _>>()?;
        let ended = self.expire(&mut tx, &Wanted { orders, ..Wanted::default() }).await?;
        tx.commit().await?;
        Ok(ended)
    }
}
