//! Orders: every command of a batch in one transaction, each in a savepoint of its own.

mod command;
mod effect;
pub(super) mod seats;
mod settle;

use async_trait::async_trait;
use sqlx::sqlite::SqliteRow;
use sqlx::{Acquire, SqliteConnection};
use tmcore::order::{CardTries, Order, OrderParties, OrderState};
use tmcore::seat::Fence;
use tmcore::{EventId, Money, OrderId, TicketId, Timestamp};

use super::row::{Columns, int};
use super::{SqliteStore, begin, commit, failed, json_array, now};
use crate::ports::StoreError;
use crate::ports::order::{
    CommandRefusal, OrderCommand, OrderOutcome, OrderRecord, OrderStore, SeatLine, TicketRecord,
};

#[async_trait]
impl OrderStore for SqliteStore {
    async fn apply(&self, commands: Vec<OrderCommand>) -> Vec<Result<OrderOutcome, CommandRefusal>> {
        let mut answers = Vec::with_capacity(commands.len());
        match self.apply_all(&commands).await {
            Ok(all) => return all,
            // One command that the database refuses must not take the others with it: each for itself then.
            Err(StoreError::Failed(_)) if commands.len() > 1 => {
                for command in commands {
                    answers.extend(self.apply(vec![command]).await);
                }
            }
            Err(error) => answers.extend(commands.iter().map(|_| Err(error.clone().into()))),
        }
        answers
    }

    async fn expire_due(&self, limit: u32) -> Result<Vec<OrderOutcome>, StoreError> {
        let mut writer = self.writer().await?;
        let mut tx = begin(&mut writer).await?;
        let at = now(&mut tx).await?;
        let rows = sqlx::query(
            "SELECT * FROM orders WHERE state IN ('PENDING', 'AUTHORIZING', 'AUTHORIZED') AND expires_at <= ?
             ORDER BY expires_at LIMIT ?",
        )
        .bind(at.as_millis())
        .bind(limit)
        .fetch_all(&mut *tx)
        .await
        .map_err(failed)?;
        let mut ended = Vec::with_capacity(rows.len());
        for row in &rows {
            ended.push(command::expire(&mut tx, Stored::read(row)?, at).await?);
        }
        if !ended.is_empty() {
            commit(tx).await?;
        }
        Ok(ended)
    }

    async fn order(&self, order: OrderId) -> Result<Option<OrderRecord>, StoreError> {
        let mut tx = self.readers().begin().await.map_err(failed)?;
        let at = now(&mut tx).await?;
        let Some(stored) = Stored::load(&mut tx, order).await? else { return Ok(None) };
        stored.into_record(&mut tx, at).await.map(Some)
    }

