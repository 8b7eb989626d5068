//! The life of an order, from the first hold to the ticket.
//!
//! ```text
//! PENDING -> AUTHORIZING -> AUTHORIZED -> CAPTURING -> FINALIZED -> REFUNDING -> REFUNDED
//! PENDING | AUTHORIZING | AUTHORIZED -> EXPIRED | CANCELLED
//! AUTHORIZING -> PENDING (declined: the hold stays)      CAPTURING -> FAILED (definite refusal only)
//! ```
//!
//! Each transition consumes the order as it stood and answers the order as it stands, with the effects that the same
//! transaction has to make. Time is always the database's.

pub mod effect;

pub use effect::Effect;

use serde::{Deserialize, Serialize};

use crate::{EventId, Money, OrderId, SessionId, Timestamp, UserId};

/// The decline with which an order is given up (M14).
pub const MAX_DECLINES: u32 = 3;

/// Where an order stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum OrderState {
    /// Begun, or declined with the hold still good.
    Pending,
    /// Seats held, the provider asked.
    Authorizing,
    /// Seats held, the card good.
    Authorized,
    /// Seats pinned, the provider asked for the money. Never expires.
    Capturing,
    /// Paid and ticketed.
    Finalized,
    /// The money is on its way back.
    Refunding,
    /// The money is back.
    Refunded,
    /// Time was up.
    Expired,
    /// Given up by the buyer, or after too many declines.
    Cancelled,
    /// The provider refused the capture for good.
    Failed,
}

impl OrderState {
    /// Every state.
    pub const ALL: [Self; 10] = [
        Self::Pending,
        Self::Authorizing,
        Self::Authorized,
        Self::Capturing,
        Self::Finalized,
        Self::Refunding,
        Self::Refunded,
        Self::Expired,
        Self::Cancelled,
        Self::Failed,
    ];

    /// Its name in the store and on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "PENDING",
            Self::Authorizing => "AUTHORIZING",
            Self::Authorized => "AUTHORIZED",
            Self::Capturing => "CAPTURING",
            Self::Finalized => "FINALIZED",
            Self::Refunding => "REFUNDING",
            Self::Refunded => "REFUNDED",
            Self::Expired => "EXPIRED",
            Self::Cancelled => "CANCELLED",
            Self::Failed => "FAILED",
        }
    }

    /// The state of a name, if there is one.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == name)
    }

    /// Whether the table at the top of the module has the edge.
    #[must_use]
    pub const fn may_become(self, next: Self) -> bool {
        matches!(
            (self, next),
            (Self::Pending, Self::Authorizing | Self::Expired | Self::Cancelled)
                | (Self::Authorizing, Self::Authorized | Self::Pending | Self::Expired | Self::Cancelled)
                | (Self::Authorized, Self::Capturing | Self::Expired | Self::Cancelled)
                | (Self::Capturing, Self::Finalized | Self::Failed)
                | (Self::Finalized, Self::Refunding)
                | (Self::Refunding, Self::Refunded)
        )
    }

    /// Whether time can end it.
    #[must_use]
    pub const fn can_expire(self) -> bool {
        matches!(self, Self::Pending | Self::Authorizing | Self::Authorized)
    }

    /// Whether the order may still end with tickets.
    #[must_use]
    pub const fn is_open(self) -> bool {
        self.can_expire() || matches!(self, Self::Capturing)
    }
}

/// An order, without its seats.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Order {
    /// Its id.
    pub id: OrderId,
    /// Whose and for what.
    pub parties: OrderParties,
    /// Where it stands, as written; see [`Order::state_at`].
    pub state: OrderState,
    /// Until when it must be confirmed and finalized.
    pub expires_at: Timestamp,
    /// When it was begun.
    pub created_at: Timestamp,
    /// What its seats cost; zero before any are held.
    pub total: Money,
    /// What became of the cards so far.
    pub cards: CardTries,
}

/// How often the provider was asked, and how often it declined.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CardTries {
    /// Authorizations asked for; part of the provider key, so that a new attempt is a new operation (M5).
    pub attempts: u32,
    /// Those that were declined.
    pub declines: u32,
}

/// Whose order it is, and for what.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OrderParties {
    /// The buyer.
    pub user: UserId,
    /// The event.
    pub event: EventId,
    /// The waiting-room session, unless the event is sold without.
    pub session: Option<SessionId>,
}

