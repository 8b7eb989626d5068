//! What every cache keeps.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use futures::future::join_all;
use tmcore::cache_key::CacheKey;
use tokio::sync::Notify;

use super::stage::event_id;
use crate::clock::{Clock, SystemClock};
use crate::ports::StoreError;
use crate::ports::cache::{Body, Cache, Rebuilt};

/// The cache as two processes have it; of a cache within one process it is one and the same.
pub type Processes = [Arc<dyn Cache>; 2];

/// Runs the suite; `make` makes a fresh cache for every check, that serves old values for longer than the check takes.
pub async fn run(make: impl AsyncFn() -> Processes) {
    c4_a_value_is_built_once_however_many_ask(&make().await).await;
    what_is_not_there_is_remembered(&make().await).await;
    c4_a_failure_is_told_to_all_for_a_moment(&make().await).await;
    c4_who_asks_while_a_value_is_built_anew_waits_for_that(&make().await).await;
    c2_a_value_lives_no_longer_than_its_key_allows(&make().await).await;
    what_is_forgotten_is_built_anew(&make().await).await;
    c3_a_late_writer_does_not_bring_back_what_was_forgotten(&make().await).await;
    what_others_changed_is_looked_at_again(&make().await).await;
    while_the_source_fails_only_what_may_be_stale_is(&make().await).await;
}

/// For how long a failure is told.
const FAILURE: Duration = Duration::from_millis(100);

fn key() -> CacheKey {
    CacheKey::Availability(event_id("E1"))
}

/// The age beyond which nothing is served.
fn oldest(key: &CacheKey) -> Duration {
    key.ttl() + key.shared_ttl() + Duration::from_millis(50)
}

fn body(text: &str) -> Body {
    Body { etag: text.to_owned().into(), plain: text.to_owned().into(), gzip: None }
}

/// Builds and counts; what it builds says how often it was asked.
async fn build(built: &AtomicU32) -> Rebuilt {
    let n = built.fetch_add(1, Ordering::SeqCst) + 1;
    tokio::time::sleep(Duration::from_millis(20)).await;
    Ok(Some(body(&n.to_string())))
}

async fn get(cache: &dyn Cache, built: &AtomicU32) -> bytes::Bytes {
    cache.get_or_build(key(), Box::pin(build(built))).await.unwrap().unwrap().etag
}

/// What is there, or else what is given.
async fn get_or(cache: &dyn Cache, key: &CacheKey, text: &str) -> bytes::Bytes {
    let fresh = Box::pin(async { Ok(Some(body(text))) });
    cache.get_or_build(key.clone(), fresh).await.unwrap().unwrap().etag
}

async fn c4_a_value_is_built_once_however_many_ask([cache, _]: &Processes) {
    let built = AtomicU32::new(0);
    let answers = join_all((0..1_000).map(|_| get(&**cache, &built))).await;
    assert!(answers.iter().all(|answer| answer == "1"));
    assert_eq!(built.load(Ordering::SeqCst), 1);
}

async fn what_is_not_there_is_remembered([cache, _]: &Processes) {
    assert_eq!(cache.get_or_build(key(), Box::pin(async { Ok(None) })).await.unwrap(), None);
    let built = AtomicU32::new(0);
    let kept = cache.get_or_build(key(), Box::pin(build(&built))).await.unwrap();
    assert_eq!((kept, built.load(Ordering::SeqCst)), (None, 0));
}

/// Readers who come one after the other as well as all at once.
async fn c4_a_failure_is_told_to_all_for_a_moment([cache, _]: &Processes) {
    let (tried, clock) = (AtomicU32::new(0), SystemClock::new());
    let fail = || {
        let failing = async {
            tried.fetch_add(1, Ordering::SeqCst);
            Err(StoreError::Busy)
        };
        cache.get_or_build(key(), Box::pin(failing))
    };
    for failed in join_all((0..1_000).map(|_| fail())).await {
        assert!(matches!(failed, Err(StoreError::Busy)));
    }
    for _ in 0..100 {
        assert!(fail().await.is_err());
    }
    let most = 1 + clock.monotonic().as_millis() / FAILURE.as_millis();
    let tried = tried.load(Ordering::SeqCst);
    assert!(u128::from(tried) <= most, "{tried} tries, {most} would do");
    tokio::time::sleep(2 * FAILURE).await;
    assert_eq!(get_or(&**cache, &key(), "good").await, "good", "a moment later it is asked again");
}

