//! What later commands need of earlier ones: guests' tokens, and the ids last spoken of.

use serde::{Deserialize, Serialize};
use tmcore::{EventId, OrderId, SeatId, SessionId, TicketId};

use super::{Home, ProfileError};

/// How many things of a kind are remembered; the oldest are forgotten first.
const MOST_REMEMBERED: usize = 1000;

/// What is meant by an argument that is left out, or by `@last`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Last {
    /// The event last spoken of.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub event: Option<EventId>,
    /// The place in line last spoken of.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub session: Option<SessionId>,
    /// The order last spoken of.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub order: Option<OrderId>,
    /// The seats last picked.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub seats: Vec<SeatId>,
    /// The tickets last bought.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tickets: Vec<TicketId>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Guest {
    event: EventId,
    token: String,
}

/// A session, order or ticket and its event, by which its token is found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Made {
    id: String,
    event: EventId,
}

/// What is kept of a context.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct State {
    /// The ids last spoken of.
    pub last: Last,
    guests: Vec<Guest>,
    made: Vec<Made>,
}

impl State {
    fn file(slot: &str) -> String {
        format!("state/{slot}.json")
    }

    pub(super) fn read(home: &Home, slot: &str) -> Result<Self, ProfileError> {
        let file = Self::file(slot);
        let Some(text) = home.read(&file)? else { return Ok(Self::default()) };
        serde_json::from_str(&text).map_err(|e| home.malformed(&file, &e))
    }

    pub(super) fn update(
        home: &Home,
        slot: &str,
        change: impl FnOnce(&mut Self),
    ) -> Result<(), ProfileError> {
        let file = Self::file(slot);
        let _turn = home.lock(&file)?;
        let mut state = Self::read(home, slot)?;
        let before = state.clone();
        change(&mut state);
        if state == before {
            return Ok(());
        }
        let text = serde_json::to_string_pretty(&state).map_err(|e| home.malformed(&file, &e))?;
        home.write(&file, &text)
    }

    /// The guest's token for an event.
    #[must_use]
    pub fn guest_token(&self, event: &EventId) -> Option<&str> {
        self.guests.iter().find(|guest| guest.event == *event).map(|guest| guest.token.as_str())
    }

    /// Keeps a guest's token, in the place of the one before.
    pub fn keep_guest(&mut self, event: &EventId, token: String) {
        self.forget_guest(event);
        self.guests.push(Guest { event: event.clone(), token });
        keep_newest(&mut self.guests);
    }

    /// Forgets a guest's token.
    pub fn forget_guest(&mut self, event: &EventId) {
        self.guests.retain(|guest| guest.event != *event);
    }

    /// How many guests' tokens are kept.
    #[must_use]
    pub fn guests(&self) -> usize {
        self.guests.len()
    }

    /// The event of a session, order or ticket that was spoken of before.
    #[must_use]
    pub fn event_of(&self, id: &str) -> Option<&EventId> {
        self.made.iter().find(|made| made.id == id).map(|made| &made.event)
    }

    /// Speaks of an event.
    pub fn saw_event(&mut self, event: &EventId) {
        if self.last.event.as_ref() != Some(event) {
            // Seats of another event would be nonsense.
            self.last.seats.clear();
            self.last.event = Some(event.clone());
        }
    }

    /// Speaks of a place in line.
    pub fn saw_session(&mut self, session: SessionId, event: &EventId) {
        self.saw_event(event);
        self.remember(session.to_string(), event);
        self.last.session = Some(session);
    }

    /// Speaks of an order.
    pub fn saw_order(&mut self, order: OrderId, event: &EventId) {
        self.saw_event(event);
        self.remember(order.to_string(), event);
        self.last.order = Some(order);
    }

    /// Speaks of tickets of one event.
    pub fn saw_tickets(&mut self, tickets: &[TicketId], event: &EventId) {
        for ticket in tickets {
            self.remember(ticket.to_string(), event);
        }
        self.last.tickets = tickets.to_vec();
    }

    fn remember(&mut self, id: String, event: &EventId) {
        if self.made.iter().any(|made| made.id == id) {
            return;
        }
        self.made.push(Made { id, event: event.clone() });
        keep_newest(&mut self.made);
    }
}

fn keep_newest<T>(things: &mut Vec<T>) {
    let too_many = things.len().saturating_sub(MOST_REMEMBERED);
    things.drain(..too_many);
}
