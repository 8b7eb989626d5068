//! Cases that nothing is wrong with, for the tests to spoil.

use proptest::prelude::*;
use uuid::Uuid;

use super::*;
use crate::history::Head;
use crate::ledger::postings;
use crate::money::Currency;
use crate::order::{CardTries, Order, OrderParties, OrderState};
use crate::payment::{Operation, PaymentState, ProviderKey, ProviderReference};
use crate::seat::{Fence, SeatState};
use crate::waiting_room::SessionState;
use crate::{Money, OrderId, SessionId, TicketId, UserId};

pub const NOW: Timestamp = Timestamp::from_millis(1_800_000_000_000);

pub fn at(seconds: i64) -> Timestamp {
    Timestamp::from_millis(NOW.as_millis() + seconds * 1_000)
}

pub fn event() -> EventId {
    "E1".parse().unwrap()
}

pub fn order_id(n: u128) -> OrderId {
    OrderId::from_uuid(Uuid::from_u128(n))
}

pub fn ticket_id(n: u128) -> TicketId {
    TicketId::from_uuid(Uuid::from_u128(n))
}

pub fn session_id() -> SessionId {
    SessionId::from_uuid(Uuid::from_u128(3))
}

pub fn user() -> UserId {
    UserId::from_uuid(Uuid::from_u128(7))
}

pub fn money(amount: i64) -> Money {
    Money::new(amount, Currency::EUR)
}

pub fn reference(text: &str) -> ProviderReference {
    text.parse().unwrap()
}

pub fn ok(text: &str) -> PaymentState {
    PaymentState::Ok { reference: reference(text) }
}

pub fn payment(operation: Operation, state: PaymentState, amount: i64) -> PaymentLine {
    PaymentLine {
        key: ProviderKey::derive(order_id(1), operation, 1),
        operation,
        state,
        amount: money(amount),
        against: (operation != Operation::Authorize).then(|| reference("auth")),
        created_at: at(-10),
    }
}

/// What was asked of the provider for an order in a state.
fn payments(state: OrderState, total: i64) -> Vec<PaymentLine> {
    let line = |operation, state| payment(operation, state, total);
    let authorized = || line(Operation::Authorize, ok("auth"));
    let captured = || line(Operation::Capture, ok("cap"));
    match state {
        OrderState::Pending => Vec::new(),
        OrderState::Authorizing => vec![line(Operation::Authorize, PaymentState::Sent)],
        OrderState::Authorized => vec![authorized()],
        OrderState::Capturing => vec![authorized(), line(Operation::Capture, PaymentState::Unknown)],
        OrderState::Finalized => vec![authorized(), captured()],
        OrderState::Refunding => {
            vec![authorized(), captured(), line(Operation::Refund, PaymentState::Sent)]
        }
        OrderState::Refunded => vec![authorized(), captured(), line(Operation::Refund, ok("ref"))],
        OrderState::Expired | OrderState::Cancelled => vec![authorized(), line(Operation::Void, ok("void"))],
        OrderState::Failed => {
            let refused = PaymentState::Declined { reason: "no".into() };
            let void = line(Operation::Void, PaymentState::Intent);
            vec![authorized(), line(Operation::Capture, refused), void]
        }
    }
}

fn seat(state: OrderState, index: u32) -> SeatState {
    let (order, fence) = (order_id(1), Fence(5));
    match state {
        OrderState::Pending | OrderState::Authorizing | OrderState::Authorized => {
            SeatState::Held { order, until: at(60), fence }
        }
        OrderState::Capturing => SeatState::Pinned { order, fence },
        OrderState::Finalized => SeatState::Sold { order, ticket: ticket_id(index.into()) },
        _ if index.is_multiple_of(2) => SeatState::Available,
        _ => SeatState::Held { order: order_id(2), until: at(60), fence: Fence(6) },
    }
}

