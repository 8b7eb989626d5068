//! The rows on the desk.

use std::collections::HashMap;

use tmcore::event::Sale;
use tmcore::history::Head;
use tmcore::money::Currency;
use tmcore::order::Order;
use tmcore::payment::{Operation, PaymentState, ProviderKey, ProviderReference};
use tmcore::seat::{Fence, SeatState};
use tmcore::waiting_room::SessionState;
use tmcore::{EventId, Money, OrderId, SeatId, SessionId, UserId};

use crate::ports::StoreError;
use crate::ports::order::{KeyRef, OrderRecord, SeatLine, TicketRecord};
use crate::ports::payment::PaymentRecord;
use crate::ports::waiting_room::SessionRecord;

use super::{Desk, Filed, KeyRow};

/// An order as its row has it.
#[derive(Clone, Debug)]
pub struct OrderRow {
    /// The order.
    pub order: Order,
    /// The number of its hold.
    pub fence: Fence,
    /// Indexes of its seats, ascending (S8).
    pub seats: Vec<u32>,
    /// How far its history goes.
    pub history: Head,
}

/// A seat of an event, and who has it.
#[derive(Clone, Debug)]
pub struct SeatRow {
    /// The seat.
    pub line: SeatLine,
    /// Who has it.
    pub state: SeatState,
    /// The fence of its last holder.
    pub version: i64,
}

/// The seats of one event that matter.
#[derive(Debug, Default)]
pub struct SeatRows {
    /// By their index in geometry order.
    pub by_index: HashMap<u32, SeatRow>,
    /// Their indexes by id.
    pub index_of: HashMap<SeatId, u32>,
}

/// A payment and its number among those of its kind.
#[derive(Clone, Debug)]
pub struct PaymentRow {
    /// The payment.
    pub record: PaymentRecord,
    /// Its number.
    pub attempt: u32,
}

/// An event's sale, its clock of seat changes, and the end of its line.
#[derive(Clone, Debug)]
pub struct SaleRow {
    /// The sale.
    pub sale: Sale,
    /// What prices are in.
    pub currency: Currency,
    /// The last number that was given to a change of seats.
    pub clock: i64,
    /// The place in line that whoever joins next gets.
    pub next_place: u64,
}

/// Everything that the commands of a batch look at.
#[derive(Debug, Default)]
pub struct Rows {
    /// Sales.
    pub sales: HashMap<EventId, SaleRow>,
    /// Orders: those that are named, and the open ones of who begins another.
    pub orders: Filed<OrderId, UserId, OrderRow>,
    /// Sessions: the orders', and the live ones of who begins an order.
    pub sessions: Filed<SessionId, UserId, SessionRecord>,
    /// Seats: the orders', and those that are wanted.
    pub seats: HashMap<EventId, SeatRows>,
    /// All payments of the orders.
    pub payments: Filed<ProviderKey, OrderId, PaymentRow>,
    /// Tickets.
    pub tickets: TicketRows,
    /// Keys that are claimed again.
    pub keys: HashMap<KeyRef, KeyRow>,
}

/// What is sold already.
#[derive(Debug, Default)]
pub struct TicketRows {
    /// Tickets of the orders that have any.
    pub of_order: HashMap<OrderId, Vec<TicketRecord>>,
    /// How many seats buyers own.
    pub owned: HashMap<(EventId, UserId), u32>,
}

impl Rows {
    /// The seat of that index.
    #[must_use]
    pub fn seat(&self, event: &EventId, index: u32) -> Option<&SeatRow> {
        self.seats.get(event)?.by_index.get(&index)
    }

    /// The seat of that name.
    #[must_use]
    pub fn seat_by_id(&self, event: &EventId, id: &SeatId) -> Option<&SeatRow> {
        let seats = self.seats.get(event)?;
        seats.by_index.get(seats.index_of.get(id)?)
    }

    /// Lays a seat on the desk, unless it is there.
    pub fn lay_seat(&mut self, event: EventId, row: SeatRow) {
        let seats = self.seats.entry(event).or_default();
        seats.index_of.insert(row.line.id.clone(), row.line.index);
        seats.by_index.entry(row.line.index).or_insert(row);
    }

    /// Lays an order on the desk; answers the one that it was.
    pub fn lay_order(&mut self, row: OrderRow) -> Option<OrderRow> {
        self.orders.file(row.order.id, row.order.parties.user, row)
    }

    /// Lays a session on the desk.
    pub fn lay_session(&mut self, session: SessionRecord) {
        self.sessions.file(session.id, session.user, session);
    }

    /// Lays a payment on the desk.
    pub fn lay_payment(&mut self, row: PaymentRow) {
        self.payments.file(row.record.key, row.record.order, row);
    }

    /// The user's unfinished order for the event.
    #[must_use]
    pub fn open_order(&self, event: &EventId, user: UserId) -> Option<&OrderRow> {
        self.orders.of(&user).find(|row| row.order.state.is_open() && row.order.parties.event == *event)
    }

    /// The user's live session for the event (W4).
    #[must_use]
    pub fn live_session(&self, event: &EventId, user: UserId) -> Option<&SessionRecord> {
        self.sessions.of(&user).find(|session| session.state.is_live() && session.event == *event)
    }

    /// The order's good authorization: how much, and the provider's reference to it.
    #[must_use]
    pub fn authorization(&self, order: OrderId) -> Option<(Money, ProviderReference)> {
        let payments = self.payments.of(&order);
        let authorizations = payments.filter(|row| row.record.operation == Operation::Authorize);
        let good = authorizations.filter_map(|row| match &row.record.state {
            PaymentState::Ok { reference } => Some((row.attempt, row.record.amount, reference)),
            _ => None,
        });
        good.max_by_key(|(attempt, ..)| *attempt).map(|(_, amount, reference)| (amount, reference.clone()))
    }

    /// The session by which an order came in, if the order still has it.
    #[must_use]
    pub fn ordering_session(&self, order: &Order) -> Option<&SessionRecord> {
        let session = self.sessions.get(&order.parties.session?)?;
        let is_its = session.state == SessionState::Ordering && session.inside.order == Some(order.id);
        is_its.then_some(session)
    }
}

impl Desk {
    /// The order in full.
    pub(super) fn record(&self, row: &OrderRow) -> Result<OrderRecord, StoreError> {
        let event = &row.order.parties.event;
        let line = |index: &u32| {
            let seat = self.rows.seat(event, *index);
            let seat = seat
                .ok_or_else(|| StoreError::failed(format_args!("{} has a seat that is not", row.order.id)))?;
            Ok(seat.line.clone())
        };
        let seats = row.seats.iter().map(line).collect::<Result<_, StoreError>>()?;
        let tickets = self.rows.tickets.of_order.get(&row.order.id).cloned().unwrap_or_default();
        Ok(OrderRecord { order: row.order.clone(), as_of: self.at, seats, tickets })
    }
}
