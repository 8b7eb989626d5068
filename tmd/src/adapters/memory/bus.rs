//! The bus within one process.

use tokio::sync::broadcast;

use crate::ports::bus::{Bus, Fact};
use crate::telemetry::queue::QueueGauge;

/// Facts kept for a slow listener before it loses the oldest.
const BACKLOG: usize = 1_024;

/// Facts reach everybody who listens in this process.
#[derive(Debug)]
pub struct MemoryBus {
    sender: broadcast::Sender<Fact>,
    shown: QueueGauge,
}

impl Default for MemoryBus {
    fn default() -> Self {
        Self { sender: broadcast::Sender::new(BACKLOG), shown: QueueGauge::new("facts", BACKLOG) }
    }
}

impl Bus for MemoryBus {
    fn publish(&self, fact: Fact) {
        // There is no other process, and nobody outside can look into this one.
        if matches!(fact, Fact::SessionsMoved { .. } | Fact::HoldMoved { .. }) {
            return;
        }
        // Nobody listening is no failure.
        let _ = self.sender.send(fact);
        self.shown.set(self.sender.len());
    }

    fn subscribe(&self) -> broadcast::Receiver<Fact> {
        self.sender.subscribe()
    }
}
