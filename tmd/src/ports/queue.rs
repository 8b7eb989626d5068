//! The queue behind the waiting room: it tells granters where somebody has come to the gate. It is a hint; the rows
//! decide, and a granter looks at them from time to time whether or not it was told (W5).

use async_trait::async_trait;
use tmcore::EventId;

/// Where to look.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Gate {
    /// Everywhere: what was told before may be lost. Whoever hears it announces every event from the rows.
    All,
    /// At one event's gate.
    Of(EventId),
}

/// What the queue is handed back when the news were acted on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Receipt(pub Vec<String>);

/// Something changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct News {
    /// Where.
    pub gate: Gate,
    /// For [`WaitingRoomQueue::done`].
    pub receipt: Receipt,
}

/// News may be lost, doubled or late; they are never needed for a right answer. What was told to a granter that died
/// before it was done is told to another, some seconds later; of a queue within one process nothing outlives the granter.
#[async_trait]
pub trait WaitingRoomQueue: Send + Sync {
    /// Tells that something changed at the event's gate. Never waits: what does not fit is dropped.
    fn announce(&self, event: &EventId);

    /// The next news, for one of all granters of the office; those of one event are told once however often it was
    /// announced meanwhile.
    async fn next(&self) -> News;

    /// The turn that the news asked for is committed. Never waits.
    fn done(&self, news: News);
}