/// Some readers come before the value ends and begin to build the next; the others come when it has ended.
async fn c4_who_asks_while_a_value_is_built_anew_waits_for_that([cache, _]: &Processes) {
    let (at_once, most_at_once, built) = (AtomicU32::new(0), AtomicU32::new(0), AtomicU32::new(0));
    let slow = || {
        let slow = async {
            most_at_once.fetch_max(at_once.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
            tokio::time::sleep(Duration::from_millis(240)).await;
            at_once.fetch_sub(1, Ordering::SeqCst);
            Ok(Some(body(&built.fetch_add(1, Ordering::SeqCst).to_string())))
        };
        cache.get_or_build(key(), Box::pin(slow))
    };
    let reader = async || {
        for _ in 0..40 {
            slow().await.unwrap();
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    join_all((0..3).map(|_| reader())).await;
    assert!(built.load(Ordering::SeqCst) > 1);
    assert_eq!(most_at_once.load(Ordering::SeqCst), 1);
}

async fn c2_a_value_lives_no_longer_than_its_key_allows([cache, other]: &Processes) {
    let built = AtomicU32::new(0);
    assert_eq!(get(&**cache, &built).await, "1");
    tokio::time::sleep(oldest(&key())).await;
    assert_eq!(get(&**other, &built).await, "2");
    assert_ne!(get(&**cache, &built).await, "1");
}

async fn what_is_forgotten_is_built_anew([cache, other]: &Processes) {
    let built = AtomicU32::new(0);
    assert_eq!(get(&**cache, &built).await, "1");
    cache.forget(&key()).await;
    assert_eq!(get(&**cache, &built).await, "2");
    other.forget(&key()).await;
    assert_eq!(get(&**other, &built).await, "3");
}

/// One process reads and is slow to write; meanwhile another changes what was read, and a third looks.
async fn c3_a_late_writer_does_not_bring_back_what_was_forgotten([slow, other]: &Processes) {
    let key = CacheKey::SeatMap(event_id("E1"));
    let (begun, go_on) = (Notify::new(), Notify::new());
    let late = async {
        begun.notify_one();
        go_on.notified().await;
        Ok(Some(body("old")))
    };
    let change = async {
        begun.notified().await;
        other.forget(&key).await;
        go_on.notify_one();
    };
    let (old, ()) = tokio::join!(slow.get_or_build(key.clone(), Box::pin(late)), change);
    assert_eq!(old.unwrap().unwrap().etag, "old", "who asked before is answered");
    slow.look_again(Some(&key)).await;
    assert_eq!(get_or(&**other, &key, "new").await, "new");
    assert_eq!(get_or(&**slow, &key, "new").await, "new");
}

async fn what_others_changed_is_looked_at_again([cache, other]: &Processes) {
    let keys = [CacheKey::SeatMap(event_id("E1")), CacheKey::Event(event_id("E2"))];
    for (number, again) in [Some(&keys[0]), None].into_iter().enumerate() {
        for key in &keys {
            get_or(&**cache, key, "old").await;
            other.forget(key).await;
        }
        cache.look_again(again).await;
        assert_eq!(get_or(&**cache, &keys[number], "new").await, "new");
    }
}

async fn while_the_source_fails_only_what_may_be_stale_is([cache, _]: &Processes) {
    let (event, seats) = (CacheKey::Event(event_id("E1")), key());
    for key in [&event, &seats] {
        assert_eq!(get_or(&**cache, key, "good").await, "good");
    }
    tokio::time::sleep(oldest(&event)).await;
    let failing = async |key: &CacheKey| {
        cache.get_or_build(key.clone(), Box::pin(async { Err(StoreError::Busy) })).await
    };
    assert_eq!(failing(&event).await.unwrap().unwrap().etag, "good");
    let silent = cache.get_or_build(event.clone(), Box::pin(std::future::pending())).await;
    assert_eq!(silent.unwrap().unwrap().etag, "good", "one that says nothing fails as well");
    assert!(matches!(failing(&seats).await, Err(StoreError::Busy)));
    tokio::time::sleep(2 * FAILURE).await;
    assert_eq!(get_or(&**cache, &event, "better").await, "better", "no longer than it fails");
    cache.forget(&event).await;
    assert!(failing(&event).await.is_err(), "what was forgotten is not served");
}
