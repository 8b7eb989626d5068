//! The queue behind the waiting room: it tells granters where somebody has come to the gate. It is a hint; the rows
//! decide, and a granter looks at them from time to time whether or not it was told (W5).

use async_trait::async_trait;
use tmcore::EventId;

/// News may be lost, doubled or late; they are never needed for a right answer.
#[async_trait]
pub trait WaitingRoomQueue: Send + Sync {
    /// Tells that something changed at the event's gate. Never waits: what does not fit is dropped.
    fn announce(&self, event: &EventId);

    /// The next event with news, each told once however often it was announced meanwhile.
    async fn next(&self) -> EventId;
}
