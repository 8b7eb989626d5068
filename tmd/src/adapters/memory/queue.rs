//! The waiting-room queue within one process: which gates have news, each once.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use tmcore::EventId;
use tokio::sync::Notify;

use crate::ports::queue::{Gate, News, Receipt, WaitingRoomQueue};

/// A map, so that it is never longer than there are events.
#[derive(Debug, Default)]
pub struct MemoryQueue {
    news: Mutex<BTreeMap<Gate, Receipt>>,
    arrived: Notify,
    emptied: Notify,
}

impl MemoryQueue {
    /// Has news told here, with what is to be handed back when they were acted on.
    pub fn put(&self, gate: Gate, receipt: Receipt) {
        self.lock().entry(gate).or_default().0.extend(receipt.0);
        self.arrived.notify_one();
    }

    /// Returns when all news were taken.
    pub async fn emptied(&self) {
        loop {
            let emptied = self.emptied.notified();
            if self.lock().is_empty() {
                return;
            }
            emptied.await;
        }
    }

    fn take(&self) -> Option<News> {
        let mut news = self.lock();
        let (gate, receipt) = news.pop_first()?;
        if news.is_empty() {
            self.emptied.notify_waiters();
        }
        Some(News { gate, receipt })
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<Gate, Receipt>> {
        self.news.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl WaitingRoomQueue for MemoryQueue {
    fn announce(&self, event: &EventId) {
        self.put(Gate::Of(event.clone()), Receipt::default());
    }

    async fn next(&self) -> News {
        loop {
            if let Some(news) = self.take() {
                return news;
            }
            self.arrived.notified().await;
        }
    }

    fn done(&self, _: News) {}
}
