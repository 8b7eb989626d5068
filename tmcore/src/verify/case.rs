//! What the rules look at, as a store reads it. All of a case is of one instant.

use crate::history::{Edge, Hash, Head};
use crate::ledger::Posting;
use crate::order::{Order, OrderState};
use crate::payment::{Operation, PaymentState, ProviderKey, ProviderReference};
use crate::seat::{Fence, SeatState};
use crate::waiting_room::SessionState;
use crate::{EventId, Money, OrderId, SeatId, SessionId, TicketId, Timestamp, UserId};

/// One case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Case {
    /// An event and its counters.
    Event(EventCase),
    /// A seat and its tickets.
    Seat(SeatCase),
    /// An order and all that belongs to it.
    Order(Box<OrderCase>),
    /// A session and its order.
    Session(SessionCase),
    /// Somebody was let in.
    Admission(AdmissionCase),
    /// An idempotency key.
    Key(KeyCase),
}

/// An order and all that belongs to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OrderCase {
    /// The order.
    pub order: Order,
    /// The seats on its list.
    pub hold: Hold,
    /// Its tickets, also those that are worth nothing any more.
    pub tickets: Vec<TicketLine>,
    /// What was asked of the provider for it.
    pub payments: Vec<PaymentLine>,
    /// Its lines in the books.
    pub books: Vec<(ProviderKey, Posting)>,
    /// How it came in.
    pub admission: Admission,
    /// What it went through.
    pub history: History,
}

/// How an order came in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Admission {
    /// Whether its event was sold by the waiting room alone when the order was begun.
    pub is_needed: bool,
    /// The session that the order names: whose, for which event, in which state, with which order.
    pub session: Option<(UserId, EventId, SessionState, Option<OrderId>)>,
}

/// What an order went through.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct History {
    /// What the order itself says.
    pub head: Head,
    /// Every edge and its hash, by number.
    pub edges: Vec<(Edge, Option<Hash>)>,
}

/// The seats on an order's list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hold {
    /// The number of the hold.
    pub fence: Fence,
    /// Each seat and who has it; `None` when the event has no such seat.
    pub seats: Vec<(u32, Option<SeatState>)>,
}

/// A ticket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TicketLine {
    /// Its id.
    pub id: TicketId,
    /// The event and seat it is for.
    pub seat: (EventId, u32),
    /// Whose it is.
    pub user: UserId,
    /// Whether it opens a door.
    pub is_valid: bool,
    /// When it was issued.
    pub issued_at: Timestamp,
}

/// A payment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PaymentLine {
    /// Its name, here and at the provider.
    pub key: ProviderKey,
    /// What was asked.
    pub operation: Operation,
    /// Where it stands.
    pub state: PaymentState,
    /// How much.
    pub amount: Money,
    /// The authorization it acts on.
    pub against: Option<ProviderReference>,
    /// When it was written down.
    pub created_at: Timestamp,
}

/// What the payments of an order came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Paid {
    /// Minor units captured.
    pub captured: i128,
    /// Minor units given back.
    pub refunded: i128,
}

impl OrderCase {
    /// The payments of a kind.
    pub fn asked(&self, operation: Operation) -> impl Iterator<Item = &PaymentLine> {
        self.payments.iter().filter(move |payment| payment.operation == operation)
    }

    /// Those of them that went well.
    pub fn done(&self, operation: Operation) -> impl Iterator<Item = &PaymentLine> {
        self.asked(operation).filter(|payment| matches!(payment.state, PaymentState::Ok { .. }))
    }

    /// The tickets that open a door.
    pub fn valid_tickets(&self) -> impl Iterator<Item = &TicketLine> {
        self.tickets.iter().filter(|ticket| ticket.is_valid)
    }

    /// What was captured, and what was given back.
    #[must_use]
    pub fn paid(&self) -> Paid {
        let sum = |operation| self.done(operation).map(|payment| i128::from(payment.amount.amount)).sum();
        Paid { captured: sum(Operation::Capture), refunded: sum(Operation::Refund) }
    }
}

/// The order that a seat or a session names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OrderEnd {
    /// Where it stands.
    pub state: OrderState,
    /// The event it is for.
    pub event: EventId,
    /// Its session.
    pub session: Option<SessionId>,
    /// The seats on its list.
    pub seats: Vec<u32>,
}

/// A seat and its tickets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SeatCase {
    /// The event.
    pub event: EventId,
    /// The seat.
    pub seat: SeatId,
    /// Its index.
    pub index: u32,
    /// Who has it.
    pub state: SeatState,
    /// The order that has it, if there is one of that name.
    pub order: Option<OrderEnd>,
    /// Its valid tickets, and whose order each is of.
    pub tickets: Vec<(TicketId, OrderId)>,
}

/// Seats of one price.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LevelCase {
    /// The price level.
    pub name: String,
    /// What the counter says.
    pub counter: u64,
    /// How many there are.
    pub seats: u64,
}

/// An event and its counters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventCase {
    /// The event.
    pub event: EventId,
    /// The highest capacity it had: who is inside stays when it is lowered.
    pub capacity: u64,
    /// How many are inside.
    pub inside: u64,
    /// The best place of those who wait, and the worst of those inside.
    pub line: (Option<u64>, Option<u64>),
    /// The place that whoever joins next gets, and the worst place that somebody has.
    pub next_place: (u64, Option<u64>),
    /// The number of the last change of seats, and the greatest number that a seat has.
    pub clock: (i64, i64),
    /// Seats by price, and by section as the plan has them together.
    pub seats: (Vec<LevelCase>, u64),
}

/// A session and its order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionCase {
    /// The session.
    pub session: SessionId,
    /// Where it stands.
    pub state: SessionState,
    /// Until when an order may be begun.
    pub deadline: Option<Timestamp>,
    /// The order that it names, if there is one of that name.
    pub order: Option<OrderEnd>,
}

/// Somebody was let in. These come in the order in which they were.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AdmissionCase {
    /// Who.
    pub session: SessionId,
    /// The event.
    pub event: EventId,
    /// The place in line.
    pub place: u64,
}

/// An idempotency key; its text is the buyer's, and not told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyCase {
    /// Whose it is.
    pub user: UserId,
    /// When its lease ends; `None` once it is answered.
    pub lease_until: Option<Timestamp>,
    /// Whether it is a booking's: the office goes on with those.
    pub is_booking: bool,
    /// Whether an answer is kept under it.
    pub is_answered: bool,
    /// The order it works on.
    pub order: Option<OrderId>,
}
