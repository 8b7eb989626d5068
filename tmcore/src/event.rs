//! Events: where their sale stands, and the rules of it.

use serde::{Deserialize, Serialize};

use crate::{EventId, Timestamp};

/// Where the sale of an event stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum SaleState {
    /// Not begun.
    Scheduled,
    /// On.
    Open,
    /// Held: nobody is let in, those inside go on.
    Paused,
    /// Over.
    Closed,
}

/// What an organiser does to a sale.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SaleAction {
    /// Begin it now.
    Open,
    /// Let nobody in for now.
    Pause,
    /// Let buyers in again.
    Resume,
    /// End it.
    Close,
}

impl SaleState {
    /// Every state.
    pub const ALL: [Self; 4] = [Self::Scheduled, Self::Open, Self::Paused, Self::Closed];

    /// Its name in the store and on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Scheduled => "SCHEDULED",
            Self::Open => "OPEN",
            Self::Paused => "PAUSED",
            Self::Closed => "CLOSED",
        }
    }

    /// The state of a name, if there is one.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == name)
    }

    /// The state after an action; `None` where the action makes no sense. Doing again what is done changes nothing.
    #[must_use]
    pub const fn after(self, action: SaleAction) -> Option<Self> {
        match (self, action) {
            (Self::Scheduled | Self::Open, SaleAction::Open)
            | (Self::Paused | Self::Open, SaleAction::Resume) => Some(Self::Open),
            (Self::Open | Self::Paused, SaleAction::Pause) => Some(Self::Paused),
            (_, SaleAction::Close) => Some(Self::Closed),
            _ => None,
        }
    }
}

/// The rules of an event's sale. All bounds are the event's own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SaleRules {
    /// Whether buyers queue.
    pub waiting_room: bool,
    /// Who is let in.
    pub gate: crate::waiting_room::GateLimits,
    /// After how long without a sign of life a place in line lapses.
    pub lapse_seconds: u32,
    /// How long one may be inside without an order.
    pub active_seconds: u32,
    /// How long before the sale begins its lobby opens.
    pub lobby_seconds: u32,
    /// How long an order may take.
    pub hold_ttl_seconds: u32,
    /// How many seats one may have.
    pub seats: SeatLimits,
}

/// How many seats one may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SeatLimits {
    /// In one order.
    pub per_order: u32,
    /// Over all orders for the event.
    pub per_buyer: u32,
}

/// A rule out of its range.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{field} must be from {min} to {max}")]
pub struct RuleError {
    /// The field's name on the wire.
    pub field: &'static str,
    /// The smallest value.
    pub min: u32,
    /// The largest.
    pub max: u32,
}

const DAY_SECONDS: u32 = 86_400;

impl SaleRules {
    /// Checks every rule's range.
    ///
    /// # Errors
    /// The first rule out of range.
    pub fn check(&self) -> Result<(), RuleError> {
        within("capacity", self.gate.capacity, 0, 10_000_000)?;
        within("admissionsPerMinute", self.gate.admissions_per_minute, 1, 1_000_000)?;
        within("lapseSeconds", self.lapse_seconds, 3, DAY_SECONDS)?;
        within("activeSeconds", self.active_seconds, 1, DAY_SECONDS)?;
        within("lobbySeconds", self.lobby_seconds, 0, 7 * DAY_SECONDS)?;
        within("holdTtlSeconds", self.hold_ttl_seconds, 1, DAY_SECONDS)?;
        within("seatsPerOrder", self.seats.per_order, 1, 100)?;
        within("seatsPerBuyer", self.seats.per_buyer, self.seats.per_order, 10_000)
    }
}

const fn within(field: &'static str, value: u32, min: u32, max: u32) -> Result<(), RuleError> {
    if value < min || value > max { Err(RuleError { field, min, max }) } else { Ok(()) }
}

/// An event's sale: what decides whether somebody may join or buy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sale {
    /// The event.
    pub event: EventId,
    /// Where it stands.
    pub state: SaleState,
    /// When it begins by itself; `None` waits for the organiser.
    pub starts_at: Option<Timestamp>,
    /// Its rules.
    pub rules: SaleRules,
}

