//! The bus: tells every process of the office that something was committed. Loss is healed by looking again.

use std::sync::Arc;

use tmcore::{EventId, OrderId, Timestamp};
use tokio::sync::broadcast;

use super::waiting_room::SessionRecord;

/// A fact that was committed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fact {
    /// Seats of the event changed hands.
    SeatsChanged(EventId),
    /// The event's settings or its sale changed.
    EventChanged(EventId),
    /// Sessions of one event changed state in another process; who commits takes them in without being told.
    SessionsMoved {
        /// As they stand now.
        records: Arc<[SessionRecord]>,
        /// How many of them were let in by it.
        admitted: u64,
    },
    /// An order's hold may lapse at an instant, or no longer. No listener is told: it is written where those outside the
    /// office look holds up, and decides nothing.
    HoldMoved {
        /// The event whose seats are held.
        event: EventId,
        /// The order that holds them.
        order: OrderId,
        /// When it lapses; `None` when it has ended, or can end no more by itself.
        until: Option<Timestamp>,
    },
    /// Facts of other processes may have been lost: look again at everything.
    Missed,
}

/// Facts of one publisher arrive in order or not at all; when some of another process did not, [`Fact::Missed`] is told.
pub trait Bus: Send + Sync {
    /// Tells everybody, of sessions everybody but this process, of holds no listener. Never waits.
    fn publish(&self, fact: Fact);

    /// Hears everything published from now on, its own facts once. A listener that is too slow is told how many facts
    /// it lost.
    fn subscribe(&self) -> broadcast::Receiver<Fact>;
}
