//! Rows read as what the rules look at.

use std::collections::HashMap;

use tmcore::history::{Edge, Hash};
use tmcore::ledger::{Account, Posting};
use tmcore::order::OrderState;
use tmcore::payment::{Operation, PaymentState, ProviderKey};
use tmcore::seat::SeatState;
use tmcore::verify::life::SessionLife;
use tmcore::verify::{
    Admission, AdmissionCase, Case, EventCase, History, Hold, KeyCase, LevelCase, OrderCase, OrderEnd,
    PaymentLine, SeatCase, SessionCase, TicketLine,
};
use tmcore::waiting_room::SessionState;
use tmcore::{OrderId, Timestamp};

use super::state;
use crate::ports::StoreError;
use crate::store::row::order::{self as order_row, seat_state};
use crate::store::row::{Columns, strange};

/// What belongs to orders, until they are put together.
#[derive(Debug, Default)]
pub struct Belongings(HashMap<String, Belonging>);

/// What belongs to an order.
#[derive(Debug, Default)]
pub struct Belonging {
    /// The seats on its list.
    pub seats: Vec<(u32, Option<SeatState>)>,
    /// Its tickets.
    pub tickets: Vec<TicketLine>,
    /// Its payments.
    pub payments: Vec<PaymentLine>,
    /// Its books.
    pub books: Vec<(ProviderKey, Posting)>,
    /// Its edges.
    pub edges: Vec<(Edge, Option<Hash>)>,
}

impl Belongings {
    /// Reads every row and gives it to the order that it names.
    pub fn take<R: Columns, T>(
        &mut self,
        rows: &[R],
        read: impl Fn(&R) -> Result<T, StoreError>,
        to: impl Fn(&mut Belonging) -> &mut Vec<T>,
    ) -> Result<(), StoreError> {
        for row in rows {
            to(self.0.entry(row.text("order_id")?.to_owned()).or_default()).push(read(row)?);
        }
        Ok(())
    }
}

fn number(row: &impl Columns, column: &str) -> Result<u64, StoreError> {
    u64::try_from(row.int(column)?).map_err(StoreError::failed)
}

fn number_opt(row: &impl Columns, column: &str) -> Result<Option<u64>, StoreError> {
    row.int_opt(column)?.map(u64::try_from).transpose().map_err(StoreError::failed)
}

pub fn event<R: Columns>(row: &R, levels: &[R]) -> Result<EventCase, StoreError> {
    let id = row.text("event_id")?;
    let mut seats = Vec::new();
    for level in levels {
        if level.text("event_id")? == id {
            let (counter, there) = (number(level, "counter")?, number(level, "seats")?);
            seats.push(LevelCase { name: level.text("name")?.to_owned(), counter, seats: there });
        }
    }
    let sections = row.text_opt("sections")?.unwrap_or("[]");
    let sections: Vec<(String, u64)> = serde_json::from_str(sections).map_err(StoreError::failed)?;
    Ok(EventCase {
        event: row.parse("event_id")?,
        capacity: number(row, "capacity")?.max(number(row, "highest_capacity")?),
        inside: number(row, "inside")?,
        line: (number_opt(row, "best_waiting")?, number_opt(row, "worst_inside")?),
        next_place: (number(row, "next_place")?, number_opt(row, "worst_place")?),
        clock: (row.int("clock")?, row.int("newest")?),
        seats: (seats, sections.iter().map(|(_, seats)| seats).sum()),
    })
}

/// Seats, each with its tickets; both in the order of seats.
pub fn seats<R: Columns>(rows: &[R], tickets: &[R]) -> Result<Vec<Case>, StoreError> {
    let mut by_seat: HashMap<(String, i64), Vec<_>> = HashMap::new();
    for ticket in tickets {
        let seat = (ticket.text("event_id")?.to_owned(), ticket.int("seat_index")?);
        by_seat.entry(seat).or_default().push((ticket.parse("ticket_id")?, ticket.parse("order_id")?));
    }
    let seat = |row: &R| {
        let name = (row.text("event_id")?.to_owned(), row.int("seat_index")?);
        Ok(Case::Seat(SeatCase {
            event: row.parse("event_id")?,
            seat: row.parse("seat_id")?,
            index: row.count("seat_index")?,
            state: seat_of(row, "order_id")?.ok_or_else(|| strange("seat"))?,
            order: end(row)?,
            tickets: by_seat.remove(&name).unwrap_or_default(),
        }))
    };
    rows.iter().map(seat).collect()
}

/// Who has the seat; `None` where the event has no such seat.
fn seat_of(row: &impl Columns, owner: &str) -> Result<Option<SeatState>, StoreError> {
    let Some(status) = row.int_opt("status")? else { return Ok(None) };
    let until = row.time_opt("reserved_until")?;
    let ids = (row.parse_opt(owner)?, row.parse_opt("ticket_id")?);
    seat_state((status, row.int("version")?), until, ids.0, ids.1).map(Some)
}