/// Why an order does not do what it was asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OrderRefusal {
    /// The order is in a state that does not allow it.
    #[error("the order is {}", .0.as_str())]
    State(OrderState),
    /// Its time is up.
    #[error("the order's time is up")]
    Expired,
}

/// An order after a transition, and what the same transaction has to do with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transition {
    /// The order as it stands now.
    pub order: Order,
    /// The state it went through on the way, if it took two edges at once.
    pub through: Option<OrderState>,
    /// What else changes. Empty when the order already stood so.
    pub effects: Vec<Effect>,
}

impl Order {
    /// Where it stands at `now`: time ends an order whether or not anybody wrote it down (S4).
    #[must_use]
    pub fn state_at(&self, now: Timestamp) -> OrderState {
        if self.is_past(now) { OrderState::Expired } else { self.state }
    }

    /// Whether its time was up at `now`.
    #[must_use]
    pub fn is_past(&self, now: Timestamp) -> bool {
        self.state.can_expire() && self.expires_at <= now
    }

    /// Takes seats for it and asks for the card: PENDING -> AUTHORIZING. The first hold starts the clock of
    /// `hold_ttl_seconds`; any later hold keeps the old end (M14).
    ///
    /// # Errors
    /// [`OrderRefusal::Expired`] past its time, [`OrderRefusal::State`] unless PENDING.
    pub fn confirm(
        self,
        now: Timestamp,
        hold_ttl_seconds: u32,
        total: Money,
    ) -> Result<Transition, OrderRefusal> {
        match self.state_at(now) {
            OrderState::Pending => {}
            OrderState::Expired => return Err(OrderRefusal::Expired),
            other => return Err(OrderRefusal::State(other)),
        }
        let first = self.cards.attempts == 0;
        let expires_at = if first { now.plus_seconds(hold_ttl_seconds) } else { self.expires_at };
        let cards = CardTries { attempts: self.cards.attempts + 1, ..self.cards };
        let order = Self { state: OrderState::Authorizing, expires_at, total, cards, ..self };
        Ok(order.with(vec![Effect::HoldSeats, Effect::Authorize]))
    }

    /// The provider said that the card is good. Past its time, or given up meanwhile, the authorization is undone (M9).
    #[must_use]
    pub fn authorized(self, now: Timestamp) -> Transition {
        match self.state {
            OrderState::Authorizing if !self.is_past(now) => self.into_state(OrderState::Authorized, vec![]),
            OrderState::Authorizing => self.into_state(
                OrderState::Expired,
                vec![Effect::ReleaseSeats, Effect::Void, Effect::CloseSession],
            ),
            OrderState::Expired | OrderState::Cancelled | OrderState::Failed => self.with(vec![Effect::Void]),
            _ => self.with(vec![]),
        }
    }

    /// The provider declined the card: the hold stays until its time is up, the [`MAX_DECLINES`]th decline cancels (M14).
    #[must_use]
    pub fn declined(self, now: Timestamp) -> Transition {
        if self.state != OrderState::Authorizing {
            return self.with(vec![]);
        }
        let ended = vec![Effect::ReleaseSeats, Effect::CloseSession];
        let past = self.is_past(now);
        let cards = CardTries { declines: self.cards.declines + 1, ..self.cards };
        let order = Self { cards, ..self };
        if past {
            order.into_state(OrderState::Expired, ended)
        } else if order.cards.declines >= MAX_DECLINES {
            order.into_state(OrderState::Cancelled, ended)
        } else {
            order.into_state(OrderState::Pending, vec![])
        }
    }

    /// The provider knows nothing of the authorization and never will: the buyer may try again.
    #[must_use]
    pub fn authorization_never_happened(self, now: Timestamp) -> Transition {
        if self.state != OrderState::Authorizing {
            return self.with(vec![]);
        }
        if self.is_past(now) {
            return self.into_state(OrderState::Expired, vec![Effect::ReleaseSeats, Effect::CloseSession]);
        }
        self.into_state(OrderState::Pending, vec![])
    }

