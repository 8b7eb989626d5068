//! Availability: never trusted, never old, built once.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use bytes::Bytes;
use tmapi::ProblemCode;
use tmapi::client::{SeatState, SeatStates};
use tmcore::cache_key::CacheKey;
use tmd::app::Office;
use tmd::app::record::Body;
use tmd::ports::StoreError;
use tokio::sync::Notify;
use tokio::task::JoinSet;

use crate::harness::{Daemon, event_id, quick};
use crate::till::{Purchase, refusal};

fn key() -> CacheKey {
    CacheKey::Availability(event_id("E1"))
}

fn body(text: &str) -> Body {
    Body { etag: format!("\"{text}\"").into(), plain: Bytes::copy_from_slice(text.as_bytes()), gzip: None }
}

/// C1: a seat that the cache shows as free is sold all the same.
#[tokio::test(flavor = "multi_thread")]
async fn c1_a_stale_answer_never_decides() {
    let daemon = Daemon::start().await;
    let event = daemon.open_event("E1", 1, 4).await;
    let client = daemon.client();
    let before = client.availability(&event).await.unwrap();
    let owner = Purchase::begin(&client, &event).await;
    owner.confirm(&["A-1"], "tok_ok").await.unwrap();
    owner.finalize().await.unwrap();
    let late = Purchase::begin(&client, &event).await;
    // As old as an answer may be at the worst, and older.
    daemon.office.ports.cache.forget(&key()).await;
    let stale = body(&serde_json::to_string(&before).unwrap());
    daemon.office.cached(key(), Box::pin(async { Ok(Some(stale)) })).await.unwrap();
    let shown = SeatStates::unpack(&client.availability(&event).await.unwrap()).unwrap();
    assert_eq!(shown.get(0), SeatState::Available, "the cache shows it as free");
    assert_eq!(refusal(late.confirm(&["A-1"], "tok_ok").await), (409, ProblemCode::SeatsUnavailable));
    daemon.check_money().await;
}

/// C2: what is shown says when it was read, and that is at most 2 s ago; so is a change.
#[tokio::test(flavor = "multi_thread")]
async fn c2_what_is_shown_is_at_most_two_seconds_old() {
    let daemon = Daemon::start().await;
    let event = daemon.open_event("E1", 1, 10).await;
    let client = daemon.client();
    let clock = &daemon.office.world().clock;
    for seat in 1..=3 {
        client.availability(&event).await.unwrap();
        let buyer = Purchase::begin(&client, &event).await;
        buyer.confirm(&[&format!("A-{seat}")], "tok_ok").await.unwrap();
        let committed = clock.now();
        loop {
            let asked = clock.now();
            let look = client.availability(&event).await.unwrap();
            assert!(asked.millis_since(look.as_of) <= 2_000, "read at {}, asked at {asked}", look.as_of);
            if look.totals.reserved == seat {
                break;
            }
            assert!(asked.millis_since(committed) <= 2_000, "committed at {committed}, unseen at {asked}");
            assert!(look.as_of <= committed, "read after the commit, without it");
        }
    }
}

/// C4: a thousand readers at once cost one look at the seats for as long as it is good.
#[tokio::test(flavor = "multi_thread")]
async fn c4_a_thousand_readers_cost_one_look() {
    const READERS: usize = 1_000;
    let mut config = quick();
    // Crowd and daemon share the machine, so a look may have to wait for a connection.
    config.store.busy_timeout_milliseconds = 20_000;
    let daemon = Daemon::start_with(config).await;
    let event = daemon.open_event("E1", 20, 50).await;
    let client = daemon.client();
    let clock = Arc::clone(&daemon.office.world().clock);
    let began = clock.monotonic();
    let mut readers = JoinSet::new();
    for _ in 0..READERS {
        let (client, event) = (client.clone(), event.clone());
        readers.spawn(async move { client.availability(&event).await.unwrap().as_of.as_millis() });
    }
    let looks: BTreeSet<_> = readers.join_all().await.into_iter().collect();
    let most = clock.monotonic().saturating_sub(began).as_millis() / key().ttl().as_millis() + 2;
    assert!(looks.len() as u128 <= most, "{} looks, {most} would do", looks.len());
}

/// C4: also a look that fails is made once for all who wait for it.
#[tokio::test(flavor = "multi_thread")]
async fn c4_a_look_that_fails_fails_once_for_all() {
    let daemon = Daemon::start().await;
    let looks = Arc::new(AtomicU32::new(0));
    let mut readers = JoinSet::new();
    for _ in 0..1_000 {
        let (office, looks) = (Arc::clone(&daemon.office), Arc::clone(&looks));
        readers.spawn(async move {
            let look = async {
                looks.fetch_add(1, Ordering::SeqCst);
                tokio::time::sleep(Duration::from_secs(1)).await;
                Err(StoreError::Busy)
            };
            office.cached(key(), Box::pin(look)).await.is_err()
        });
    }
    assert!(readers.join_all().await.into_iter().all(|failed| failed));
    assert!(looks.load(Ordering::SeqCst) <= 2, "{} looks", looks.load(Ordering::SeqCst));
}

/// A look that was begun, and goes on when told.
fn slow_look(office: &Arc<Office>, text: &'static str, go_on: &Arc<Notify>) -> (JoinSet<Body>, Arc<Notify>) {
    let (office, go_on, begun) = (Arc::clone(office), Arc::clone(go_on), Arc::new(Notify::new()));
    let mut looking = JoinSet::new();
    let told = Arc::clone(&begun);
    looking.spawn(async move {
        let look = async {
            told.notify_one();
            go_on.notified().await;
            Ok(Some(body(text)))
        };
        office.cached(CacheKey::SeatMap(event_id("E1")), Box::pin(look)).await.unwrap().unwrap()
    });
    (looking, begun)
}

/// C3: what was read before a change does not come back after it, however late its reader writes.
#[tokio::test(flavor = "multi_thread")]
async fn c3_an_old_writer_does_not_overwrite_what_is_newer() {
    let daemon = Daemon::start().await;
    let event = event_id("E1");
    let go_on = Arc::new(Notify::new());
    let (mut old, begun) = slow_look(&daemon.office, "old", &go_on);
    begun.notified().await;
    daemon.office.tell_event(&event).await;
    go_on.notify_one();
    old.join_next().await.unwrap().unwrap();
    let now = daemon.office.cached(CacheKey::SeatMap(event), Box::pin(async { Ok(Some(body("new"))) })).await;
    assert_eq!(now.unwrap().unwrap(), body("new"));
}