/// How somebody may come in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Entry {
    /// To the end of the line.
    Line,
    /// To the lobby: places are drawn when the sale begins.
    Lobby,
}

/// Why nobody may come in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EntryRefusal {
    /// The sale has not begun, nor has its lobby opened.
    #[error("the sale has not begun")]
    NotOnSale,
    /// The sale is over.
    #[error("the sale is over")]
    Over,
}

impl Sale {
    /// When the lobby opens, if the sale begins by itself.
    #[must_use]
    pub fn lobby_opens_at(&self) -> Option<Timestamp> {
        let before = i64::from(self.rules.lobby_seconds) * 1_000;
        self.starts_at.map(|at| Timestamp::from_millis(at.as_millis() - before))
    }

    /// Whether it is time to begin by itself.
    #[must_use]
    pub fn is_due(&self, now: Timestamp) -> bool {
        self.state == SaleState::Scheduled && self.starts_at.is_some_and(|at| at <= now)
    }

    /// Where somebody who comes at `now` is put.
    ///
    /// # Errors
    /// [`EntryRefusal`] before the lobby opens and after the sale.
    pub fn enter(&self, now: Timestamp) -> Result<Entry, EntryRefusal> {
        match self.state {
            SaleState::Open | SaleState::Paused => Ok(Entry::Line),
            SaleState::Closed => Err(EntryRefusal::Over),
            SaleState::Scheduled if self.lobby_opens_at().is_some_and(|at| at <= now) => Ok(Entry::Lobby),
            SaleState::Scheduled => Err(EntryRefusal::NotOnSale),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sale(state: SaleState, starts_at: Option<i64>) -> Sale {
        let gate = crate::waiting_room::GateLimits { capacity: 1, admissions_per_minute: 1 };
        let seats = SeatLimits { per_order: 2, per_buyer: 2 };
        let rules = SaleRules {
            waiting_room: true,
            gate,
            lapse_seconds: 3,
            active_seconds: 1,
            lobby_seconds: 10,
            hold_ttl_seconds: 1,
            seats,
        };
        let event = "E1".parse().expect("an id");
        Sale { event, state, starts_at: starts_at.map(Timestamp::from_millis), rules }
    }

    #[test]
    fn w11_the_lobby_opens_its_time_before_the_sale() {
        let sale = sale(SaleState::Scheduled, Some(100_000));
        assert_eq!(sale.enter(Timestamp::from_millis(89_999)), Err(EntryRefusal::NotOnSale));
        assert_eq!(sale.enter(Timestamp::from_millis(90_000)), Ok(Entry::Lobby));
        assert!(!sale.is_due(Timestamp::from_millis(99_999)));
        assert!(sale.is_due(Timestamp::from_millis(100_000)));
    }

    #[test]
    fn a_sale_without_a_time_waits_for_its_organiser() {
        let sale = sale(SaleState::Scheduled, None);
        assert!(!sale.is_due(Timestamp::from_millis(i64::MAX)));
        assert_eq!(sale.enter(Timestamp::from_millis(i64::MAX)), Err(EntryRefusal::NotOnSale));
    }

    #[test]
    fn a_closed_sale_never_opens_again() {
        for action in [SaleAction::Open, SaleAction::Pause, SaleAction::Resume] {
            assert_eq!(SaleState::Closed.after(action), None);
        }
        for state in SaleState::ALL {
            assert_eq!(SaleState::parse(state.as_str()), Some(state));
            assert_eq!(state.after(SaleAction::Close), Some(SaleState::Closed));
        }
    }

    #[test]
    fn rules_out_of_range_are_named() {
        let mut rules = sale(SaleState::Open, None).rules;
        assert_eq!(rules.check(), Ok(()));
        rules.seats.per_buyer = 1;
        assert_eq!(rules.check().map_err(|e| e.field), Err("seatsPerBuyer"));
    }
}
