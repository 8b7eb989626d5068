//! What every cache keeps.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use futures::future::join_all;
use tmcore::cache_key::CacheKey;

use super::stage::event_id;
use crate::ports::StoreError;
use crate::ports::cache::{Body, Cache, Rebuilt};

/// Runs the suite; `make` makes a fresh cache for every check.
pub async fn run(make: impl AsyncFn() -> Arc<dyn Cache>) {
    c4_a_value_is_built_once_however_many_ask(&*make().await).await;
    what_is_not_there_is_remembered_and_a_failure_is_not(&*make().await).await;
    c2_a_value_lives_no_longer_than_its_key_allows(&*make().await).await;
    what_is_forgotten_is_built_anew(&*make().await).await;
}

fn key() -> CacheKey {
    CacheKey::Availability(event_id("E1"))
}

/// Builds and counts; what it builds says how often it was asked.
async fn build(built: &AtomicU32) -> Rebuilt {
    let n = built.fetch_add(1, Ordering::SeqCst) + 1;
    tokio::time::sleep(Duration::from_millis(20)).await;
    Ok(Some(Body { etag: n.to_string().into(), plain: n.to_string().into(), gzip: None }))
}

async fn get(cache: &dyn Cache, built: &AtomicU32) -> bytes::Bytes {
    cache.get_or_build(key(), Box::pin(build(built))).await.unwrap().unwrap().etag
}

async fn c4_a_value_is_built_once_however_many_ask(cache: &dyn Cache) {
    let built = AtomicU32::new(0);
    let answers = join_all((0..1_000).map(|_| get(cache, &built))).await;
    assert!(answers.iter().all(|answer| answer == "1"));
    assert_eq!(built.load(Ordering::SeqCst), 1);
}

async fn what_is_not_there_is_remembered_and_a_failure_is_not(cache: &dyn Cache) {
    let failed = cache.get_or_build(key(), Box::pin(async { Err(StoreError::Busy) })).await;
    assert!(matches!(failed, Err(StoreError::Busy)));
    assert_eq!(cache.get_or_build(key(), Box::pin(async { Ok(None) })).await.unwrap(), None);
    let built = AtomicU32::new(0);
    let kept = cache.get_or_build(key(), Box::pin(build(&built))).await.unwrap();
    assert_eq!((kept, built.load(Ordering::SeqCst)), (None, 0));
}

async fn c2_a_value_lives_no_longer_than_its_key_allows(cache: &dyn Cache) {
    let built = AtomicU32::new(0);
    assert_eq!(get(cache, &built).await, "1");
    tokio::time::sleep(key().ttl() + Duration::from_millis(50)).await;
    assert_eq!(get(cache, &built).await, "2");
}

async fn what_is_forgotten_is_built_anew(cache: &dyn Cache) {
    let built = AtomicU32::new(0);
    assert_eq!(get(cache, &built).await, "1");
    cache.forget(&key()).await;
    assert_eq!(get(cache, &built).await, "2");
}
