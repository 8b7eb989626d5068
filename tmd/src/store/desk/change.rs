//! What a batch changed, with what was read of every row: a write that finds another row than was read fails.

use std::collections::HashMap;

use tmcore::history::{Edge, Hash};
use tmcore::ledger::Posting;
use tmcore::order::OrderState;
use tmcore::payment::{Operation, ProviderKey};
use tmcore::seat::SeatState;
use tmcore::waiting_room::SessionState;
use tmcore::{EventId, OrderId, SessionId, TicketId};

use crate::ports::StoreError;
use crate::ports::order::TicketRecord;
use crate::ports::waiting_room::{Inside, SessionRecord};

use super::{ClaimChanges, Desk, OrderRow};

/// Everything to be written.
#[derive(Debug, Default)]
pub struct Changes {
    /// Keys.
    pub claims: ClaimChanges,
    /// Orders.
    pub orders: OrderChanges,
    /// Sessions.
    pub sessions: SessionChanges,
    /// Seats.
    pub seats: SeatChanges,
    /// Payments.
    pub payments: PaymentChanges,
    /// Tickets.
    pub tickets: TicketChanges,
    /// The books (M11).
    pub ledger: Vec<LedgerEntry>,
}

/// Orders that moved, and the edges they took.
#[derive(Debug, Default)]
pub struct OrderChanges {
    /// The state that was read; `None` of a new order.
    pub was: HashMap<OrderId, Option<OrderState>>,
    /// Every edge and its hash, in order.
    pub taken: Vec<(OrderId, Edge, Hash)>,
}

/// Rows that moved, and the edges they took.
#[derive(Debug)]
pub struct Edges<I, S> {
    /// The state that was read; `None` of a new row.
    pub was: HashMap<I, Option<S>>,
    /// Every edge, in order.
    pub taken: Vec<(I, Option<S>, S)>,
}

impl<I, S> Default for Edges<I, S> {
    fn default() -> Self {
        Self { was: HashMap::new(), taken: Vec::new() }
    }
}

/// Sessions that moved, and lines that grew.
#[derive(Debug, Default)]
pub struct SessionChanges {
    /// The sessions.
    pub edges: Edges<SessionId, SessionState>,
    /// The next places as they were read.
    pub next_places: HashMap<EventId, u64>,
}

/// Seats that changed hands.
#[derive(Debug, Default)]
pub struct SeatChanges {
    /// What was read: who had it, and the version.
    pub was: HashMap<EventId, HashMap<u32, (SeatState, i64)>>,
    /// The clocks as they were read.
    pub clocks: HashMap<EventId, i64>,
}

/// Payments that were written down or settled.
#[derive(Debug, Default)]
pub struct PaymentChanges {
    /// New ones.
    pub new: Vec<NewPayment>,
    /// Those with a definite outcome now.
    pub settled: Vec<ProviderKey>,
    /// Those nobody knows more of now; to be asked about again later (M6).
    pub put_off: Vec<ProviderKey>,
}

/// A payment to be written down as sent.
#[derive(Clone, Copy, Debug)]
pub struct NewPayment {
    /// Its key; the rest is on the desk.
    pub key: ProviderKey,
    /// How long whoever writes it down has to send it before the resolver does.
    pub lease_seconds: u32,
}

impl NewPayment {
    /// A buyer waits for the first two, so their request sends them; the others are anybody's, now.
    pub(super) const fn of(key: ProviderKey, operation: Operation, send_lease_seconds: u32) -> Self {
        let lease_seconds = match operation {
            Operation::Authorize | Operation::Capture => send_lease_seconds,
            Operation::Void | Operation::Refund => 0,
        };
        Self { key, lease_seconds }
    }
}

/// Tickets issued and ended.
#[derive(Debug, Default)]
pub struct TicketChanges {
    /// Issued.
    pub new: Vec<TicketRecord>,
    /// Ended.
    pub ended: Vec<TicketId>,
}

/// A line of the books, and the payment it is about.
#[derive(Clone, Copy, Debug)]
pub struct LedgerEntry {
    /// The payment.
    pub key: ProviderKey,
    /// Its order.
    pub order: OrderId,
    /// The line.
    pub posting: Posting,
}

impl Desk {
    /// Writes an order over what it was; `through` is the state on the way when it took two edges.
    pub(super) fn write_order(&mut self, mut row: OrderRow, through: Option<OrderState>) {
        let (id, to) = (row.order.id, row.order.state);
        let from = self.rows.orders.get(&id).map(|before| before.order.state);
        self.changes.orders.was.entry(id).or_insert(from);
        let mut state = from;
        for next in through.into_iter().chain([to]) {
            if state != Some(next) {
                let (edge, hash) = row.history.append(id, (state, next), self.at);
                self.changes.orders.taken.push((id, edge, hash));
            }
            state = Some(next);
        }
        self.rows.lay_order(row);
    }

    /// Gives a seat to somebody.
    pub(super) fn write_seat(&mut self, event: &EventId, index: u32, state: SeatState) {
        let seat = self.rows.seats.get_mut(event).and_then(|seats| seats.by_index.get_mut(&index));
        let Some(seat) = seat else { return };
        let was = self.changes.seats.was.entry(event.clone()).or_default();
        was.entry(index).or_insert((seat.state, seat.version));
        if let SeatState::Held { fence, .. } = state {
            seat.version = fence.0;
        }
        seat.state = state;
    }

    /// The next number of the event's clock of seat changes: the version of what is shown, and a fence (S7).
    pub(super) fn tick(&mut self, event: &EventId) {
        if let Some(row) = self.rows.sales.get_mut(event) {
            self.changes.seats.clocks.entry(event.clone()).or_insert(row.clock);
            row.clock += 1;
        }
    }

    /// Moves a session along.
    pub(super) fn advance(
        &mut self,
        session: SessionId,
        to: SessionState,
        inside: Inside,
    ) -> Result<SessionRecord, StoreError> {
        let found = self.rows.sessions.get_mut(&session).filter(|found| found.state.may_become(to));
        let Some(found) = found else {
            return Err(StoreError::failed(format_args!("{session} cannot become {to:?}")));
        };
        let from = found.state;
        (found.state, found.inside) = (to, inside);
        self.changes.sessions.edges.was.entry(session).or_insert(Some(from));
        self.changes.sessions.edges.taken.push((session, Some(from), to));
        Ok(found.clone())
    }
}
