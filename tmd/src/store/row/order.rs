//! Rows of orders, their seats and tickets.

use tmcore::order::{CardTries, Order, OrderParties, OrderState};
use tmcore::seat::{Fence, SeatState};
use tmcore::{Money, OrderId, TicketId, Timestamp};

use super::{Columns, strange};
use crate::drill::{self, Mutant};
use crate::ports::StoreError;
use crate::ports::order::{SeatLine, TicketRecord};
use crate::store::desk::{OrderRow, SeatRow};

/// The columns of a [`SeatLine`] and where they come from, for a ticket `t`.
pub const LINE_OF_TICKET: &str =
    "i.seat_id, s.section, s.row_label, s.number, l.name AS level_name, l.price, e.currency
   FROM tickets t JOIN seat_inventory i ON i.event_id = t.event_id AND i.seat_index = t.seat_index
   JOIN events e ON e.event_id = t.event_id
   JOIN seats s ON s.venue_id = e.venue_id AND s.seat_index = i.seat_index
   JOIN price_levels l ON l.event_id = i.event_id AND l.level = i.level";

/// An order of a row with all columns.
pub fn read(row: &impl Columns) -> Result<OrderRow, StoreError> {
    let parties = OrderParties {
        user: row.parse("user_id")?,
        event: row.parse("event_id")?,
        session: row.parse_opt("session_id")?,
    };
    let order = Order {
        id: row.parse("order_id")?,
        parties,
        state: OrderState::parse(row.text("state")?).ok_or_else(|| strange("order state"))?,
        expires_at: row.time("expires_at")?,
        created_at: row.time("created_at")?,
        total: row.money("total", "currency")?,
        cards: CardTries { attempts: row.count("attempts")?, declines: row.count("declines")? },
    };
    let seats = serde_json::from_str(row.text("seats")?).map_err(StoreError::failed)?;
    Ok(OrderRow { order, fence: Fence(row.int("fence")?), seats, history: row.parse("history")? })
}

/// A ticket with its seat.
pub fn ticket(row: &impl Columns) -> Result<TicketRecord, StoreError> {
    Ok(TicketRecord {
        id: row.parse("ticket_id")?,
        owner: (row.parse("order_id")?, row.parse("user_id")?),
        event: row.parse("event_id")?,
        seat: line(row)?,
        code: row.text("code")?.to_owned(),
        valid: row.text("state")? == "VALID",
        issued_at: row.time("issued_at")?,
    })
}

/// A seat, and who has it.
pub fn seat(row: &impl Columns) -> Result<SeatRow, StoreError> {
    let version = row.int("version")?;
    let state = seat_state(
        (row.int("status")?, version),
        row.time_opt("reserved_until")?,
        row.parse_opt("order_id")?,
        row.parse_opt("ticket_id")?,
    )?;
    Ok(SeatRow { line: line(row)?, state, version })
}

fn line(row: &impl Columns) -> Result<SeatLine, StoreError> {
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

/// Who has a seat: of its status and version, the end of its hold, its order and its ticket.
pub fn seat_state(
    (status, version): (i64, i64),
    until: Option<Timestamp>,
    order: Option<OrderId>,
    ticket: Option<TicketId>,
) -> Result<SeatState, StoreError> {
    let fence = Fence(version);
    let order = || order.ok_or_else(|| strange("owner of a seat"));
    Ok(match status {
        0 => SeatState::Available,
        1 if drill::mutant(Mutant::HoldNeedsSweeper) => {
            SeatState::Held { order: order()?, until: Timestamp::from_millis(i64::MAX), fence }
        }
        1 => {
            SeatState::Held { order: order()?, until: until.ok_or_else(|| strange("end of a hold"))?, fence }
        }
        2 => SeatState::Pinned { order: order()?, fence },
        3 => SeatState::Sold { order: order()?, ticket: ticket.ok_or_else(|| strange("ticket"))? },
        _ => SeatState::Blocked,
    })
}
