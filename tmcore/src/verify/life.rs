//! The life of one thing, told from what is on record, oldest first.

use serde::{Deserialize, Serialize};

use super::{OrderCase, SeatCase};
use crate::payment::PaymentState;
use crate::seat::SeatState;
use crate::waiting_room::SessionState;
use crate::{EventId, OrderId, SeatId, SessionId, Timestamp, UserId};

/// What the life is asked of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Subject {
    /// An order.
    Order(OrderId),
    /// A buyer: sessions and orders.
    User(UserId),
    /// A seat of an event: every order that had it on its list.
    Seat(EventId, SeatId),
}

/// A session and every edge it took.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionLife {
    /// The session.
    pub session: SessionId,
    /// Its event.
    pub event: EventId,
    /// The place in line; `None` in the lobby.
    pub place: Option<u64>,
    /// The edges, oldest first.
    pub edges: Vec<(Option<SessionState>, SessionState, Timestamp)>,
}

/// What is on record of a subject.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Record {
    /// The seat, if it is one.
    pub seat: Option<SeatCase>,
    /// Orders.
    pub orders: Vec<OrderCase>,
    /// Sessions.
    pub sessions: Vec<SessionLife>,
}

/// Something that happened.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Happening {
    /// When, by the store's clock.
    pub at: Timestamp,
    /// The id of what it happened to.
    pub about: String,
    /// What, in a few words.
    pub said: String,
}

/// Everything that happened, oldest first; of one instant in the order in which it was written.
#[must_use]
pub fn tell(record: &Record) -> Vec<Happening> {
    let mut all = Vec::new();
    for session in &record.sessions {
        let place = session.place.map_or_else(|| "in the lobby".to_owned(), |place| format!("place {place}"));
        let event = &session.event;
        all.extend(session.edges.iter().map(|(from, to, at)| {
            let from = from.map_or("begins", SessionState::as_str);
            told(*at, &session.session, format!("{from} -> {} ({event}, {place})", to.as_str()))
        }));
    }
    for case in &record.orders {
        of_order(case, &mut all);
    }
    all.sort_by_key(|happening| happening.at);
    all
}

/// How the subject stands now, in a sentence.
#[must_use]
pub fn stands(record: &Record) -> Option<String> {
    if let Some(seat) = &record.seat {
        let is = match seat.state {
            SeatState::Available => "free".to_owned(),
            SeatState::Blocked => "kept back by the organiser".to_owned(),
            SeatState::Held { order, until, .. } => format!("held by {order} until {until}"),
            SeatState::Pinned { order, .. } => format!("pinned by {order}, which is being paid"),
            SeatState::Sold { order, ticket } => format!("sold to {order} with {ticket}"),
        };
        return Some(format!("{} of {} is {is}", seat.seat, seat.event));
    }
    let [case] = &record.orders[..] else { return None };
    let (order, tickets) = (&case.order, case.valid_tickets().count());
    let (state, seats) = (order.state.as_str(), case.hold.seats.len());
    Some(format!("{} is {state}: {seats} seats, {}, {tickets} valid tickets", order.id, order.total))
}

fn told(at: Timestamp, about: &impl ToString, said: String) -> Happening {
    Happening { at, about: about.to_string(), said }
}

fn of_order(case: &OrderCase, all: &mut Vec<Happening>) {
    let (id, parties) = (case.order.id, &case.order.parties);
    all.extend(case.history.edges.iter().map(|(edge, hash)| {
        let hashed = if hash.is_some() { "" } else { " (older than hashes)" };
        let said = match edge.from {
            None => format!("begins for {} of {}: {}{hashed}", parties.user, parties.event, edge.to.as_str()),
            Some(from) => format!("{} -> {}{hashed}", from.as_str(), edge.to.as_str()),
        };
        told(edge.at, &id, said)
    }));
    all.extend(case.payments.iter().map(|payment| {
        let (operation, amount) = (payment.operation.as_str(), payment.amount);
        let came = match &payment.state {
            PaymentState::Ok { reference } => format!("OK, {}", reference.as_str()),
            PaymentState::Declined { reason } => format!("DECLINED, {}", reason.as_str()),
            other => other.as_str().to_owned(),
        };
        told(payment.created_at, &id, format!("{operation} of {amount} asked for; now {came}"))
    }));
    all.extend(case.tickets.iter().map(|ticket| {
        let worth = if ticket.is_valid { "valid" } else { "ended since" };
        told(ticket.issued_at, &ticket.id, format!("issued for seat {} of {id}; {worth}", ticket.seat.1))
    }));
}

#[cfg(test)]
mod tests {
    use super::super::sample::{at, order, session_id, sold_seat};
    use super::*;
    use crate::order::OrderState;

    #[test]
    fn a_life_is_told_oldest_first_with_everything_that_happened() {
        let edges = vec![
            (None, SessionState::Waiting, at(-40)),
            (Some(SessionState::Waiting), SessionState::Active, at(-30)),
        ];
        let event = super::super::sample::event();
        let session = SessionLife { session: session_id(), event, place: Some(4), edges };
        let case = order(OrderState::Refunded, 2, 10, true);
        let things = case.history.edges.len() + case.payments.len() + case.tickets.len() + 2;
        let record = Record { seat: None, orders: vec![case], sessions: vec![session] };
        let told = tell(&record);
        assert_eq!(told.len(), things);
        assert!(told.is_sorted_by_key(|happening| happening.at));
        assert_eq!(told[0].said, "begins -> WAITING (E1, place 4)");
        assert!(told.last().unwrap().said.contains("REFUNDING -> REFUNDED"), "{told:?}");
        assert!(stands(&record).unwrap().contains("is REFUNDED"));
        let seat = Record { seat: Some(sold_seat()), ..Record::default() };
        assert!(stands(&seat).unwrap().contains("A-1 of E1 is sold to ord_"));
    }
}
