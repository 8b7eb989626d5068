//! What the embedded profile has in its own process keeps every contract (P1).

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use futures::FutureExt;
use tmcore::cache_key::CacheKey;

use super::bus::MemoryBus;
use super::cache::MemoryCache;
use super::queue::MemoryQueue;
use crate::clock::{Clock, SystemClock};
use crate::ports::bus::Bus;
use crate::ports::cache::Cache;
use crate::ports::contract;
use crate::ports::contract::stage::event_id;
use crate::ports::queue::{Gate, WaitingRoomQueue};

/// The same for both sides of a suite: there is one process.
fn twice<T: ?Sized>(one: Arc<T>) -> [Arc<T>; 2] {
    [Arc::clone(&one), one]
}

#[tokio::test]
async fn queue() {
    contract::queue::run(async || twice(Arc::new(MemoryQueue::default()) as Arc<dyn WaitingRoomQueue>)).await;
}

#[tokio::test]
async fn news_are_told_once_however_often_announced() {
    let queue = MemoryQueue::default();
    for id in ["E1", "E2", "E1", "E1"] {
        queue.announce(&event_id(id));
    }
    for id in ["E1", "E2"] {
        assert_eq!(queue.next().await.gate, Gate::Of(event_id(id)));
    }
    assert!(queue.next().now_or_never().is_none(), "no more news");
}

#[tokio::test]
async fn bus() {
    contract::bus::run(async || twice(Arc::new(MemoryBus::default()) as Arc<dyn Bus>)).await;
}

#[tokio::test]
async fn cache() {
    let stale = Duration::from_secs(60);
    contract::cache::run(async || twice(Arc::new(MemoryCache::new(stale)) as Arc<dyn Cache>)).await;
}

/// Readers that come all the time never wait for a value that ran out: one of them builds it before.
#[tokio::test]
async fn a_value_is_refreshed_before_its_time_by_one_reader() {
    let (cache, built, waited) = (MemoryCache::default(), AtomicU32::new(0), AtomicU32::new(0));
    let key = CacheKey::Availability(event_id("E1"));
    let rebuild = || {
        Box::pin(async {
            built.fetch_add(1, Ordering::SeqCst);
            tokio::time::sleep(Duration::from_millis(40)).await;
            Ok(None)
        })
    };
    cache.get_or_build(key.clone(), rebuild()).await.unwrap();
    let clock = SystemClock::new();
    let reader = || async {
        while clock.monotonic() < Duration::from_secs(2) {
            let began_at = clock.monotonic();
            cache.get_or_build(key.clone(), rebuild()).await.unwrap();
            if clock.monotonic().saturating_sub(began_at) >= Duration::from_millis(40) {
                waited.fetch_add(1, Ordering::SeqCst);
            }
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    };
    futures::future::join_all((0..20).map(|_| reader())).await;
    let (built, waited) = (built.load(Ordering::SeqCst), waited.load(Ordering::SeqCst));
    assert!(built >= 2_000 / 250, "{built}");
    assert!(waited <= built + 20, "{waited} of 20 readers waited for {built} values");
}
