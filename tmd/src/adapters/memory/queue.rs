//! The waiting-room queue within one process: which events have news, each once.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

use async_trait::async_trait;
use tmcore::EventId;
use tokio::sync::Notify;

use crate::ports::queue::WaitingRoomQueue;

/// A set, so that it is never longer than there are events.
#[derive(Debug, Default)]
pub struct MemoryQueue {
    news: Mutex<BTreeSet<EventId>>,
    arrived: Notify,
}

#[async_trait]
impl WaitingRoomQueue for MemoryQueue {
    fn announce(&self, event: &EventId) {
        self.news.lock().unwrap_or_else(PoisonError::into_inner).insert(event.clone());
        self.arrived.notify_one();
    }

    async fn next(&self) -> EventId {
        loop {
            if let Some(event) = self.news.lock().unwrap_or_else(PoisonError::into_inner).pop_first() {
                return event;
            }
            self.arrived.notified().await;
        }
    }
}