    async fn ticket(&self, ticket: TicketId) -> Result<Option<TicketRecord>, StoreError> {
        let mut connection = self.readers().acquire().await.map_err(failed)?;
        let found = tickets(&mut connection, "ticket_id", &ticket.to_string()).await?;
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

impl SqliteStore {
    async fn apply_all(
        &self,
        commands: &[OrderCommand],
    ) -> Result<Vec<Result<OrderOutcome, CommandRefusal>>, StoreError> {
        let mut writer = self.writer().await?;
        let mut tx = begin(&mut writer).await?;
        let at = now(&mut tx).await?;
        let mut answers = Vec::with_capacity(commands.len());
        for command in commands {
            let mut savepoint = tx.begin().await.map_err(failed)?;
            let answer = command::run(&mut savepoint, command, at).await;
            match &answer {
                Ok(_) => savepoint.commit().await.map_err(failed)?,
                Err(CommandRefusal::Store(error)) => return Err(error.clone()),
                Err(_) => savepoint.rollback().await.map_err(failed)?,
            }
            answers.push(answer);
        }
        commit(tx).await?;
        Ok(answers)
    }
}

/// An order as its row has it.
#[derive(Clone, Debug)]
struct Stored {
    order: Order,
    fence: Fence,
    /// Indexes of its seats, ascending (S8).
    seats: Vec<u32>,
}

impl Stored {
    fn read(row: &SqliteRow) -> Result<Self, StoreError> {
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
        Ok(Self { order, fence: Fence(row.int("fence")?), seats })
    }

    async fn load(connection: &mut SqliteConnection, id: OrderId) -> Result<Option<Self>, StoreError> {
        let row = sqlx::query("SELECT * FROM orders WHERE order_id = ?")
            .bind(id.to_string())
            .fetch_optional(connection)
            .await
            .map_err(failed)?;
        row.as_ref().map(Self::read).transpose()
    }

    async fn insert(&self, tx: &mut SqliteConnection, at: Timestamp) -> Result<(), StoreError> {
        let (order, parties) = (&self.order, &self.order.parties);
        sqlx::query(
            "INSERT INTO orders (order_id, event_id, user_id, session_id, state, expires_at, created_at, total, currency)
             VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        )
        .bind(order.id.to_string())
        .bind(parties.event.as_str())
        .bind(parties.user.to_string())
        .bind(parties.session.map(|id| id.to_string()))
        .bind(order.state.as_str())
        .bind(order.expires_at.as_millis())
        .bind(order.created_at.as_millis())
        .bind(order.total.amount)
        .bind(order.total.currency.code())
        .execute(&mut *tx)
        .await
        .map_err(failed)?;
        append(tx, order.id, None, order.state, at).await
    }

    /// Writes the order over the row that was read in state `from`, and appends the edge if it is one.
    async fn write(
        &self,
        tx: &mut SqliteConnection,
        from: OrderState,
        at: Timestamp,
    ) -> Result<(), StoreError> {
        let order = &self.order;
        let written = sqlx::query(
            "UPDATE orders SET state = ?, expires_at = ?, total = ?, attempts = ?, declines = ?, fence = ?, seats = ?
             WHERE order_id = ? AND state = ?",
        )
        .bind(order.state.as_str())
        .bind(order.expires_at.as_millis())
        .bind(order.total.amount)
        .bind(order.cards.attempts)
        .bind(order.cards.declines)
        .bind(self.fence.0)
        .bind(json_array(&self.seats)?)
        .bind(order.id.to_string())
        .bind(from.as_str())
        .execute(&mut *tx)
        .await
        .map_err(failed)?;
        if written.rows_affected() != 1 {
            return Err(StoreError::failed(format_args!("{} changed under its transaction", order.id)));
        }
        if from == order.state { Ok(()) } else { append(tx, order.id, Some(from), order.state, at).await }
    }

    async fn into_record(
        self,
        connection: &mut SqliteConnection,
        as_of: Timestamp,
    ) -> Result<OrderRecord, StoreError> {
        let seats = seats::lines(connection, &self.order.parties.event, &self.seats).await?;
        let tickets = match self.order.state {
            OrderState::Finalized | OrderState::Refunding | OrderState::Refunded => {
                tickets(connection, "order_id", &self.order.id.to_string()).await?
            }
            _ => Vec::new(),
        };
        Ok(OrderRecord { order: self.order, as_of, seats, tickets })
    }
}

async fn append(
    tx: &mut SqliteConnection,
    order: OrderId,
    from: Option<OrderState>,
    to: OrderState,
    at: Timestamp,
) -> Result<(), StoreError> {
    sqlx::query("INSERT INTO order_events (order_id, from_state, to_state, at) VALUES (?, ?, ?, ?)")
        .bind(order.to_string())
        .bind(from.map(OrderState::as_str))
        .bind(to.as_str())
        .bind(int(at.as_millis())?)
        .execute(tx)
        .await
        .map_err(failed)?;
    Ok(())
}

/// Tickets, by the one column that is asked for.
async fn tickets(
    connection: &mut SqliteConnection,
    column: &'static str,
    value: &str,
) -> Result<Vec<TicketRecord>, StoreError> {
    let sql = format!("SELECT t.*, {} WHERE t.{column} = ? ORDER BY t.seat_index", seats::LINE_OF_TICKET);
    let rows =
        sqlx::query(sqlx::AssertSqlSafe(sql)).bind(value).fetch_all(connection).await.map_err(failed)?;
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
