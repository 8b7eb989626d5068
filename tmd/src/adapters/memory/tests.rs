//! What the embedded profile has in its own process keeps every contract (P1).

use std::sync::Arc;

use super::bus::MemoryBus;
use super::cache::MemoryCache;
use super::queue::MemoryQueue;
use crate::ports::contract;

#[tokio::test]
async fn queue() {
    contract::queue::run(async || Arc::new(MemoryQueue::default()) as _).await;
}

#[tokio::test]
async fn bus() {
    contract::bus::run(async || Arc::new(MemoryBus::default()) as _).await;
}

#[tokio::test]
async fn cache() {
    contract::cache::run(async || Arc::new(MemoryCache::default()) as _).await;
}