/// The shortest way to a state.
fn history(state: OrderState) -> History {
    use OrderState as S;
    let way: &[S] = match state {
        S::Pending => &[],
        S::Authorizing => &[S::Authorizing],
        S::Authorized => &[S::Authorizing, S::Authorized],
        S::Capturing => &[S::Authorizing, S::Authorized, S::Capturing],
        S::Finalized => &[S::Authorizing, S::Authorized, S::Capturing, S::Finalized],
        S::Refunding => &[S::Authorizing, S::Authorized, S::Capturing, S::Finalized, S::Refunding],
        S::Refunded => {
            &[S::Authorizing, S::Authorized, S::Capturing, S::Finalized, S::Refunding, S::Refunded]
        }
        S::Expired | S::Cancelled => &[S::Authorizing, S::Authorized, state],
        S::Failed => &[S::Authorizing, S::Authorized, S::Capturing, S::Failed],
    };
    let (mut head, mut edges, mut from) = (Head::default(), Vec::new(), None);
    for (seconds, to) in (0..).zip([S::Pending].iter().chain(way)) {
        let (edge, hash) = head.append(order_id(1), (from, *to), at(seconds - 10));
        edges.push((edge, Some(hash)));
        from = Some(*to);
    }
    History { head, edges }
}

/// An order in a state, with so many seats at a price.
pub fn order(state: OrderState, seats: u32, price: i64, by_session: bool) -> OrderCase {
    let total = price * i64::from(seats);
    let payments = payments(state, total);
    let booked = payments.iter().filter(|payment| matches!(payment.state, PaymentState::Ok { .. }));
    let books = booked.flat_map(|payment| {
        postings(payment.operation, payment.amount).into_iter().map(|posting| (payment.key, posting))
    });
    let has_tickets = matches!(state, OrderState::Finalized | OrderState::Refunding | OrderState::Refunded);
    let tickets = (0..seats).filter(|_| has_tickets).map(|index| TicketLine {
        id: ticket_id(index.into()),
        seat: (event(), index),
        user: user(),
        is_valid: state == OrderState::Finalized,
        issued_at: at(-8),
    });
    let within = if state.is_open() { SessionState::Ordering } else { SessionState::Done };
    OrderCase {
        order: Order {
            id: order_id(1),
            parties: OrderParties { user: user(), event: event(), session: by_session.then(session_id) },
            state,
            expires_at: at(60),
            created_at: at(-20),
            total: money(total),
            cards: CardTries { attempts: 1, declines: 0 },
        },
        hold: Hold {
            fence: Fence(5),
            seats: (0..seats).map(|index| (index, Some(seat(state, index)))).collect(),
        },
        tickets: tickets.collect(),
        books: books.collect(),
        payments,
        admission: Admission {
            is_needed: by_session,
            session: by_session.then(|| (user(), event(), within, Some(order_id(1)))),
        },
        history: history(state),
    }
}

/// Any order that nothing is wrong with.
pub fn good_order() -> impl Strategy<Value = OrderCase> {
    (0..OrderState::ALL.len(), 1..5_u32, 0..9_000_i64, any::<bool>())
        .prop_map(|(state, seats, price, by_session)| order(OrderState::ALL[state], seats, price, by_session))
}

pub fn sold_seat() -> SeatCase {
    SeatCase {
        event: event(),
        seat: "A-1".parse().unwrap(),
        index: 0,
        state: SeatState::Sold { order: order_id(1), ticket: ticket_id(0) },
        order: Some(end(OrderState::Finalized)),
        tickets: vec![(ticket_id(0), order_id(1))],
    }
}

pub fn end(state: OrderState) -> OrderEnd {
    OrderEnd { state, event: event(), session: Some(session_id()), seats: vec![0, 1] }
}

pub fn event_case(inside: u64, capacity: u64) -> EventCase {
    EventCase {
        event: event(),
        capacity,
        inside,
        line: (Some(inside + 1), inside.checked_sub(1)),
        next_place: (inside + 9, Some(inside + 8)),
        clock: (9, 9),
        seats: (vec![LevelCase { name: "Front".into(), counter: 30, seats: 30 }], 30),
    }
}