    /// Pins the seats and asks for the money: AUTHORIZED -> CAPTURING (M7). Past its time the order ends instead, and
    /// the authorization is voided (M8): the transition's state tells.
    ///
    /// # Errors
    /// [`OrderRefusal::State`] unless AUTHORIZED, [`OrderRefusal::Expired`] if its end was written already.
    pub fn finalize(self, now: Timestamp) -> Result<Transition, OrderRefusal> {
        match self.state {
            OrderState::Expired => Err(OrderRefusal::Expired),
            OrderState::Authorized if !self.is_past(now) => {
                Ok(self.into_state(OrderState::Capturing, vec![Effect::PinSeats, Effect::Capture]))
            }
            _ if self.is_past(now) => Ok(self.expire(now)),
            other => Err(OrderRefusal::State(other)),
        }
    }

    /// The money is taken: CAPTURING -> FINALIZED. A second telling changes nothing (M2).
    #[must_use]
    pub fn captured(self) -> Transition {
        if self.state != OrderState::Capturing {
            return self.with(vec![]);
        }
        self.into_state(
            OrderState::Finalized,
            vec![Effect::SellSeats, Effect::IssueTickets, Effect::CloseSession],
        )
    }

    /// The money is taken and the seats are somebody else's: CAPTURING -> FINALIZED -> REFUNDING at once, without a
    /// ticket (M9).
    #[must_use]
    pub fn captured_in_vain(self) -> Transition {
        if self.state != OrderState::Capturing {
            return self.with(vec![]);
        }
        let effects = vec![Effect::ReleaseSeats, Effect::Refund, Effect::CloseSession];
        Transition { through: Some(OrderState::Finalized), ..self.into_state(OrderState::Refunding, effects) }
    }

    /// The organiser gives the money back: FINALIZED -> REFUNDING. The tickets end now and the seats are for sale again;
    /// the money follows. Again on an order that is being or was refunded changes nothing.
    ///
    /// # Errors
    /// [`OrderRefusal::State`] unless FINALIZED.
    pub fn refund(self) -> Result<Transition, OrderRefusal> {
        match self.state {
            OrderState::Finalized => {
                Ok(self.into_state(OrderState::Refunding, vec![Effect::ReturnSeats, Effect::Refund]))
            }
            OrderState::Refunding | OrderState::Refunded => Ok(self.with(vec![])),
            other => Err(OrderRefusal::State(other)),
        }
    }

    /// The money is back: REFUNDING -> REFUNDED. A second telling changes nothing.
    #[must_use]
    pub fn refunded(self) -> Transition {
        if self.state != OrderState::Refunding {
            return self.with(vec![]);
        }
        self.into_state(OrderState::Refunded, vec![])
    }

    /// The provider refused the capture for good: CAPTURING -> FAILED, the seats go back.
    #[must_use]
    pub fn capture_refused(self) -> Transition {
        if self.state != OrderState::Capturing {
            return self.with(vec![]);
        }
        self.into_state(OrderState::Failed, vec![Effect::ReleaseSeats, Effect::Void, Effect::CloseSession])
    }

    /// The buyer gives it up. Again on a cancelled order changes nothing.
    ///
    /// # Errors
    /// [`OrderRefusal::State`] once the money is being taken or the order has ended otherwise.
    pub fn cancel(self, now: Timestamp) -> Result<Transition, OrderRefusal> {
        match self.state {
            OrderState::Cancelled => Ok(self.with(vec![])),
            state if state.can_expire() && !self.is_past(now) => {
                let effects = self.ending();
                Ok(self.into_state(OrderState::Cancelled, effects))
            }
            state if state.can_expire() => Ok(self.expire(now)),
            other => Err(OrderRefusal::State(other)),
        }
    }

    /// Writes down that its time is up. Changes nothing before, nor once the money is being taken.
    #[must_use]
    pub fn expire(self, now: Timestamp) -> Transition {
        if !self.is_past(now) {
            return self.with(vec![]);
        }
        let effects = self.ending();
        self.into_state(OrderState::Expired, effects)
    }

    /// What an unpaid end takes: only a card known to be good is voided now, one in flight when its answer comes (M9).
    fn ending(&self) -> Vec<Effect> {
        match self.state {
            OrderState::Authorized => vec![Effect::ReleaseSeats, Effect::Void, Effect::CloseSession],
            _ => vec![Effect::ReleaseSeats, Effect::CloseSession],
        }
    }

    fn into_state(self, state: OrderState, effects: Vec<Effect>) -> Transition {
        Transition { order: Self { state, ..self }, through: None, effects }
    }

    const fn with(self, effects: Vec<Effect>) -> Transition {
        Transition { order: self, through: None, effects }
    }
}

#[cfg(test)]
mod tests;
