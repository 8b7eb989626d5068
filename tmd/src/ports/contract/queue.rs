//! What every waiting-room queue keeps.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use super::stage::event_id;
use crate::clock::{Clock, SystemClock};
use crate::ports::queue::{Gate, News, WaitingRoomQueue};

/// How long nothing must be told for there to be nothing.
const QUIET: Duration = Duration::from_millis(400);
const PATIENCE: Duration = Duration::from_secs(10);

/// The queue as two granters have it; of a queue within one process it is one and the same.
pub type Granters = [Arc<dyn WaitingRoomQueue>; 2];

/// Runs the suite; `make` makes a fresh queue for every check, of which nothing is told yet.
pub async fn run(make: impl AsyncFn() -> Granters) {
    news_are_told_however_often_announced(&make().await).await;
    whoever_waits_is_woken(&make().await).await;
    of_two_granters_one_is_told(&make().await).await;
    what_is_done_is_not_told_again(&make().await).await;
    w6_what_a_granter_did_not_do_is_told_to_another(make().await).await;
}

/// Takes and does everything until nothing more comes; answers how often each gate was told.
async fn drain(queue: &dyn WaitingRoomQueue) -> BTreeMap<Gate, usize> {
    let (mut told, clock) = (BTreeMap::new(), SystemClock::new());
    while let Ok(news) = tokio::time::timeout(QUIET, queue.next()).await {
        *told.entry(news.gate.clone()).or_insert(0) += 1;
        queue.done(news);
        assert!(clock.monotonic() < PATIENCE, "told again and again: {told:?}");
    }
    told
}

async fn drain_both(
    one: &Arc<dyn WaitingRoomQueue>,
    other: &Arc<dyn WaitingRoomQueue>,
) -> BTreeMap<Gate, usize> {
    let (mut told, by_other) = tokio::join!(drain(&**one), drain(&**other));
    for (gate, times) in by_other {
        *told.entry(gate).or_insert(0) += times;
    }
    told
}

async fn next(queue: &dyn WaitingRoomQueue) -> News {
    tokio::time::timeout(PATIENCE, queue.next()).await.expect("news")
}

fn gate(n: usize) -> Gate {
    Gate::Of(event_id(&format!("E{n}")))
}

async fn news_are_told_however_often_announced([one, other]: &Granters) {
    for _ in 0..100 {
        for n in 1..=3 {
            one.announce(&event_id(&format!("E{n}")));
        }
    }
    let told = drain_both(one, other).await;
    assert!(told.keys().cloned().eq((1..=3).map(gate)), "{told:?}");
    assert!(told.values().all(|times| *times <= 50), "told of each announcement: {told:?}");
}

async fn whoever_waits_is_woken([queue, other]: &Granters) {
    for _ in 0..10 {
        let woken = async {
            tokio::select! { news = queue.next() => (queue, news), news = other.next() => (other, news) }
        };
        let waiting = tokio::time::timeout(PATIENCE, woken);
        let (told, ()) = tokio::join!(waiting, async { queue.announce(&event_id("E1")) });
        let (granter, news) = told.unwrap();
        assert_eq!(news.gate, gate(1));
        granter.done(news);
    }
}

async fn of_two_granters_one_is_told([one, other]: &Granters) {
    for n in 0..100 {
        one.announce(&event_id(&format!("E{n}")));
    }
    assert_eq!(drain_both(one, other).await, (0..100).map(|n| (gate(n), 1)).collect());
}

async fn what_is_done_is_not_told_again([one, other]: &Granters) {
    one.announce(&event_id("E1"));
    assert_eq!(drain_both(one, other).await.len(), 1);
    // For longer than news may be held.
    for _ in 0..3 {
        assert_eq!(drain_both(one, other).await, BTreeMap::new());
    }
}

/// A granter takes news and is never heard of again.
async fn w6_what_a_granter_did_not_do_is_told_to_another([one, other]: Granters) {
    if Arc::ptr_eq(&one, &other) {
        return;
    }
    for n in 0..50 {
        other.announce(&event_id(&format!("E{n}")));
    }
    let lost = next(&*one).await;
    drop(one);
    let mut left: Vec<Gate> = (0..50).map(gate).collect();
    while !left.is_empty() {
        let news = next(&*other).await;
        left.retain(|gate| *gate != news.gate);
        other.done(news);
    }
    assert!(matches!(lost.gate, Gate::Of(_)));
}