/// The order that a seat or a session names.
fn end(row: &impl Columns) -> Result<Option<OrderEnd>, StoreError> {
    let Some(name) = row.text_opt("order_state")? else { return Ok(None) };
    Ok(Some(OrderEnd {
        state: state(OrderState::parse(name))?,
        event: row.parse("order_event")?,
        session: row.parse_opt("order_session")?,
        seats: serde_json::from_str(row.text("order_seats")?).map_err(StoreError::failed)?,
    }))
}

pub fn seat_of_order(row: &impl Columns) -> Result<(u32, Option<SeatState>), StoreError> {
    Ok((row.count("seat_index")?, seat_of(row, "owner")?))
}

pub fn ticket(row: &impl Columns) -> Result<TicketLine, StoreError> {
    Ok(TicketLine {
        id: row.parse("ticket_id")?,
        seat: (row.parse("event_id")?, row.count("seat_index")?),
        user: row.parse("user_id")?,
        is_valid: row.text("state")? == "VALID",
        issued_at: row.time("issued_at")?,
    })
}

pub fn payment(row: &impl Columns) -> Result<PaymentLine, StoreError> {
    Ok(PaymentLine {
        key: row.parse("provider_key")?,
        operation: state(Operation::parse(row.text("operation")?))?,
        state: state(PaymentState::from_stored(row.text("state")?, row.text_opt("detail")?))?,
        amount: row.money("amount", "currency")?,
        against: row.parse_opt("against")?,
        created_at: row.time("created_at")?,
    })
}

pub fn posting(row: &impl Columns) -> Result<(ProviderKey, Posting), StoreError> {
    let name = row.text("account")?;
    let account = Account::ALL.into_iter().find(|account| account.as_str() == name);
    let account = account.ok_or_else(|| strange("account"))?;
    Ok((row.parse("provider_key")?, Posting { account, amount: row.money("amount", "currency")? }))
}

pub fn edge(row: &impl Columns) -> Result<(Edge, Option<Hash>), StoreError> {
    let from = row.text_opt("from_state")?.map(|name| state(OrderState::parse(name))).transpose()?;
    let edge = Edge {
        number: row.count("number")?,
        from,
        to: state(OrderState::parse(row.text("to_state")?))?,
        at: row.time("at")?,
    };
    let digits = row.text_opt("hash")?.filter(|digits| !digits.is_empty());
    let Some(digits) = digits else { return Ok((edge, None)) };
    let mut hash = Hash::default();
    hex::decode_to_slice(digits, &mut hash).map_err(StoreError::failed)?;
    Ok((edge, Some(hash)))
}

/// An order, put together of its row and what belongs to it.
pub fn order(row: &impl Columns, belongings: &mut Belongings) -> Result<OrderCase, StoreError> {
    let found = order_row::read(row)?;
    let own = belongings.0.remove(row.text("order_id")?).unwrap_or_default();
    let session = match row.text_opt("session_state")? {
        None => None,
        Some(name) => Some((
            row.parse("session_user")?,
            row.parse("session_event")?,
            state(SessionState::parse(name))?,
            row.parse_opt("session_order")?,
        )),
    };
    Ok(OrderCase {
        order: found.order,
        hold: Hold { fence: found.fence, seats: own.seats },
        tickets: own.tickets,
        payments: own.payments,
        books: own.books,
        admission: Admission { is_needed: row.int("is_needed")? != 0, session },
        history: History { head: found.history, edges: own.edges },
    })
}

pub fn session(row: &impl Columns) -> Result<SessionCase, StoreError> {
    Ok(SessionCase {
        session: row.parse("session_id")?,
        state: state(SessionState::parse(row.text("state")?))?,
        deadline: row.time_opt("deadline")?,
        order: end(row)?,
    })
}

pub fn admission(row: &impl Columns) -> Result<AdmissionCase, StoreError> {
    let (session, event) = (row.parse("session_id")?, row.parse("event_id")?);
    Ok(AdmissionCase { session, event, place: number(row, "place")? })
}

pub fn key(row: &impl Columns) -> Result<KeyCase, StoreError> {
    Ok(KeyCase {
        user: row.parse("user_id")?,
        lease_until: row.time_opt("lease_until")?,
        is_booking: row.int("is_booking")? != 0,
        is_answered: row.int_opt("status")?.is_some(),
        order: row.parse_opt::<OrderId>("order_id")?,
    })
}

/// An edge of a session, as it is told.
type SessionEdge = (Option<SessionState>, SessionState, Timestamp);

pub fn session_edge(row: &impl Columns) -> Result<(SessionLife, SessionEdge), StoreError> {
    let place = if row.int("lobby")? == 0 { Some(number(row, "place")?) } else { None };
    let life = SessionLife {
        session: row.parse("session_id")?,
        event: row.parse("event_id")?,
        place,
        edges: Vec::new(),
    };
    let read = |name: &str| state(SessionState::parse(name));
    let from = row.text_opt("from_state")?.map(read).transpose()?;
    Ok((life, (from, read(row.text("to_state")?)?, row.time("at")?)))
}
