//! The bus: tells every process of the office that something was committed. Loss is healed by looking again.

use tmcore::EventId;
use tokio::sync::broadcast;

/// A fact that was committed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fact {
    /// Seats of the event changed hands.
    SeatsChanged(EventId),
    /// The event's settings or its sale changed.
    EventChanged(EventId),
}

/// Facts of one publisher arrive in order or not at all.
pub trait Bus: Send + Sync {
    /// Tells everybody. Never waits.
    fn publish(&self, fact: Fact);

    /// Hears everything published from now on. A listener that is too slow is told how many facts it lost.
    fn subscribe(&self) -> broadcast::Receiver<Fact>;
}
