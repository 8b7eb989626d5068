//! Facts as they travel: a message holds those that one process published together.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};
use tmcore::waiting_room::SessionState;
use tmcore::{EventId, OrderId, SessionId, Timestamp, UserId};

use crate::ports::bus::Fact;
use crate::ports::waiting_room::{Inside, Place, SessionRecord};

/// Processes that are remembered; with more, everything counts as missed once.
const MAX_ORIGINS: usize = 256;

/// One message.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Message {
    /// The process that published it, by a name it has until it ends.
    #[serde(rename = "o")]
    pub origin: String,
    /// Which of its messages it is, counting those that were lost.
    #[serde(rename = "n")]
    pub number: u64,
    #[serde(rename = "f")]
    pub facts: Vec<Told>,
}

/// A fact, short.
#[derive(Debug, Serialize, Deserialize)]
pub(super) enum Told {
    #[serde(rename = "s")]
    Seats(EventId),
    #[serde(rename = "e")]
    Event(EventId),
    #[serde(rename = "r")]
    Room(u64, Vec<Moved>),
}

/// Session, event, user, state, place in line, joined at, deadline, order.
type Moved =
    (SessionId, EventId, UserId, SessionState, Option<u64>, Timestamp, Option<Timestamp>, Option<OrderId>);

impl Told {
    /// How a fact travels; that something was missed does not, nor what nobody listens for.
    pub fn new(fact: &Fact) -> Option<Self> {
        Some(match fact {
            Fact::SeatsChanged(event) => Self::Seats(event.clone()),
            Fact::EventChanged(event) => Self::Event(event.clone()),
            Fact::SessionsMoved { records, admitted } => {
                Self::Room(*admitted, records.iter().map(shorten).collect())
            }
            Fact::HoldMoved { .. } | Fact::Missed => return None,
        })
    }

    pub fn into_fact(self) -> Fact {
        match self {
            Self::Seats(event) => Fact::SeatsChanged(event),
            Self::Event(event) => Fact::EventChanged(event),
            Self::Room(admitted, moved) => {
                Fact::SessionsMoved { records: moved.into_iter().map(lengthen).collect(), admitted }
            }
        }
    }
}

fn shorten(record: &SessionRecord) -> Moved {
    let place = match record.place {
        Place::Lobby => None,
        Place::Line(place) => Some(place),
    };
    let Inside { deadline, order } = record.inside;
    (record.id, record.event.clone(), record.user, record.state, place, record.joined_at, deadline, order)
}

fn lengthen((id, event, user, state, place, joined_at, deadline, order): Moved) -> SessionRecord {
    let place = place.map_or(Place::Lobby, Place::Line);
    SessionRecord { id, event, user, state, place, joined_at, inside: Inside { deadline, order } }
}

/// What was heard last of whom.
#[derive(Debug, Default)]
pub(super) struct Heard {
    numbers: HashMap<String, u64>,
}

impl Heard {
    /// Notes a message; answers whether one before it was missed.
    pub fn note(&mut self, message: &Message) -> bool {
        let is_full = self.numbers.len() >= MAX_ORIGINS && !self.numbers.contains_key(&message.origin);
        if is_full {
            self.numbers.clear();
        }
        let before = self.numbers.insert(message.origin.clone(), message.number);
        // Of a process that is heard for the first time nothing was heard before.
        is_full
            || before.is_some_and(|before| message.number != before + 1)
            || (before.is_none() && message.number > 1)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use uuid::Uuid;

    use super::*;

    fn message(origin: &str, number: u64) -> Message {
        Message { origin: origin.to_owned(), number, facts: Vec::new() }
    }

    #[test]
    fn a_gap_is_noticed_once_and_only_in_whose_messages_it_is() {
        let mut heard = Heard::default();
        let missed = [("a", 1), ("b", 1), ("a", 2), ("a", 4), ("b", 2), ("a", 5), ("c", 7), ("c", 8)]
            .map(|(origin, number)| heard.note(&message(origin, number)));
        assert_eq!(missed, [false, false, false, true, false, false, true, false]);
    }

    #[test]
    fn processes_that_come_and_go_are_forgotten() {
        let mut heard = Heard::default();
        let missed = (0..1_000).filter(|n| heard.note(&message(&n.to_string(), 1))).count();
        assert!(heard.numbers.len() <= MAX_ORIGINS && missed == 3, "{missed}");
    }

    fn record() -> impl Strategy<Value = SessionRecord> {
        let state = proptest::sample::select(&SessionState::ALL[..]);
        let place = proptest::option::of(any::<u64>());
        (any::<u128>(), state, place, 0..2_000_000_000_000_i64, proptest::option::of(any::<u128>())).prop_map(
            |(id, state, place, at, order)| SessionRecord {
                id: SessionId::from_uuid(Uuid::from_u128(id)),
                event: "E1".parse().expect("an id"),
                user: UserId::from_uuid(Uuid::from_u128(id ^ 1)),
                state,
                place: place.map_or(Place::Lobby, Place::Line),
                joined_at: Timestamp::from_millis(at),
                inside: Inside {
                    deadline: order.map(|_| Timestamp::from_millis(at + 1)),
                    order: order.map(|order| OrderId::from_uuid(Uuid::from_u128(order))),
                },
            },
        )
    }

    proptest! {
        #[test]
        fn a_fact_arrives_as_it_was_sent(records in proptest::collection::vec(record(), 0..20), admitted: u64) {
            let fact = Fact::SessionsMoved { records: records.into(), admitted };
            let sent = serde_json::to_string(&Told::new(&fact).expect("it travels")).expect("JSON");
            let arrived: Told = serde_json::from_str(&sent).expect("what was sent");
            prop_assert_eq!(arrived.into_fact(), fact);
        }
    }
}
